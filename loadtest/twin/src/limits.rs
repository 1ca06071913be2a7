//! The primary rate limit: so many requests in an hour, per person, per installation, per app and per address
//! without a token. Counted and enforced; lifted by `--no-limits`, where the same headers are sent with a limit
//! that nobody reaches. Secondary limits are not here. Source: GitHub's "Rate limits for the REST API".

use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Requests an hour for a person or an installation.
pub const CORE: u64 = 5_000;
/// Requests an hour without a token.
pub const ANONYMOUS: u64 = 60;
const LIFTED: u64 = 100_000_000;
const HOUR: i64 = 3_600;

/// One subject's budget as the headers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests an hour.
    pub limit: u64,
    /// Used in this window.
    pub used: u64,
    /// When the window ends, seconds since the epoch.
    pub reset: i64,
    /// Was the limit already reached when this request came?
    pub exceeded: bool,
}

impl Budget {
    /// What is left.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// Every subject's window.
#[derive(Debug)]
pub struct Limits {
    limited: bool,
    core: std::sync::atomic::AtomicU64,
    windows: Mutex<HashMap<String, (i64, u64)>>,
}

impl Limits {
    /// Limits that are enforced, or only counted.
    pub fn new(limited: bool) -> Self {
        Self { limited, core: CORE.into(), windows: Mutex::default() }
    }

    /// Changes the hourly limit of people and installations, to see a client run into it.
    pub fn set_core(&self, limit: u64) {
        self.core.store(limit, std::sync::atomic::Ordering::Relaxed);
    }

    /// The budget before this request, without charging it.
    pub fn look(&self, subject: &str, now: DateTime<Utc>) -> Budget {
        self.at(subject, now, 0)
    }

    /// Charges a request, unless the limit is reached already: then nothing is charged and `exceeded` is set.
    pub fn charge(&self, subject: &str, now: DateTime<Utc>) -> Budget {
        self.at(subject, now, 1)
    }

    /// Gives back what a request was charged that turned out to be free (an answer of 304).
    pub fn refund(&self, subject: &str) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, used)) = windows.get_mut(subject) {
            *used = used.saturating_sub(1);
        }
    }

    fn at(&self, subject: &str, now: DateTime<Utc>, cost: u64) -> Budget {
        let limit = match (self.limited, subject.starts_with("ip:")) {
            (false, _) => LIFTED,
            (true, true) => ANONYMOUS,
            (true, false) => self.core.load(std::sync::atomic::Ordering::Relaxed),
        };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, used) = windows.entry(subject.to_owned()).or_insert((now.timestamp(), 0));
        if now.timestamp() >= *start + HOUR {
            (*start, *used) = (now.timestamp(), 0);
        }
        let exceeded = cost > 0 && *used >= limit;
        if !exceeded {
            *used += cost;
        }
        Budget { limit, used: *used, reset: *start + HOUR, exceeded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enforces_an_hour_and_starts_a_new_one() {
        let limits = Limits::new(true);
        limits.set_core(2);
        let now = Utc::now();
        assert_eq!(limits.charge("user:1", now).remaining(), 1);
        assert!(!limits.charge("user:1", now).exceeded);
        assert!(limits.charge("user:1", now).exceeded);
        assert!(!limits.charge("user:2", now).exceeded);
        limits.refund("user:1");
        assert!(!limits.charge("user:1", now).exceeded);
        assert!(!limits.charge("user:1", now + chrono::Duration::hours(1)).exceeded);
    }
}
