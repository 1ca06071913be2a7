//! What people read: lists by keyset, single things, and the events of a run behind a position.
//!
//! Deliberately absent: offsets and totals of lists, which grow slower with every page.

use super::StoreError;
use crate::wire::{
    AuditEntry, Campaign, Changeset, ChangesetState, Check, Command, Installation, Run, RunEnded,
    SpecVersion, Target, TargetDetail, TargetState,
};
use async_trait::async_trait;
use campaigns_domain::id::{ChangesetId, CommandId, RunId, SHARDS, TargetId};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

/// One page and where the next one begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T, K> {
    /// The items.
    pub items: Vec<T>,
    /// The key of the last item, if more follow.
    pub next: Option<K>,
}

/// Where a list of runs goes on: creation time and id, newest first.
pub type RunKey = (DateTime<Utc>, Uuid);

/// Where a list of targets goes on: position and id.
pub type TargetKey = (u32, Uuid);

/// Which repositories: a checked pattern over `owner/name`, with `*` for any characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFilter(String);

impl RepositoryFilter {
    /// Reads a pattern. Without `/` it is matched against the name alone; without wildcards it is a prefix.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn new(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./*?".contains(&byte);
        if text.is_empty() || text.len() > 200 || !text.bytes().all(allowed) {
            return Err(String::from(
                "`repository` is a pattern over `owner/name` of at most 200 characters: letters, digits, `-`, `_`, `.`, \
                 `*` for any characters and `?` for one",
            ));
        }
        let mut pattern = if text.contains('/') { text.to_owned() } else { format!("*/{text}") };
        if !text.contains(['*', '?']) {
            pattern.push('*');
        }
        Ok(Self(pattern))
    }

    /// The pattern, always over the whole of `owner/name`.
    pub fn pattern(&self) -> &str {
        &self.0
    }
}

/// Which targets of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetFilter {
    /// Only those in one of these states; empty is all.
    pub states: Vec<TargetState>,
    /// Only those of these repositories.
    pub repository: Option<RepositoryFilter>,
}

/// Whose changesets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangesetScope {
    /// Those of the campaign of this name.
    Campaign(String),
    /// Those that this run proposed last.
    Run(RunId),
}

/// Which changesets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangesetFilter {
    /// Only those in one of these states; empty is all.
    pub states: Vec<ChangesetState>,
    /// Only those of these repositories.
    pub repository: Option<RepositoryFilter>,
}

/// A place in the events of a run: for every shard, the sequence number of the last event of its part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions([i64; SHARDS as usize]);

impl Positions {
    /// Before the first event.
    pub const START: Self = Self([0; SHARDS as usize]);

    /// The last sequence number of a shard; 0 before the first event and for shards that do not exist.
    pub fn of(&self, shard: u16) -> i64 {
        self.0.get(usize::from(shard)).copied().unwrap_or_default()
    }

    /// Moves one shard. Shards that do not exist are passed over.
    pub fn set(&mut self, shard: u16, sequence: i64) {
        if let Some(place) = self.0.get_mut(usize::from(shard)) {
            *place = sequence;
        }
    }

    /// Whether it is at or behind `other` in every shard.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(mine, theirs)| mine <= theirs)
    }

    /// The sequence numbers, by shard.
    pub fn sequences(&self) -> &[i64] {
        &self.0
    }
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The last event of every part.
    pub positions: Positions,
    /// How it ended, once it has ended and no target of it is still under way.
    pub ended: Option<RunEnded>,
}

/// One event as it is stored.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// The part it belongs to.
    pub shard: u16,
    /// Its number in the part, from 1, without gaps.
    pub sequence: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// `run`, `target` or `changeset`.
    pub subject: String,
    /// The id of that.
    pub subject_id: Uuid,
    /// Its repository, where it has one.
    pub repository: Option<String>,
    /// What happened.
    pub kind: String,
    /// What is particular to it.
    pub data: Box<RawValue>,
}

/// What people read. Lists answer `None` where what they are of does not exist.
#[async_trait]
pub trait Reads: Send + Sync + 'static {
    /// Campaigns by name, after the one called `after`.
    async fn campaigns(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Listed<Campaign, String>, StoreError>;

    /// One campaign.
    async fn campaign(&self, name: &str) -> Result<Option<Campaign>, StoreError>;

    /// A campaign's spec versions, newest first, before version `before`.
    async fn specs(
        &self,
        campaign: &str,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Option<Listed<SpecVersion, u32>>, StoreError>;

    /// A campaign's runs, newest first.
    async fn runs(
        &self,
        campaign: &str,
        after: Option<RunKey>,
        limit: u32,
    ) -> Result<Option<Listed<Run, RunKey>>, StoreError>;

    /// One run, with its totals.
    async fn run(&self, run: RunId) -> Result<Option<Run>, StoreError>;

    /// A run's targets, in their order of admission.
    async fn targets(
        &self,
        run: RunId,
        filter: &TargetFilter,
        after: Option<TargetKey>,
        limit: u32,
    ) -> Result<Option<Listed<Target, TargetKey>>, StoreError>;

    /// One target with its executions.
    async fn target(&self, target: TargetId) -> Result<Option<TargetDetail>, StoreError>;

    /// Changesets, in the order of their ids.
    async fn changesets(
        &self,
        scope: &ChangesetScope,
        filter: &ChangesetFilter,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Option<Listed<Changeset, Uuid>>, StoreError>;

    /// One changeset, and the attempt of its target whose content it carries.
    async fn changeset(&self, changeset: ChangesetId) -> Result<Option<(Changeset, u32)>, StoreError>;

    /// One command.
    async fn command(&self, command: CommandId) -> Result<Option<Command>, StoreError>;

    /// The App's installations by organisation, after the one called `after`.
    async fn installations(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Listed<Installation, String>, StoreError>;

    /// The audit log, newest first, before entry `before`; `subject` such as `campaign/NAME` where given.
    async fn audit(
        &self,
        subject: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Listed<AuditEntry, i64>, StoreError>;
}

/// Whether what this server needs is there.
#[async_trait]
pub trait Probe: Send + Sync + 'static {
    /// Looks: the database answers, and its schema is the one this version knows. Never GitHub: what all replicas
    /// share and cannot mend must not take them all out at once.
    async fn checks(&self) -> Vec<Check>;
}
