//! The points that one process has spent, in exact sliding windows.
//!
//! Deliberately absent: what others have spent, and reading a clock.

use campaigns_domain::publish::budget::Window;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Points that still count.
#[derive(Debug, Default)]
pub(super) struct Spent {
    /// Of requests without an answer yet.
    pub(super) under_way: u32,
    /// Of everything that was ever answered.
    pub(super) total: u64,
    /// When requests were answered, oldest first, and what they cost. The host counted each at some time before.
    answered: VecDeque<(Instant, u32)>,
}

impl Spent {
    /// When `points` more may fit; none where they do now. A request of more points than a window has waits until
    /// the window is empty.
    pub(super) fn room_at(&self, window: Window, points: u32, now: Instant) -> Option<Instant> {
        let length = Duration::from_secs(window.seconds.into());
        let mut room = window.cap.max(points).saturating_sub(points);
        if self.under_way > room {
            // It is not known when those are answered: they are looked at again soon.
            return Some(now + Duration::from_millis(50));
        }
        room -= self.under_way;
        for (at, cost) in self.answered.iter().rev() {
            if *at + length <= now {
                break;
            }
            if *cost > room {
                return Some(*at + length);
            }
            room -= cost;
        }
        None
    }

    /// Points of answers within `length`.
    pub(super) fn recent(&self, length: Duration, now: Instant) -> u32 {
        let recent = self.answered.iter().rev().take_while(|(at, _)| *at + length > now);
        recent.map(|(_, cost)| cost).sum()
    }

    /// A request was answered, or will not be.
    pub(super) fn answer(&mut self, points: u32, now: Instant) {
        self.under_way = self.under_way.saturating_sub(points);
        self.total += u64::from(points);
        self.answered.push_back((now, points));
    }

    /// Forgets what no window holds any more.
    pub(super) fn forget(&mut self, now: Instant, longest: Duration) {
        while self.answered.front().is_some_and(|(at, _)| *at + longest <= now) {
            self.answered.pop_front();
        }
    }
}
