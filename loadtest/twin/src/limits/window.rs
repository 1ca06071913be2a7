//! An exact sliding window: what was counted in the time before a moment, to the microsecond. A count of 80 in a
//! minute means that no half-open minute, wherever it begins, holds 81. Deliberately absent: buckets and rates,
//! which admit almost twice as much where two of them meet.

use std::collections::VecDeque;

/// What was counted, oldest first, as (microsecond, amount).
#[derive(Debug, Default)]
pub struct Window {
    entries: VecDeque<(i64, u64)>,
}

impl Window {
    /// The sum of what was counted in the `length` microseconds that end with `now`. What was counted exactly
    /// `length` ago is out.
    pub fn sum(&self, now: i64, length: i64) -> u64 {
        self.entries.iter().rev().take_while(|(at, _)| *at + length > now).map(|(_, amount)| amount).sum()
    }

    /// Counts something.
    pub fn count(&mut self, now: i64, amount: u64) {
        self.entries.push_back((now, amount));
    }

    /// Forgets what is older than `length`.
    pub fn forget(&mut self, now: i64, length: i64) {
        while self.entries.front().is_some_and(|(at, _)| *at + length <= now) {
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_exactly_the_time_before_now() {
        let mut window = Window::default();
        window.count(0, 5);
        window.count(10, 1);
        assert_eq!(
            (window.sum(10, 11), window.sum(10, 10), window.sum(19, 10), window.sum(20, 10)),
            (6, 1, 1, 0)
        );
        window.forget(10, 10);
        assert_eq!(window.sum(10, 100), 1);
    }
}
