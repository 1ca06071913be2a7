//! What the owner of a run asks the store about its rollout: what happened to each wave, and what is held.
//!
//! Deliberately absent: deciding (`campaigns_domain::publish::rollout`).

use campaigns_domain::{id::ChangesetId, publish::rollout::WaveCounts};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// Tells whether anything has happened to a run since it was looked at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RolloutMark {
    /// How many events the run's parts hold together; it grows with everything that happens.
    pub events: i64,
    /// The time that everybody goes by.
    pub now: DateTime<Utc>,
}

/// What happened to each wave of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolloutCounts {
    /// The waves, from the first.
    pub waves: Vec<WaveCounts>,
    /// Those of the changesets asked about that are still held. They are counted as if they were let through.
    pub releasing: BTreeSet<ChangesetId>,
    /// When the first pull request that has shown no checks yet will have done so for long enough.
    pub settles: Option<DateTime<Utc>>,
}

/// A changeset that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub changeset: ChangesetId,
    /// The login of the organisation or user that owns it, in lower case.
    pub organization: String,
    /// Its version.
    pub version: i64,
}

/// Which held changesets are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of targets at positions before this one.
    pub before: u32,
    /// Whether they have a pull request already.
    pub opened: bool,
    /// Not these.
    pub except: BTreeSet<ChangesetId>,
    /// At most so many, by the position of their targets.
    pub limit: u32,
}
