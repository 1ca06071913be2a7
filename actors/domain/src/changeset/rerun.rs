//! Failed checks that are to be run again: what was found to be failed is on record before anything is asked of GitHub,
//! so that the same attempt is asked for once, whatever happens in between.
//!
//! Deliberately absent: finding and asking, and when an ask fits (`Ask::refused`).

use super::{Changeset, ChangesetState as State, Checks};
use crate::id::CommitSha;
use serde::{Deserialize, Serialize};

/// How what came of a re-run begins, for people.
const AGAIN: &str = "failed jobs run again: ";
const LEFT: &str = "not run again: ";
const NONE: &str = "no failed check was found to run again";
/// How many workflow runs and checks a note names; the rest are counted.
const NAMED: usize = 10;
const MOVED: &str = "its head has moved, and checks of the new one run by themselves";

/// One attempt of a workflow that has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRun {
    /// The workflow run's id.
    pub run: u64,
    /// Its attempt, from 1. A re-run is the next one (GitHub: `run_attempt`).
    pub attempt: u32,
    /// What people call it.
    pub name: String,
}

/// What has failed at a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedChecks {
    /// The head.
    pub head: CommitSha,
    /// What can be run again.
    pub runs: Vec<FailedRun>,
    /// What cannot, and why, for people.
    pub left: Vec<String>,
}

/// How far a re-run is that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rerun")]
pub enum Rerun {
    /// What has failed is to be found.
    Owed,
    /// It was found, and is asked for.
    Found {
        /// What.
        failed: FailedChecks,
    },
    /// It is over.
    Asked {
        /// How many workflow runs run again.
        runs: u32,
        /// What came of it, for people.
        note: String,
    },
}

impl FailedChecks {
    /// What came of it where all that can be run again was asked for, for people.
    pub fn note(&self) -> String {
        let mut said = vec![];
        if !self.runs.is_empty() {
            let names: Vec<&str> = self.runs.iter().map(|run| run.name.as_str()).collect();
            said.push(format!("{AGAIN}{}", named(&names, ", ")));
        }
        if !self.left.is_empty() {
            let left: Vec<&str> = self.left.iter().map(String::as_str).collect();
            said.push(format!("{LEFT}{}", named(&left, "; ")));
        }
        match said.is_empty() {
            true => NONE.to_owned(),
            false => said.join("; "),
        }
    }
}

/// The first of these, and how many more there are.
fn named(all: &[&str], between: &str) -> String {
    match all.split_at_checked(NAMED) {
        Some((first, more)) if !more.is_empty() => {
            format!("{} and {} more", first.join(between), more.len())
        }
        _ => all.join(between),
    }
}

impl Rerun {
    /// It is over, since the head that somebody wanted it for is not the head any more.
    pub fn overtaken() -> Self {
        Self::Asked { runs: 0, note: MOVED.to_owned() }
    }
}

/// What is left of a reason once the checks have passed: what was said of running them again is over then.
pub(super) fn once_passed(reason: &str) -> &str {
    let of_rerun = [AGAIN, LEFT, NONE, MOVED].iter().any(|said| reason.starts_with(said));
    if of_rerun { "" } else { reason }
}

impl Changeset {
    /// Takes up how far a re-run is; whether it goes on.
    pub(super) fn reruns(&mut self, now: Option<&Rerun>) -> bool {
        let (Some(now), true) = (now, self.errand.rerun.is_some()) else { return false };
        let Rerun::Asked { runs, note } = now else {
            self.errand.rerun = Some(now.clone());
            return true;
        };
        self.errand.rerun = None;
        if let (true, Some(seen)) = (*runs > 0, &mut self.seen) {
            // Known before anybody reads it, so that what comes of it is news.
            seen.checks = Checks::Pending;
        }
        // A conflict's reason is one of the state's own.
        if let Some(back) = self.errand.back.as_mut().filter(|back| back.state != State::Conflicted) {
            back.reason.clone_from(note);
        }
        false
    }
}
