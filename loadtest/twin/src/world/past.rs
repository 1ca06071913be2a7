//! The world as it was a while ago, for reads that a lagging replica answers: the fold of the journal without the
//! last changes of the repositories. Tokens, repositories and people are those of now. Deliberately absent: former
//! branches and commits, which are the bare repositories' and have no past.

use super::World;
use super::change::Change;
use super::journal;
use super::state::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, PoisonError};

/// How far behind a read is: it sees no change that is younger than the seconds, nor the last ones of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Seconds by the twin's clock.
    pub seconds: u64,
    /// Changes of each repository's pull requests and issues.
    pub changes: usize,
}

thread_local! {
    /// What the operation that this thread carries out reads instead of the present.
    static PAST: RefCell<Option<Arc<State>>> = const { RefCell::new(None) };
}

/// Puts the present back when it is dropped, by a panic too.
struct Back;

impl Drop for Back {
    fn drop(&mut self) {
        PAST.set(None);
    }
}

/// The past that this thread reads, if it does.
pub(super) fn current() -> Option<Arc<State>> {
    PAST.with_borrow(Clone::clone)
}

#[derive(Deserialize)]
struct Line {
    at: DateTime<Utc>,
    change: Value,
}

impl Line {
    /// The repository whose pull requests or issues it changed. The bare repositories have the refs.
    fn repository(&self) -> Option<u64> {
        (self.change["kind"] != "refs_moved").then(|| self.change["repository"].as_u64())?
    }
}

impl World {
    /// Carries out a read that sees the world as it was. Where the journal cannot be read it sees it as it is.
    pub fn lagging<T>(&self, lag: Lag, read: impl FnOnce() -> T) -> T {
        match self.past(lag) {
            Ok(state) => PAST.set(Some(Arc::new(state))),
            Err(error) => tracing::error!(error = %error, "the past cannot be read"),
        }
        let _back = Back;
        read()
    }

    fn past(&self, lag: Lag) -> io::Result<State> {
        // Under the journal's lock, so that no half line is read.
        let lines: Vec<Line> = {
            let _writing = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            journal::read(&self.journal_file())?
        };
        let mut last: HashMap<u64, usize> = HashMap::new();
        for repository in lines.iter().filter_map(Line::repository) {
            *last.entry(repository).or_default() += 1;
        }
        let seconds = i64::try_from(lag.seconds).unwrap_or(i64::MAX / 1_000);
        let horizon = self.clock.now() - TimeDelta::seconds(seconds);
        let mut state = State::default();
        for line in lines {
            if let Some(repository) = line.repository()
                && let Some(left) = last.get_mut(&repository)
            {
                *left -= 1;
                if *left < lag.changes || (lag.seconds > 0 && line.at > horizon) {
                    continue;
                }
            }
            let change: Change = serde_json::from_value(line.change)?;
            state.apply(line.at, &change);
        }
        Ok(state)
    }
}
