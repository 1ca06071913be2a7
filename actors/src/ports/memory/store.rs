//! The store in memory, with the rules of the real one: fences, row guards, numbering, counters, permits.
//!
//! For tests of the actors, and the second implementation under the store's suite. It goes by tokio's clock, so a
//! test that pauses time moves its permits too. Deliberately absent: durability, and what people read.

mod commit;
mod permits;
mod prune;
mod reviewing;
mod rollout;
mod rows;

pub use rows::{Counts, Dump, DumpedEffect, DumpedEvent, DumpedPart};

use super::super::{
    Backlog, CommitError, Committed, EffectState, Followed, Held, Lease, Message, Permit, PermitAnswer,
    PermitRequest, Prunable, RolloutCounts, RolloutMark, RunControl, Spending, Standing, Store, StoreError,
    SyncReport, Transition, Wanted,
};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::{
        run::Run,
        target::{Target, TargetState},
    },
    id::{
        CampaignId, ChangesetId, CommandId, Digest, Epoch, MessageId, RepositoryId, RunId, Shard, TargetId,
    },
    publish::budget::Budget,
    spec::Spec,
};
use rows::Rows;
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use uuid::Uuid;

/// A store that lasts as long as the value.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
    ahead: watch::Sender<Duration>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the API does when a run is created, besides its message: the spec version and the run's row.
    pub fn add_run(&self, spec: &Spec, run: &Run) {
        let mut rows = self.lock();
        rows.specs.insert(run.spec.clone(), spec.clone());
        rows.runs.insert(run.id, run.clone());
        rows.in_force.insert(run.campaign, run.spec.clone());
    }

    /// Puts a message into the inbox without a lease, as the API does. `run` is the run it is about, if any.
    pub fn send(&self, run: Option<RunId>, message: &Message) {
        self.lock().send(run, message);
    }

    /// What the API does when a campaign is paused or resumed, besides the messages to its runs.
    pub fn pause_campaign(&self, campaign: CampaignId, by: Option<&str>) {
        let paused = &mut self.lock().paused;
        match by {
            Some(by) => paused.insert(campaign, by.to_owned()),
            None => paused.remove(&campaign),
        };
    }

    /// Everything that is stored, in an order of its own.
    pub fn dump(&self) -> Dump {
        self.lock().dump()
    }

    /// When a changeset's pull request is read the next time, from now; none where it is not by itself.
    pub fn due_in(&self, changeset: ChangesetId) -> Option<Duration> {
        let rows = self.lock();
        let due = rows.changesets.get(&changeset)?.due?;
        Some(due.saturating_sub(rows.passed()))
    }

    /// What came of a command in an organisation.
    pub fn outcome(&self, command: CommandId, organization: &str) -> Option<SyncReport> {
        self.lock().outcomes.get(&(command, organization.to_ascii_lowercase())).cloned()
    }

    /// Moves the clock that permits go by, besides what tokio's clock does.
    pub fn move_clock(&self, by: Duration) {
        self.lock().clock_moved += by;
        self.ahead.send_modify(|ahead| *ahead += by);
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn take_over(&self, shard: Shard, _owner: Uuid) -> Result<Epoch, StoreError> {
        let mut rows = self.lock();
        let epoch = rows.epochs.entry(shard).or_default();
        *epoch += 1;
        let minted = *epoch;
        for stored in rows.effects.values_mut() {
            if stored.effect.shard == shard && stored.effect.state == EffectState::InFlight {
                stored.effect.state = EffectState::Unknown;
            }
        }
        Ok(Epoch(minted))
    }

    async fn commit(&self, transition: Transition) -> Result<Committed, CommitError> {
        self.lock().commit(&transition)
    }

    async fn inbox(&self, shards: &[Shard], limit: u32) -> Result<Vec<Message>, StoreError> {
        let rows = self.lock();
        let waiting = rows
            .inbox
            .values()
            .filter(|stored| !stored.consumed && shards.contains(&stored.message.to.shard()));
        Ok(waiting.take(limit as usize).map(|stored| stored.message.clone()).collect())
    }

    async fn backlog(&self, shard: Shard) -> Result<Backlog, StoreError> {
        let rows = self.lock();
        let mut effects: Vec<_> = rows
            .effects
            .values()
            .filter(|stored| stored.effect.shard == shard && stored.effect.state != EffectState::Done)
            .collect();
        effects.sort_by_key(|stored| stored.number);
        let mut organizations: Vec<String> = rows
            .changesets
            .values()
            .filter(|stored| stored.shard == shard && stored.changeset.state == ChangesetState::Scheduled)
            .map(|stored| stored.organization.clone())
            .collect();
        organizations.sort();
        organizations.dedup();
        Ok(Backlog {
            effects: effects.into_iter().map(|stored| stored.effect.clone()).collect(),
            organizations,
            rollouts: rows.rollouts(shard),
        })
    }

    async fn run(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        Ok(self.lock().run(run))
    }

    async fn spec(&self, digest: &Digest) -> Result<Option<Spec>, StoreError> {
        Ok(self.lock().specs.get(digest).cloned())
    }

    async fn target(&self, target: TargetId) -> Result<Option<Target>, StoreError> {
        Ok(self.lock().targets.get(&target).cloned())
    }

    async fn targets_at(&self, run: RunId, from: u32, count: u32) -> Result<Vec<TargetId>, StoreError> {
        let positions = from..from.saturating_add(count);
        Ok(self.lock().targets_of(run, |target| {
            positions.contains(&target.position) && target.state != TargetState::Skipped
        }))
    }

    async fn unfinished_targets(&self, run: RunId) -> Result<Vec<TargetId>, StoreError> {
        Ok(self.lock().targets_of(run, |target| !target.state.is_end()))
    }

    async fn changeset(&self, changeset: ChangesetId) -> Result<Option<Changeset>, StoreError> {
        Ok(self.lock().changesets.get(&changeset).map(|stored| stored.changeset.clone()))
    }

    async fn scheduled(&self, organization: &str, limit: u32) -> Result<Vec<Changeset>, StoreError> {
        let rows = self.lock();
        let mut scheduled: Vec<_> = rows
            .changesets
            .values()
            .filter(|stored| stored.organization.eq_ignore_ascii_case(organization))
            .filter(|stored| stored.changeset.waits_for_turn())
            .filter(|stored| !rows.holds(&stored.changeset))
            .collect();
        scheduled.sort_by_key(|stored| (!rows.is_urgent(&stored.changeset), stored.queue_number));
        Ok(scheduled.into_iter().take(limit as usize).map(|stored| stored.changeset.clone()).collect())
    }

    async fn holds(&self, organization: &str) -> Result<bool, StoreError> {
        let rows = self.lock();
        let mut here =
            rows.changesets.values().filter(|stored| stored.organization.eq_ignore_ascii_case(organization));
        Ok(here.any(|stored| stored.changeset.waits_for_turn() && rows.holds(&stored.changeset)))
    }

    async fn rollout_mark(&self, run: RunId) -> Result<RolloutMark, StoreError> {
        Ok(self.lock().rollout_mark(run))
    }

    async fn rollout_counts(
        &self,
        run: RunId,
        ends: &[u32],
        releasing: &BTreeSet<ChangesetId>,
        long: Duration,
    ) -> Result<RolloutCounts, StoreError> {
        Ok(self.lock().rollout_counts(run, ends, releasing, long))
    }

    async fn held(&self, run: RunId, wanted: &Wanted) -> Result<Vec<Held>, StoreError> {
        Ok(self.lock().held(run, wanted))
    }

    async fn followed(
        &self,
        campaign: CampaignId,
        organization: &str,
        after: Option<ChangesetId>,
        limit: u32,
    ) -> Result<Vec<Followed>, StoreError> {
        let rows = self.lock();
        let followed = rows
            .followed(organization)
            .filter(|stored| after.is_none_or(|after| stored.changeset.id > after))
            .filter(|stored| stored.changeset.campaign == campaign);
        Ok(followed.take(limit as usize).map(|stored| rows.quiet(stored)).collect())
    }

    async fn due_organizations(&self, shards: &[Shard]) -> Result<Vec<String>, StoreError> {
        let rows = self.lock();
        let now = rows.passed();
        let due = rows.changesets.values().filter(|stored| stored.due.is_some_and(|due| due <= now));
        let here = due.filter(|stored| shards.contains(&stored.shard));
        let organizations: BTreeSet<_> = here.map(|stored| stored.organization.clone()).collect();
        Ok(organizations.into_iter().collect())
    }

    async fn due(&self, organization: &str, limit: u32) -> Result<Vec<Followed>, StoreError> {
        let rows = self.lock();
        let now = rows.passed();
        let mut due: Vec<_> = rows
            .changesets
            .values()
            .filter(|stored| stored.organization.eq_ignore_ascii_case(organization))
            .filter_map(|stored| Some((stored.due?, stored)))
            .filter(|(due, _)| *due <= now)
            .collect();
        due.sort_by_key(|(due, stored)| (*due, stored.changeset.id));
        Ok(due.into_iter().take(limit as usize).map(|(_, stored)| rows.quiet(stored)).collect())
    }

    async fn followed_in(
        &self,
        organization: &str,
        repository: RepositoryId,
    ) -> Result<Vec<Changeset>, StoreError> {
        let rows = self.lock();
        let followed =
            rows.followed(organization).filter(|stored| stored.changeset.repository_id == repository);
        Ok(followed.map(|stored| stored.changeset.clone()).collect())
    }

    async fn redoing(&self, organization: &str) -> Result<u64, StoreError> {
        let organization = organization.to_ascii_lowercase();
        let rows = self.lock();
        let all = rows.changesets.values().filter(|stored| stored.organization == organization);
        Ok(all.filter(|stored| stored.changeset.errand.redo.is_some()).count() as u64)
    }

    async fn run_control(&self, run: RunId) -> Result<Option<RunControl>, StoreError> {
        Ok(self.lock().run_control(run))
    }

    async fn prunable(&self, run: RunId) -> Result<Prunable, StoreError> {
        Ok(self.lock().prunable(run))
    }

    async fn take_permit(&self, lease: &Lease, request: PermitRequest) -> Result<PermitAnswer, CommitError> {
        self.lock().take_permit(lease.fence(), request)
    }

    async fn answer_permit(&self, permit: &Permit) -> Result<(), StoreError> {
        self.lock().answer_permit(permit);
        Ok(())
    }

    async fn return_permit(&self, permit: Permit) -> Result<(), StoreError> {
        self.lock().permits.retain(|stored| stored.answered || stored.id != permit.id);
        Ok(())
    }

    async fn spending(
        &self,
        organization: &str,
        campaigns: &[CampaignId],
        budget: &Budget,
    ) -> Result<Spending, StoreError> {
        Ok(self.lock().spending(organization, campaigns, budget))
    }

    async fn standing(&self, organization: &str) -> Result<Standing, StoreError> {
        Ok(self.lock().standing(organization))
    }

    async fn set_standing(
        &self,
        lease: &Lease,
        organization: &str,
        standing: &Standing,
        consumed: &[MessageId],
    ) -> Result<(), CommitError> {
        self.lock().set_standing(lease.fence(), organization, standing, consumed)
    }

    fn moved_ahead(&self) -> watch::Receiver<Duration> {
        self.ahead.subscribe()
    }
}
