//! The rows of the store in memory, and all of them at once as a value that tests compare.
//!
//! Deliberately absent: changing them (`commit`).

use super::super::super::{
    AdmissionState, Effect, Execution, Followed, Message, MessageBody, Recipient, RowChange, RunControl,
    Standing, Subject, SyncReport,
};
use super::{permits::StoredPermit, reviewing::Places};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::{
        run::{Run, RunState},
        target::{Target, TargetState},
    },
    id::{
        CampaignId, ChangesetId, CommandId, Digest, EffectId, ExecutionId, MessageId, RunId, Shard, TargetId,
    },
    spec::Spec,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Rows {
    pub(super) epochs: BTreeMap<Shard, i64>,
    pub(super) specs: BTreeMap<Digest, Spec>,
    /// The spec version in force of a campaign.
    pub(super) in_force: BTreeMap<CampaignId, Digest>,
    /// Who paused a campaign.
    pub(super) paused: BTreeMap<CampaignId, String>,
    /// Without their admissions.
    pub(super) runs: BTreeMap<RunId, Run>,
    pub(super) targets: BTreeMap<TargetId, Target>,
    pub(super) executions: BTreeMap<ExecutionId, Execution>,
    pub(super) changesets: BTreeMap<ChangesetId, StoredChangeset>,
    pub(super) admissions: BTreeMap<(RunId, TargetId, u32), (u64, AdmissionState)>,
    pub(super) effects: BTreeMap<EffectId, StoredEffect>,
    pub(super) parts: BTreeMap<(RunId, Shard), DumpedPart>,
    pub(super) events: Vec<DumpedEvent>,
    /// By the order of sending.
    pub(super) inbox: BTreeMap<u64, StoredMessage>,
    pub(super) inbox_ids: BTreeMap<MessageId, u64>,
    pub(super) permits: Vec<StoredPermit>,
    pub(super) places: Places,
    pub(super) outcomes: BTreeMap<(CommandId, String), SyncReport>,
    /// Counts insertions, for whatever is read in their order.
    pub(super) numbers: u64,
    pub(super) started: Instant,
    pub(super) clock_moved: Duration,
    pub(super) standings: HashMap<String, (DateTime<Utc>, Standing)>,
}

#[derive(Debug, Clone)]
pub(super) struct StoredChangeset {
    pub(super) changeset: Changeset,
    pub(super) shard: Shard,
    pub(super) organization: String,
    pub(super) queue_number: u64,
    /// On the store's clock: when its pull request is read the next time.
    pub(super) due: Option<Duration>,
    /// On the store's clock: when it changed last.
    pub(super) changed: Duration,
    /// On the store's clock: since when its checks are as they were read last; none where nobody has read them.
    pub(super) checks_since: Option<Duration>,
}

#[derive(Debug, Clone)]
pub(super) struct StoredEffect {
    pub(super) effect: Effect,
    pub(super) epoch: i64,
    pub(super) number: u64,
}

#[derive(Debug, Clone)]
pub(super) struct StoredMessage {
    pub(super) message: Message,
    pub(super) run: Option<RunId>,
    pub(super) consumed: bool,
}

/// Everything that is stored, as a value: two stores that were told the same are equal in it. Times and consumed
/// messages are left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dump {
    /// Epochs of shards that ever had an owner.
    pub epochs: BTreeMap<Shard, i64>,
    /// Runs with their admissions.
    pub runs: BTreeMap<RunId, Run>,
    /// Targets.
    pub targets: BTreeMap<TargetId, Target>,
    /// Executions.
    pub executions: BTreeMap<ExecutionId, Execution>,
    /// Changesets.
    pub changesets: BTreeMap<ChangesetId, Changeset>,
    /// Admissions in every state.
    pub admissions: BTreeMap<(RunId, TargetId, u32), AdmissionState>,
    /// Effects with the epoch that began them.
    pub effects: BTreeMap<EffectId, DumpedEffect>,
    /// Parts.
    pub parts: BTreeMap<(RunId, Shard), DumpedPart>,
    /// Events by part and sequence.
    pub events: BTreeMap<(RunId, Shard, i64), DumpedEvent>,
    /// Messages that wait, oldest first.
    pub waiting: Vec<Message>,
}

/// An effect and the epoch that began it last.
#[derive(Debug, Clone, PartialEq)]
pub struct DumpedEffect {
    /// The effect.
    pub effect: Effect,
    /// The epoch.
    pub epoch: i64,
}

/// One run's share of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DumpedPart {
    /// The sequence of its last event.
    pub last_sequence: i64,
    /// What its owner moved.
    pub counts: Counts,
}

/// Counts by state, in the order of the states' `ALL`. Those of one part are what its owner moved and may be
/// negative; summed over a run's parts they are the run's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Targets.
    pub targets: [i64; TargetState::ALL.len()],
    /// Changesets.
    pub changesets: [i64; ChangesetState::ALL.len()],
}

/// An event as it is stored, without its time.
#[derive(Debug, Clone, PartialEq)]
pub struct DumpedEvent {
    /// The run.
    pub run: RunId,
    /// The shard of the part.
    pub shard: Shard,
    /// Its number in the part, from 1.
    pub sequence: i64,
    /// What it happened to.
    pub subject: Subject,
    /// Its name.
    pub kind: String,
    /// The domain event.
    pub data: Value,
}

impl Counts {
    /// Moves the count of targets in a state.
    pub fn target(&mut self, state: TargetState, by: i64) {
        for (count, other) in self.targets.iter_mut().zip(TargetState::ALL) {
            *count += if other == state { by } else { 0 };
        }
    }

    /// Moves the count of changesets in a state.
    pub fn changeset(&mut self, state: ChangesetState, by: i64) {
        for (count, other) in self.changesets.iter_mut().zip(ChangesetState::ALL) {
            *count += if other == state { by } else { 0 };
        }
    }

    /// Adds another part's.
    pub fn add(&mut self, other: &Self) {
        self.targets.iter_mut().zip(other.targets).for_each(|(count, by)| *count += by);
        self.changesets.iter_mut().zip(other.changesets).for_each(|(count, by)| *count += by);
    }
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            epochs: BTreeMap::new(),
            specs: BTreeMap::new(),
            in_force: BTreeMap::new(),
            paused: BTreeMap::new(),
            runs: BTreeMap::new(),
            targets: BTreeMap::new(),
            executions: BTreeMap::new(),
            changesets: BTreeMap::new(),
            admissions: BTreeMap::new(),
            effects: BTreeMap::new(),
            parts: BTreeMap::new(),
            events: vec![],
            inbox: BTreeMap::new(),
            inbox_ids: BTreeMap::new(),
            permits: vec![],
            places: Places::new(),
            outcomes: BTreeMap::new(),
            numbers: 0,
            started: Instant::now(),
            clock_moved: Duration::ZERO,
            standings: HashMap::new(),
        }
    }
}

impl Rows {
    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn send(&mut self, run: Option<RunId>, message: &Message) {
        if !self.inbox_ids.contains_key(&message.id) {
            let number = self.next_number();
            self.inbox_ids.insert(message.id, number);
            self.inbox.insert(number, StoredMessage { message: message.clone(), run, consumed: false });
        }
    }

    /// The changesets of an organisation that have a pull request or wait for their repository, and are not merged, by
    /// id.
    pub(super) fn followed(&self, organization: &str) -> impl Iterator<Item = &StoredChangeset> {
        let of = organization.to_ascii_lowercase();
        self.changesets.values().filter(move |stored| {
            let changeset = &stored.changeset;
            stored.organization == of
                && (changeset.pull_request.is_some() || changeset.away.is_some())
                && changeset.state != ChangesetState::Merged
        })
    }

    /// A changeset with how long it has not changed.
    pub(super) fn quiet(&self, stored: &StoredChangeset) -> Followed {
        let quiet = self.passed().saturating_sub(stored.changed);
        Followed { changeset: stored.changeset.clone(), quiet }
    }

    /// A message that waits.
    pub(super) fn waiting(&mut self, id: MessageId) -> Option<&mut StoredMessage> {
        let number = self.inbox_ids.get(&id)?;
        self.inbox.get_mut(number).filter(|stored| !stored.consumed)
    }

    /// Forgets the consumed messages of a run that has ended.
    pub(super) fn purge(&mut self, run: RunId) {
        let ids = &mut self.inbox_ids;
        self.inbox.retain(|_, stored| {
            let goes = stored.consumed && stored.run == Some(run);
            if goes {
                ids.remove(&stored.message.id);
            }
            !goes
        });
    }

    /// A run with its admissions.
    pub(super) fn run(&self, id: RunId) -> Option<Run> {
        let mut run = self.runs.get(&id)?.clone();
        let of_run = || self.admissions.iter().filter(|((run, ..), _)| *run == id);
        run.open = of_run()
            .filter(|(_, (_, state))| *state == AdmissionState::Open)
            .map(|((_, target, attempt), _)| (*target, *attempt))
            .collect::<BTreeSet<_>>();
        let mut asked: Vec<_> = of_run()
            .filter(|(_, (_, state))| *state == AdmissionState::Asked)
            .map(|((_, target, attempt), (number, _))| (*number, (*target, *attempt)))
            .collect();
        asked.sort_by_key(|(number, _)| *number);
        run.again = asked.into_iter().map(|(_, admission)| admission).collect();
        run.put_off.clear();
        Some(run)
    }

    /// Whether a pause of its run or campaign holds a changeset.
    pub(super) fn holds(&self, changeset: &Changeset) -> bool {
        let run = self.runs.get(&changeset.wanted.run);
        run.is_some_and(|run| run.paused.is_some()) || self.paused.contains_key(&changeset.campaign)
    }

    /// What a run may do, by its row, its campaign, and the messages that wait for its owner.
    pub(super) fn run_control(&self, id: RunId) -> Option<RunControl> {
        let run = self.runs.get(&id)?;
        let to = Recipient::Run(id);
        let waiting = || self.inbox.values().filter(|stored| !stored.consumed && stored.message.to == to);
        let cancelled = waiting().any(|stored| matches!(stored.message.body, MessageBody::CancelRun { .. }));
        let state = if cancelled && !run.state.is_end() { RunState::Cancelled } else { run.state };
        let asked = waiting().rev().find_map(|stored| match &stored.message.body {
            MessageBody::PauseRun { by, .. } => Some(Some(by.clone())),
            MessageBody::ResumeRun { .. } => Some(None),
            _ => None,
        });
        let paused = asked.flatten().or_else(|| run.paused.clone());
        let paused = self.paused.get(&run.campaign).cloned().or(paused);
        Some(RunControl { state, paused, pace: run.rollout.pace, at: Some(self.time()) })
    }

    /// The targets of a run that `choose` takes, by position.
    pub(super) fn targets_of(&self, run: RunId, choose: impl Fn(&Target) -> bool) -> Vec<TargetId> {
        let mut targets: Vec<&Target> =
            self.targets.values().filter(|target| target.run == run && choose(target)).collect();
        targets.sort_by_key(|target| (target.position, target.id));
        targets.into_iter().map(|target| target.id).collect()
    }

    pub(super) fn dump(&self) -> Dump {
        Dump {
            epochs: self.epochs.clone(),
            runs: self.runs.keys().filter_map(|id| Some((*id, self.run(*id)?))).collect(),
            targets: self.targets.clone(),
            executions: self.executions.clone(),
            changesets: self.changesets.iter().map(|(id, stored)| (*id, stored.changeset.clone())).collect(),
            admissions: self.admissions.iter().map(|(key, (_, state))| (*key, *state)).collect(),
            effects: self
                .effects
                .iter()
                .map(|(id, stored)| {
                    (*id, DumpedEffect { effect: stored.effect.clone(), epoch: stored.epoch })
                })
                .collect(),
            parts: self.parts.clone(),
            events: self
                .events
                .iter()
                .map(|event| ((event.run, event.shard, event.sequence), event.clone()))
                .collect(),
            waiting: self.inbox.values().filter(|m| !m.consumed).map(|m| m.message.clone()).collect(),
        }
    }
}

/// The run that a change speaks of ends with it.
pub(super) fn ended_run(change: &RowChange) -> Option<RunId> {
    match change {
        RowChange::Run(run) if run.state.is_end() => Some(run.id),
        _ => None,
    }
}
