//! The twin's clock: the system's, plus an offset that a test or an operator may add, so that an hour of
//! token life or of a rate-limit window can pass at once. It never runs backwards and never stops: a test that
//! needs a frozen time advances it instead. The offset is not durable.

use chrono::{DateTime, Duration, Utc};
use std::sync::atomic::{AtomicI64, Ordering};

/// The time as the twin sees it.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_ms: AtomicI64,
}

impl Clock {
    /// Now, with whatever [`advance`](Self::advance) added.
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + Duration::milliseconds(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// Moves the clock forward; every token, window and timestamp sees it at once.
    pub fn advance(&self, by: std::time::Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

/// A time as GitHub writes it in JSON: whole seconds, `Z`.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time as HTTP headers write it (RFC 9110 `IMF-fixdate`).
pub fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads an `IMF-fixdate`; anything else is ignored, as RFC 9110 asks.
pub fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    chrono::NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S GMT").ok().map(|naive| naive.and_utc())
}
