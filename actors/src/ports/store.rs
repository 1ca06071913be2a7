//! Truth: the port through which actors read what they own and commit what they decided.
//!
//! Deliberately absent: what people read (lists, pages, events after a cursor), which is the API's own port.

use super::{
    Effect, Held, Message, Permit, PermitAnswer, PermitRequest, Reviewing, RolloutCounts, RolloutMark,
    Spending, Standing, Transition, Wanted,
    cluster::{Fence, Lease},
};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::Changeset,
    execution::{
        rollout::Pace,
        run::{Run, RunState},
        target::Target,
    },
    id::{CampaignId, ChangesetId, Digest, Epoch, MessageId, RepositoryId, RunId, Shard, TargetId},
    publish::{budget::Budget, prune::Candidate},
    spec::Spec,
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeSet, time::Duration};
use tokio::sync::watch;
use uuid::Uuid;

/// The store as the actors see it.
#[async_trait]
pub trait Store: Reviewing {
    /// Mints the next epoch of `shard` for `owner` and marks the in-flight effects of earlier epochs unknown,
    /// in one transaction. Called by a [`super::Cluster`] that has just won the shard.
    async fn take_over(&self, shard: Shard, owner: Uuid) -> Result<Epoch, StoreError>;

    /// Commits one transition under its fence: all of it or nothing.
    ///
    /// # Errors
    /// [`CommitError::Fenced`] where the shard has another epoch: the caller stops. [`CommitError::Refused`]
    /// where a row is not at the version before: the caller reloads. [`CommitError::Unavailable`] where it is not
    /// known whether the commit took place: the caller reloads.
    async fn commit(&self, transition: Transition) -> Result<Committed, CommitError>;

    /// The messages that wait in these shards, oldest first, at most `limit`.
    async fn inbox(&self, shards: &[Shard], limit: u32) -> Result<Vec<Message>, StoreError>;

    /// What a new owner of the shard has to take up besides its messages.
    async fn backlog(&self, shard: Shard) -> Result<Backlog, StoreError>;

    /// A run with its open and asked-for admissions.
    async fn run(&self, run: RunId) -> Result<Option<Run>, StoreError>;

    /// A spec version by digest.
    async fn spec(&self, digest: &Digest) -> Result<Option<Spec>, StoreError>;

    /// A target.
    async fn target(&self, target: TargetId) -> Result<Option<Target>, StoreError>;

    /// The targets of a run that take part, by position, `count` of them starting at `from`.
    async fn targets_at(&self, run: RunId, from: u32, count: u32) -> Result<Vec<TargetId>, StoreError>;

    /// Every target of a run that has not reached an end.
    async fn unfinished_targets(&self, run: RunId) -> Result<Vec<TargetId>, StoreError>;

    /// A changeset.
    async fn changeset(&self, changeset: ChangesetId) -> Result<Option<Changeset>, StoreError>;

    /// The scheduled changesets of an organisation that no pause holds, oldest first, at most `limit`.
    async fn scheduled(&self, organization: &str, limit: u32) -> Result<Vec<Changeset>, StoreError>;

    /// Whether the organisation has scheduled changesets that a pause holds, by the rows of their run and campaign.
    async fn holds(&self, organization: &str) -> Result<bool, StoreError>;

    /// Organisations of these shards with pull requests that are due to be read. How much is looked at does not grow
    /// with how many there are, so that one of many in a shard may be told a little later.
    async fn due_organizations(&self, shards: &[Shard]) -> Result<Vec<String>, StoreError>;

    /// The changesets of an organisation whose pull requests are due to be read, the longest due first, at most
    /// `limit`.
    async fn due(&self, organization: &str, limit: u32) -> Result<Vec<Followed>, StoreError>;

    /// The changesets of an organisation in a repository that have a pull request and are not merged.
    async fn followed_in(
        &self,
        organization: &str,
        repository: RepositoryId,
    ) -> Result<Vec<Changeset>, StoreError>;

    /// Whether anything has happened to a run, and what time it is.
    async fn rollout_mark(&self, run: RunId) -> Result<RolloutMark, StoreError>;

    /// What happened to each wave of a run, whose targets end before these positions; `releasing` are counted as if
    /// they were let through. Checks count as they stand by [`Checks::of`], and stand long after `long`.
    ///
    /// [`Checks::of`]: campaigns_domain::publish::rollout::Checks::of
    async fn rollout_counts(
        &self,
        run: RunId,
        ends: &[u32],
        releasing: &BTreeSet<ChangesetId>,
        long: Duration,
    ) -> Result<RolloutCounts, StoreError>;

    /// Changesets of a run that are scheduled and held.
    async fn held(&self, run: RunId, wanted: &Wanted) -> Result<Vec<Held>, StoreError>;

    /// The changesets of a campaign in an organisation that have a pull request and are not merged, at most
    /// `limit`, with ids after `after`, in order of their ids.
    async fn followed(
        &self,
        campaign: CampaignId,
        organization: &str,
        after: Option<ChangesetId>,
        limit: u32,
    ) -> Result<Vec<Followed>, StoreError>;

    /// How many changesets of an organisation are being carried out again.
    async fn redoing(&self, organization: &str) -> Result<u64, StoreError>;

    /// What a run may do now, read before every effect: what its row and its campaign's say, and what people have
    /// asked of it that its owner has not taken up yet. An owner that is slow or gone delays a pause no longer than
    /// this read is old.
    async fn run_control(&self, run: RunId) -> Result<Option<RunControl>, StoreError>;

    /// What a run may close of earlier versions: the campaign's open changesets whose content is another version's, with
    /// the run's targets in their repositories.
    async fn prunable(&self, run: RunId) -> Result<Prunable, StoreError>;

    /// Takes a permit for one content-creating write by the database's clock, under the locks of every capped
    /// scope, or says how long to wait.
    async fn take_permit(&self, lease: &Lease, request: PermitRequest) -> Result<PermitAnswer, CommitError>;

    /// Records that the write of a permit was answered.
    async fn answer_permit(&self, permit: &Permit) -> Result<(), StoreError>;

    /// Gives a permit back whose write certainly did not leave: it counts no longer. One that was answered stays.
    async fn return_permit(&self, permit: Permit) -> Result<(), StoreError>;

    /// What counts now in the windows of `budget` for an organisation: its own permits, those of these campaigns
    /// wherever they write, and all where everything together is capped.
    async fn spending(
        &self,
        organization: &str,
        campaigns: &[CampaignId],
        budget: &Budget,
    ) -> Result<Spending, StoreError>;

    /// Where an organisation stands with the code host.
    async fn standing(&self, organization: &str) -> Result<Standing, StoreError>;

    /// Records where an organisation stands, and takes these messages, which are of no run and led to it, out of the
    /// inbox. Only the owner of its shard may.
    async fn set_standing(
        &self,
        lease: &Lease,
        organization: &str,
        standing: &Standing,
        consumed: &[MessageId],
    ) -> Result<(), CommitError>;

    /// How far the clock that permits go by has been moved ahead of passing time. Production never moves it; a test
    /// does, and whoever waits by that clock hears of it here within moments.
    fn moved_ahead(&self) -> watch::Receiver<Duration>;
}

/// What a new owner of a shard has to take up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Backlog {
    /// Effects that are not done, oldest first.
    pub effects: Vec<Effect>,
    /// Organisations with scheduled changesets.
    pub organizations: Vec<String>,
    /// Runs of which something is held, or may come to be.
    pub rollouts: Vec<RunId>,
}

/// A changeset whose pull request is followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// The changeset.
    pub changeset: Changeset,
    /// How long ago it changed, by the store's clock.
    pub quiet: Duration,
}

/// What a run may close of earlier versions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prunable {
    /// Whether the run's version is the one in force; an older one closes nothing.
    pub in_force: bool,
    /// How many open changesets the campaign has, of every version.
    pub all: u64,
    /// Those of other versions, by id.
    pub candidates: Vec<Candidate>,
}

/// A commit's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The sequence number of the part's last event.
    pub sequence: i64,
}

/// What a run may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunControl {
    /// Where it stands; `cancelled` also where that is asked for and not taken up yet.
    pub state: RunState,
    /// Who paused it or its campaign, while it is paused: no effect of it begins.
    pub paused: Option<String>,
    /// What people have set about it.
    pub pace: Pace,
    /// The store's time of this; none where nobody asked for it.
    pub at: Option<DateTime<Utc>>,
}

/// Why a commit did not take place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The shard has another owner.
    #[error("shard {} is no longer at epoch {}: it has another owner", .0.shard, .0.epoch.0)]
    Fenced(Fence),
    /// A row was not at the version that the transition was made from, or broke a constraint.
    #[error("the transition does not fit the stored rows: {0}")]
    Refused(String),
    /// The store did not answer; whether the commit took place is unknown.
    #[error("the database did not answer ({0}); it is read again before anything else is done")]
    Unavailable(String),
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer.
    #[error("the database did not answer: {0}")]
    Unavailable(String),
    /// A row does not hold what this version writes.
    #[error("the database holds what this version cannot read: {0}")]
    Corrupt(String),
}
