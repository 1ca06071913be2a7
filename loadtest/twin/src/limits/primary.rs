//! The primary limits: so many REST requests in an hour, and so many GraphQL points, for each person, installation,
//! app and address without a token. The hour begins with the first request and is fixed, as GitHub's reset time is.
//! Deliberately absent: GraphQL's points by connections; every query and mutation costs one.

use super::settings::Settings;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

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

/// Every subject's hour.
#[derive(Debug, Default)]
pub struct Primary {
    windows: Mutex<HashMap<String, (i64, u64)>>,
}

/// The name under which GraphQL's points of a subject are counted.
pub fn graphql_subject(subject: &str) -> String {
    format!("{subject}/graphql")
}

impl Primary {
    /// Charges `cost`, unless the limit is reached already: then nothing is charged and `exceeded` is set.
    pub fn charge(
        &self,
        subject: &str,
        now: DateTime<Utc>,
        cost: u64,
        enforced: Option<&Settings>,
    ) -> Budget {
        let limit = match enforced {
            None => LIFTED,
            Some(settings) if subject.ends_with("/graphql") => settings.graphql,
            Some(settings) if subject.starts_with("ip:") => settings.anonymous,
            Some(settings) => settings.core,
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

    /// Gives back what a request was charged that turned out to be free (an answer of 304).
    pub fn refund(&self, subject: &str) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, used)) = windows.get_mut(subject) {
            *used = used.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_enforced_and_a_new_one_begins() {
        let primary = Primary::default();
        let settings = Settings { core: 2, graphql: 1, ..Settings::default() };
        let now = Utc::now();
        let charge = |subject: &str, now| primary.charge(subject, now, 1, Some(&settings));
        assert_eq!(charge("user:1", now).remaining(), 1);
        assert!(!charge("user:1", now).exceeded);
        assert!(charge("user:1", now).exceeded);
        assert!(!charge("user:2", now).exceeded);
        assert!(!charge(&graphql_subject("user:1"), now).exceeded, "GraphQL has an hour of its own");
        assert!(charge(&graphql_subject("user:1"), now).exceeded);
        primary.refund("user:1");
        assert!(!charge("user:1", now).exceeded);
        assert!(!charge("user:1", now + chrono::Duration::hours(1)).exceeded);
        assert!(!primary.charge("user:1", now, 1, None).exceeded);
    }
}
