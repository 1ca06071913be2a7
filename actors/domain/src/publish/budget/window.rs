//! Sliding windows: how much fits into any so many seconds in a row.
//!
//! Deliberately absent: what is counted (`mod`), and keeping the history, which is the store's, by its clock.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// At most `cap` in any `seconds` in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The window's length.
    pub seconds: u32,
    /// The most that fit.
    pub cap: u32,
}

/// The next write does not fit yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBefore(
    /// The first moment at which it does, if no other write comes between.
    pub DateTime<Utc>,
);

/// Whether one more write fits at `now` beside those of `history` (in any order): with it, no window of its length
/// would hold more than its cap. A write leaves a window exactly `seconds` after it was made.
///
/// # Errors
/// The first moment at which it fits. A window with a cap of 0 never has room; the moment is then `seconds` away.
pub fn next_slot(history: &[DateTime<Utc>], windows: &[Window], now: DateTime<Utc>) -> Result<(), NotBefore> {
    let each: Vec<_> = history.iter().map(|at| (*at, 1)).collect();
    let latest = windows.iter().filter_map(|window| window.room_at(&each, 1, now)).max();
    latest.map_or(Ok(()), |at| Err(NotBefore(at)))
}

impl Window {
    /// How long the window is.
    pub fn length(self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.seconds))
    }

    /// When there is room for something that weighs `weight` beside what is in the history (times and weights, in
    /// any order); none where there is room now. What weighs more than the window has waits until it is empty.
    pub fn room_at(
        self,
        history: &[(DateTime<Utc>, u32)],
        weight: u32,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let length = self.length();
        if self.cap == 0 {
            return Some(now + length);
        }
        let mut within: Vec<_> = history.iter().filter(|(at, _)| *at + length > now).collect();
        within.sort_unstable_by_key(|(at, _)| std::cmp::Reverse(*at));
        let mut room = self.cap.max(weight) - weight;
        for (at, weighs) in within {
            if *weighs > room {
                return Some(*at + length);
            }
            room -= weighs;
        }
        None
    }
}
