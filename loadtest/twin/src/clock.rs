//! The twin's clock: the system's plus an offset, or held still so that only a test moves it. An hour of token life
//! or of a rate-limit window can pass at once either way. It never runs backwards. A clock that was moved or held
//! is on disk and the same after kill -9. Deliberately absent: rates other than the system's and none.

use chrono::{DateTime, Duration, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How a clock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Going {
    /// With the system's, so many microseconds ahead of it.
    Ahead(i64),
    /// Not at all: it stands at this time.
    Held(DateTime<Utc>),
}

/// The time as the twin sees it.
#[derive(Debug)]
pub struct Clock {
    going: Mutex<Going>,
    file: Option<PathBuf>,
}

impl Clock {
    /// A clock that stands still and is on no disk.
    pub fn held(at: DateTime<Utc>) -> Self {
        Self { going: Mutex::new(Going::Held(at)), file: None }
    }

    /// The clock that a world has: as the file says, or, in a world that has none yet, as `first` says.
    ///
    /// # Errors
    /// Where the file cannot be read, is none of a clock, or cannot be written.
    pub fn open(file: &Path, first: Going) -> io::Result<Self> {
        let stored = match std::fs::read(file) {
            Ok(text) => Some(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let clock = Self { going: Mutex::new(stored.unwrap_or(first)), file: Some(file.to_owned()) };
        if stored.is_none() && first != Going::Ahead(0) {
            clock.store(first)?;
        }
        Ok(clock)
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        read(self.going())
    }

    /// How it goes.
    pub fn going(&self) -> Going {
        *self.going.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock forward; every token, window and timestamp sees it at once.
    pub fn advance(&self, by: std::time::Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::days(36_500));
        self.change(|going| match going {
            Going::Ahead(micros) => Going::Ahead(micros.saturating_add(by.num_microseconds().unwrap_or(0))),
            Going::Held(at) => Going::Held(at + by),
        });
    }

    /// Holds the clock at a time, or where it is when that time has passed.
    pub fn hold(&self, at: DateTime<Utc>) {
        self.change(|going| Going::Held(at.max(read(going))));
    }

    /// Lets a held clock go on from where it stands.
    pub fn release(&self) {
        self.change(|going| Going::Ahead((read(going) - Utc::now()).num_microseconds().unwrap_or(0)));
    }

    fn change(&self, change: impl FnOnce(Going) -> Going) {
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        let next = change(*going);
        // On disk first: a time that somebody has seen is not taken back.
        if let Err(error) = self.store(next) {
            tracing::error!(error = %error, "the clock cannot be stored; after a restart it will be an earlier one");
        }
        *going = next;
    }

    fn store(&self, going: Going) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let unfinished = file.with_extension("new");
        std::fs::write(&unfinished, serde_json::to_vec(&going)?)?;
        std::fs::rename(unfinished, file)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self { going: Mutex::new(Going::Ahead(0)), file: None }
    }
}

fn read(going: Going) -> DateTime<Utc> {
    match going {
        Going::Ahead(micros) => Utc::now() + Duration::microseconds(micros),
        Going::Held(at) => at,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration as Std;

    #[test]
    fn a_held_clock_moves_when_it_is_moved_and_is_the_same_when_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock.json");
        let clock = Clock::open(&file, Going::Held(DateTime::UNIX_EPOCH)).unwrap();
        assert_eq!(clock.now(), clock.now());
        clock.advance(Std::from_micros(1_500_001));
        assert_eq!(clock.now().timestamp_micros(), 1_500_001);
        clock.hold(DateTime::UNIX_EPOCH);
        assert_eq!(clock.now().timestamp_micros(), 1_500_001, "it never runs backwards");
        drop(clock);
        let again = Clock::open(&file, Going::Ahead(0)).unwrap();
        assert_eq!(again.now().timestamp_micros(), 1_500_001);
        again.release();
        let (before, after) = (again.now(), again.now());
        assert!(before.timestamp_micros() >= 1_500_001 && after >= before);
        assert!(after.timestamp() < 3_600, "it goes on from where it stood");
    }

    #[test]
    fn a_moved_clock_is_still_ahead_when_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock.json");
        let clock = Clock::open(&file, Going::Ahead(0)).unwrap();
        assert!(!file.exists(), "a clock that nobody moved needs no file");
        clock.advance(Std::from_secs(3_600));
        assert!(Clock::open(&file, Going::Ahead(0)).unwrap().now() >= Utc::now() + Duration::seconds(3_599));
        std::fs::write(&file, "noon").unwrap();
        assert!(Clock::open(&file, Going::Ahead(0)).is_err());
    }
}
