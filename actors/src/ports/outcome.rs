//! How a command went in one organisation, told by its owner in the commit that sees to it.
//!
//! Deliberately absent: what is told of it to people (the API's words).

use campaigns_domain::id::{ChangesetId, CommandId};
use serde::{Deserialize, Serialize};

/// How a command went in one organisation, as a row beside the command's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The command.
    pub command: CommandId,
    /// The organisation, in lower case.
    pub organization: String,
    /// What came of it.
    pub report: SyncReport,
}

/// What came of a sync.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SyncReport {
    /// How many pull requests were read.
    pub read: u64,
    /// How many of their changesets changed by it.
    pub changed: u64,
    /// How many could not be read.
    pub failed: u64,
    /// The first of those, in words.
    pub failures: Vec<SyncFailure>,
}

/// A pull request that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncFailure {
    /// Its changeset; none where the rest of an organisation's could not be read, each for the same reason.
    pub changeset: Option<ChangesetId>,
    /// Its repository, or `owner/*`.
    pub repository: String,
    /// Why.
    pub reason: String,
}

impl SyncReport {
    /// The most failures that are told one by one.
    pub const TOLD: usize = 100;

    /// Adds what came of a further part.
    pub fn add(&mut self, more: &Self) {
        self.read += more.read;
        self.changed += more.changed;
        self.failed += more.failed;
        let room = Self::TOLD.saturating_sub(self.failures.len());
        self.failures.extend(more.failures.iter().take(room).cloned());
    }
}
