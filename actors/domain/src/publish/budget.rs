//! Budgets: how many content-creating writes fit into sliding windows.
//!
//! GitHub documents about 80 content-creating requests a minute and 500 an hour (REST rate limits, "secondary
//! rate limits"); which writes count is not documented, so all of them do. Deliberately absent: clocks and keeping
//! the history, which is the store's, by its clock.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The windows that hold for one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Windows over every content-creating write.
    pub writes: Vec<Window>,
    /// Windows over opened pull requests alone.
    pub pull_requests: Vec<Window>,
}

/// At most `cap` in any `seconds` in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The window's length.
    pub seconds: u32,
    /// The most that fit.
    pub cap: u32,
}

impl Default for Budget {
    /// 80 writes a minute, 500 an hour, 150 pull requests a day.
    fn default() -> Self {
        Self {
            writes: vec![Window { seconds: 60, cap: 80 }, Window { seconds: 3600, cap: 500 }],
            pull_requests: vec![Window { seconds: 86_400, cap: 150 }],
        }
    }
}

impl Budget {
    /// No limits of our own, for a code host that has none.
    pub fn unlimited() -> Self {
        Self { writes: vec![], pull_requests: vec![] }
    }
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
    let latest = windows.iter().filter_map(|window| window.room_at(history, now)).max();
    latest.map_or(Ok(()), |at| Err(NotBefore(at)))
}

impl Window {
    /// When there is room again; none where there is room now.
    fn room_at(self, history: &[DateTime<Utc>], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let length = TimeDelta::seconds(i64::from(self.seconds));
        let mut within: Vec<_> = history.iter().copied().filter(|at| *at + length > now).collect();
        let cap = usize::try_from(self.cap).unwrap_or(usize::MAX);
        if within.len() < cap {
            return None;
        }
        within.sort_unstable();
        // There is room once all but `cap - 1` of them have left.
        let last_to_leave = within.len().checked_sub(cap).and_then(|index| within.get(index));
        Some(last_to_leave.map_or(now + length, |at| *at + length))
    }
}
