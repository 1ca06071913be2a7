//! Truth on PostgreSQL: [`campaigns_actors::ports::Store`], one fenced statement for each commit.
//!
//! Why a join on the rows that `FOR SHARE` returned fences, and an `EXISTS` in the changing statement does not:
//! under READ COMMITTED a statement that waits for a row lock keeps its old snapshot for everything but that row.
//! `FOR SHARE` waits for a takeover that is under way and then returns the row as it is; a takeover waits for the
//! commits that have it. Deliberately absent: what people read (`queries`), leases, and decisions.

mod clock;
mod commit;
mod connect;
mod connections;
mod failure;
mod following;
mod gathering;
mod input;
mod lines;
mod permits;
mod prune;
mod reads;
mod reviewing;
pub(crate) mod rollout;
mod rows;
pub(crate) mod spending;
mod standing;
mod statement;
pub mod testing;

pub use connect::{ConnectError, Options, migrator};
pub use connections::{Borrowed, Connections, Transaction};

use async_trait::async_trait;
use campaigns_actors::ports::{
    Backlog, CommitError, Committed, Followed, Held, Lease, Message, Permit, PermitAnswer, PermitRequest,
    Prunable, RolloutCounts, RolloutMark, RunControl, Spending, Standing, Store, StoreError, Transition,
    Wanted,
};
use campaigns_domain::{
    changeset::Changeset,
    execution::{run::Run, target::Target},
    id::{CampaignId, ChangesetId, Digest, Epoch, MessageId, RepositoryId, RunId, Shard, TargetId},
    publish::budget::Budget,
    spec::Spec,
};
use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::watch;
use uuid::Uuid;

/// How long connections in use are waited for when the store is closed.
pub(crate) const CLOSING: Duration = Duration::from_secs(5);

/// The store on a PostgreSQL database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// For reads, the API's too.
    pool: Connections,
    /// For commits, so that no crowd of readers delays one.
    lines: Arc<lines::Lines>,
    /// For ownership and permits alone, so that a busy pool never delays a takeover.
    fence_pool: Connections,
    clock: clock::Clock,
    gathering: Arc<gathering::Gathering>,
    listener: Arc<OnceLock<Listener>>,
}

/// Who is told of every commit that took place.
struct Listener(Box<dyn Fn(RunId) + Send + Sync>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

impl Postgres {
    /// The connections, for queries that are not part of the port.
    pub fn pool(&self) -> &Connections {
        &self.pool
    }

    /// From now on `told` is called, after every commit that took place, with the run whose events it holds. It is
    /// for live views in this process and must not wait. Only the first call counts.
    pub fn tell_commits(&self, told: impl Fn(RunId) + Send + Sync + 'static) {
        // A second listener is a mistake in the wiring that costs latency and nothing else.
        let _ = self.listener.set(Listener(Box::new(told)));
    }

    /// Tells the listener of the runs of what took place, each once.
    fn tell(&self, transitions: &[Transition], answers: &[Result<Committed, CommitError>]) {
        if let Some(Listener(told)) = self.listener.get() {
            let took_place = transitions.iter().zip(answers).filter(|(_, answer)| answer.is_ok());
            let runs: BTreeSet<RunId> = took_place.map(|(transition, _)| transition.run).collect();
            runs.into_iter().for_each(told);
        }
    }

    /// Closes every connection. Those in use are waited for, but not for longer than [`CLOSING`]: one whose other end has
    /// fallen silent would never come back. A commit's is closed once it is through.
    pub async fn close(&self) {
        self.clock.close();
        let closing = async { tokio::join!(self.pool.close(), self.lines.close(), self.fence_pool.close()) };
        if tokio::time::timeout(CLOSING, closing).await.is_err() {
            tracing::warn!("connections to the database were still in use when it was left");
        }
    }
}

#[async_trait]
impl Store for Postgres {
    async fn take_over(&self, shard: Shard, owner: Uuid) -> Result<Epoch, StoreError> {
        self.mint_epoch(shard, owner).await
    }

    async fn commit(&self, transition: Transition) -> Result<Committed, CommitError> {
        self.commit_gathered(transition).await
    }

    async fn inbox(&self, shards: &[Shard], limit: u32) -> Result<Vec<Message>, StoreError> {
        self.read_inbox(shards, limit).await
    }

    async fn backlog(&self, shard: Shard) -> Result<Backlog, StoreError> {
        self.read_backlog(shard).await
    }

    async fn run(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        self.read_run(run).await
    }

    async fn spec(&self, digest: &Digest) -> Result<Option<Spec>, StoreError> {
        self.read_spec(digest).await
    }

    async fn target(&self, target: TargetId) -> Result<Option<Target>, StoreError> {
        self.read_target(target).await
    }

    async fn targets_at(&self, run: RunId, from: u32, count: u32) -> Result<Vec<TargetId>, StoreError> {
        self.read_targets_at(run, from, count).await
    }

    async fn unfinished_targets(&self, run: RunId) -> Result<Vec<TargetId>, StoreError> {
        self.read_unfinished_targets(run).await
    }

    async fn changeset(&self, changeset: ChangesetId) -> Result<Option<Changeset>, StoreError> {
        self.read_changeset(changeset).await
    }

    async fn scheduled(&self, organization: &str, limit: u32) -> Result<Vec<Changeset>, StoreError> {
        self.read_scheduled(organization, limit).await
    }

    async fn rollout_mark(&self, run: RunId) -> Result<RolloutMark, StoreError> {
        self.read_rollout_mark(run).await
    }

    async fn rollout_counts(
        &self,
        run: RunId,
        ends: &[u32],
        releasing: &BTreeSet<ChangesetId>,
        long: Duration,
    ) -> Result<RolloutCounts, StoreError> {
        self.read_rollout_counts(run, ends, releasing, long).await
    }

    async fn held(&self, run: RunId, wanted: &Wanted) -> Result<Vec<Held>, StoreError> {
        self.read_held(run, wanted).await
    }

    async fn followed(
        &self,
        campaign: CampaignId,
        organization: &str,
        after: Option<ChangesetId>,
        limit: u32,
    ) -> Result<Vec<Followed>, StoreError> {
        self.read_followed(campaign, organization, after, limit).await
    }

    async fn holds(&self, organization: &str) -> Result<bool, StoreError> {
        self.read_holds(organization).await
    }

    async fn due_organizations(&self, shards: &[Shard]) -> Result<Vec<String>, StoreError> {
        self.read_due_organizations(shards).await
    }

    async fn due(&self, organization: &str, limit: u32) -> Result<Vec<Followed>, StoreError> {
        self.read_due(organization, limit).await
    }

    async fn followed_in(
        &self,
        organization: &str,
        repository: RepositoryId,
    ) -> Result<Vec<Changeset>, StoreError> {
        self.read_followed_in(organization, repository).await
    }

    async fn redoing(&self, organization: &str) -> Result<u64, StoreError> {
        self.count_redoing(organization).await
    }

    async fn run_control(&self, run: RunId) -> Result<Option<RunControl>, StoreError> {
        self.read_run_control(run).await
    }

    async fn prunable(&self, run: RunId) -> Result<Prunable, StoreError> {
        self.read_prunable(run).await
    }

    async fn take_permit(&self, lease: &Lease, request: PermitRequest) -> Result<PermitAnswer, CommitError> {
        self.grant_permit(lease, request).await
    }

    async fn answer_permit(&self, permit: &Permit) -> Result<(), StoreError> {
        self.record_answer(permit).await
    }

    async fn return_permit(&self, permit: Permit) -> Result<(), StoreError> {
        self.take_back(&permit).await
    }

    async fn spending(
        &self,
        organization: &str,
        campaigns: &[CampaignId],
        budget: &Budget,
    ) -> Result<Spending, StoreError> {
        self.read_spending(organization, campaigns, budget).await
    }

    async fn standing(&self, organization: &str) -> Result<Standing, StoreError> {
        self.read_standing(organization).await
    }

    async fn set_standing(
        &self,
        lease: &Lease,
        organization: &str,
        standing: &Standing,
        consumed: &[MessageId],
    ) -> Result<(), CommitError> {
        self.write_standing(lease, organization, standing, consumed).await
    }

    fn moved_ahead(&self) -> watch::Receiver<Duration> {
        self.clock.ahead()
    }
}
