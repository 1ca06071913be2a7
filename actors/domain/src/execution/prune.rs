//! What a run closes of earlier versions, as its events tell it, and when a run has to find that out.
//!
//! Deliberately absent: deciding it (`publish::prune`).

use super::run::{Run, RunOptions, RunState};
use crate::id::{ChangesetId, RepositoryName};
use serde::{Deserialize, Serialize};

/// What of earlier versions is closed with a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pruned {
    /// How many changesets are closed, or would be.
    pub closing: u32,
    /// How many that the version leaves out stay as they are.
    pub left: u32,
    /// Why nothing is closed although there is something; empty where it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub held: String,
    /// The first of those that are closed.
    pub closed: Vec<Named>,
    /// The first of those that stay.
    pub stay: Vec<Named>,
}

/// A changeset, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The changeset.
    pub changeset: ChangesetId,
    /// Its repository.
    pub repository: RepositoryName,
    /// Why.
    pub why: String,
}

impl Pruned {
    /// The most that are named of each kind.
    pub const NAMED: usize = 200;
}

impl RunOptions {
    /// Whether a run is one of the whole campaign, which alone says what a version leaves out.
    pub fn is_whole(&self) -> bool {
        self.only.is_none() && self.again.is_empty()
    }
}

impl Run {
    /// The same run, which finds out what it closes of earlier versions where it is one of the whole campaign.
    #[must_use]
    pub fn that_prunes(self) -> Self {
        Self { pruned: !self.options.is_whole(), ..self }
    }

    /// Whether its targets are done, and what it closes of earlier versions is not known yet.
    pub fn is_pruning(&self) -> bool {
        self.state == RunState::Running && self.ended == self.total && !self.pruned
    }
}
