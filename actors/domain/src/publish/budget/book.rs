//! The book of one window: what is in it, as time goes forward.
//!
//! Every entry is added and taken out once, so that a decision costs the same however long the history is.
//! Deliberately absent: what a window means (`mod`) and the order of writes (`forecast`).

use super::Window;
use chrono::{DateTime, Utc};
use std::collections::VecDeque;

/// What counts in a window, oldest first.
#[derive(Debug, Clone)]
pub(super) struct Book {
    window: Window,
    entries: VecDeque<(DateTime<Utc>, u32)>,
    sum: u64,
}

impl Book {
    pub(super) fn new(window: Window) -> Self {
        Self { window, entries: VecDeque::new(), sum: 0 }
    }

    /// Adds what counts from `at` on. Times come nearly in order.
    pub(super) fn add(&mut self, at: DateTime<Utc>, weight: u32) {
        if weight == 0 {
            return;
        }
        let later = self.entries.iter().rev().take_while(|(other, _)| *other > at).count();
        self.entries.insert(self.entries.len() - later, (at, weight));
        self.sum += u64::from(weight);
    }

    /// The first moment from `now` on at which `weight` more fits beside `beside`; none where it never does while
    /// those beside it stay. `now` never goes back.
    pub(super) fn earliest(&mut self, weight: u32, beside: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let length = self.window.length();
        while let Some((at, leaving)) = self.entries.front().copied() {
            if at + length > now {
                break;
            }
            self.entries.pop_front();
            self.sum -= u64::from(leaving);
        }
        let cap = u64::from(self.window.cap.max(weight));
        let wanted = u64::from(weight) + u64::from(beside);
        if self.window.cap == 0 || wanted > cap {
            return None;
        }
        let mut left = self.sum;
        let mut then = now;
        for (at, leaving) in &self.entries {
            if left + wanted <= cap {
                break;
            }
            left -= u64::from(*leaving);
            then = *at + length;
        }
        Some(then)
    }

    /// How much counts at `now`.
    pub(super) fn used(&self, now: DateTime<Utc>) -> u64 {
        let inside = self.entries.iter().filter(|(at, _)| *at + self.window.length() > now);
        inside.map(|(_, weight)| u64::from(*weight)).sum()
    }
}
