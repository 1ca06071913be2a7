//! Committing in memory: every row is looked at first, then all of them are written.
//!
//! Deliberately absent: batches; one after the other gives the same.

use super::super::super::{
    AdmissionState, CommitError, Committed, EffectChange, EffectState, RowChange, Transition,
};
use super::rows::{DumpedEvent, Rows, StoredChangeset, StoredEffect, ended_run};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::{run::Run, target::Target},
    id::{RunId, Shard},
    reconcile::Due,
};
use std::collections::HashSet;

impl Rows {
    pub(super) fn commit(&mut self, transition: &Transition) -> Result<Committed, CommitError> {
        if let Some(why) = transition.misplaced() {
            return Err(CommitError::Refused(why));
        }
        let fence = transition.fence;
        if self.epochs.get(&fence.shard).copied().unwrap_or_default() != fence.epoch.0 {
            return Err(CommitError::Fenced(fence));
        }
        self.check(transition).map_err(CommitError::Refused)?;
        for change in &transition.changes {
            self.change(transition, change);
        }
        let now = self.passed();
        for (id, due) in &transition.due {
            if let Some(stored) = self.changesets.get_mut(id).filter(|stored| stored.shard == fence.shard) {
                stored.due = match due {
                    Due::In(wait) => Some(now + *wait),
                    Due::Never => None,
                };
            }
        }
        for effect in &transition.effects {
            self.effect(transition, effect);
        }
        // Consumed before sent, as both look at the inbox as it was before.
        for id in &transition.consumed {
            if let Some(stored) = self.waiting(*id) {
                stored.consumed = true;
            }
        }
        for message in &transition.messages {
            self.send(Some(transition.run), message);
        }
        for run in transition.changes.iter().filter_map(ended_run) {
            self.purge(run);
        }
        let part = self.parts.entry((transition.run, fence.shard)).or_default();
        for event in &transition.events {
            part.last_sequence += 1;
            self.events.push(DumpedEvent {
                run: transition.run,
                shard: fence.shard,
                sequence: part.last_sequence,
                subject: event.subject,
                kind: event.kind.to_owned(),
                data: event.data.clone(),
            });
        }
        Ok(Committed { sequence: part.last_sequence })
    }

    /// Whether every row is as the transition expects it.
    fn check(&mut self, transition: &Transition) -> Result<(), String> {
        self.must_have_run(transition.run)?;
        let shard = transition.fence.shard;
        let new_targets: HashSet<_> = transition
            .changes
            .iter()
            .filter_map(|change| match change {
                RowChange::AddTargets(targets) => Some(targets.iter().map(|target| target.id)),
                _ => None,
            })
            .flatten()
            .collect();
        let has_target = |id| self.targets.contains_key(&id) || new_targets.contains(&id);
        for change in &transition.changes {
            let fits = match change {
                RowChange::Run(run) => {
                    self.runs.get(&run.id).is_some_and(|old| old.version == run.version - 1)
                }
                RowChange::AddTargets(targets) => {
                    !targets.iter().any(|new| self.targets.contains_key(&new.id))
                }
                RowChange::Target { before, after } => self.targets.get(&after.id).is_some_and(|old| {
                    old.version == after.version - 1 && old.state == *before && old.run == transition.run
                }),
                RowChange::Execution(execution) => has_target(execution.target),
                RowChange::AddChangeset(new) => {
                    self.must_have_run(new.wanted.run)?;
                    let same = |old: &Changeset| {
                        (old.campaign, old.repository_id, &old.head_branch)
                            == (new.campaign, new.repository_id, &new.head_branch)
                    };
                    has_target(new.wanted.target)
                        && !self.changesets.contains_key(&new.id)
                        && !self.changesets.values().any(|stored| same(&stored.changeset))
                }
                RowChange::Changeset { before, after } => {
                    self.must_have_run(after.wanted.run)?;
                    has_target(after.wanted.target)
                        && self.changesets.get(&after.id).is_some_and(|old| {
                            old.shard == shard
                                && old.changeset.version == after.version - 1
                                && old.changeset.state == *before
                        })
                }
                RowChange::Outcome(_) | RowChange::AddRun(_) => true,
                RowChange::Admission { target, .. } => has_target(*target),
            };
            if !fits {
                return Err(format!("a stored row is not as it expects: {}", kind(change)));
            }
        }
        self.check_outbox(transition, shard)
    }

    fn check_outbox(&mut self, transition: &Transition, shard: Shard) -> Result<(), String> {
        let mut begun = vec![];
        for effect in &transition.effects {
            match effect {
                EffectChange::Begin(effect) => begun.push(effect.id),
                EffectChange::Done(id) if begun.contains(id) => {}
                EffectChange::Done(id) => {
                    if self.effects.get(id).is_none_or(|stored| stored.effect.shard != shard) {
                        return Err(format!("effect {id} was never begun in shard {shard}"));
                    }
                }
            }
        }
        for id in &transition.consumed {
            if self.waiting(*id).is_none_or(|stored| stored.message.to.shard() != shard) {
                return Err(format!("message {id} does not wait in shard {shard}"));
            }
        }
        Ok(())
    }

    fn must_have_run(&self, run: RunId) -> Result<(), String> {
        if self.runs.contains_key(&run) { Ok(()) } else { Err(format!("there is no run {run}")) }
    }

    fn change(&mut self, transition: &Transition, change: &RowChange) {
        let part = (transition.run, transition.fence.shard);
        match change {
            RowChange::Run(after) => {
                if let Some(run) = self.runs.get_mut(&after.id) {
                    write_run(run, after);
                }
            }
            RowChange::AddRun(new) => {
                let paused = self.paused.get(&new.campaign).cloned();
                let run = Run::clone(new).of_paused(paused.as_deref());
                self.runs.entry(run.id).or_insert(run);
            }
            RowChange::AddTargets(targets) => {
                for target in targets {
                    self.parts.entry(part).or_default().counts.target(target.state, 1);
                    self.targets.insert(target.id, target.clone());
                }
            }
            RowChange::Target { before, after } => {
                let counts = &mut self.parts.entry(part).or_default().counts;
                counts.target(*before, -1);
                counts.target(after.state, 1);
                if let Some(target) = self.targets.get_mut(&after.id) {
                    write_target(target, after);
                }
            }
            RowChange::Execution(execution) => {
                self.executions.insert(execution.id, execution.clone());
            }
            RowChange::AddChangeset(new) => {
                let queue_number =
                    if new.state == ChangesetState::Scheduled { self.next_number() } else { 0 };
                let organization = new.repository.owner().to_ascii_lowercase();
                self.count_changeset(new.wanted.run, part.1, new.state, 1);
                let stored = StoredChangeset {
                    changeset: new.clone(),
                    shard: part.1,
                    organization,
                    queue_number,
                    due: None,
                    changed: self.passed(),
                    checks_since: None,
                };
                self.changesets.insert(new.id, stored);
            }
            RowChange::Changeset { before, after } => self.change_changeset(part.1, *before, after),
            RowChange::Outcome(outcome) => {
                let key = (outcome.command, outcome.organization.clone());
                self.outcomes.entry(key).or_insert_with(|| outcome.report.clone());
            }
            RowChange::Admission { target, attempt, state } => {
                self.admit((transition.run, *target, *attempt), *state);
            }
        }
    }

    fn admit(&mut self, key: (RunId, campaigns_domain::id::TargetId, u32), state: AdmissionState) {
        let number = self.next_number();
        self.admissions.entry(key).and_modify(|stored| stored.1 = state).or_insert((number, state));
    }

    fn change_changeset(&mut self, shard: Shard, before: ChangesetState, after: &Changeset) {
        let (number, now) = (self.next_number(), self.passed());
        let Some(stored) = self.changesets.get_mut(&after.id) else { return };
        stored.changed = now;
        let read =
            |row: &Changeset| row.seen.as_ref().filter(|seen| seen.checks_read).map(|seen| seen.checks);
        stored.checks_since = read(after).map(|checks| match stored.checks_since {
            Some(since) if read(&stored.changeset) == Some(checks) => since,
            _ => now,
        });
        // Whoever has the repository now has the changeset.
        stored.organization = after.repository.owner().to_ascii_lowercase();
        stored.shard = Shard::of_organization(&stored.organization);
        let old_run = stored.changeset.wanted.run;
        let places = stored.changeset.clone();
        // What a changeset's id is made of, and its base, never change.
        stored.changeset = Changeset {
            campaign: places.campaign,
            repository_id: places.repository_id,
            base_branch: places.base_branch,
            head_branch: places.head_branch,
            ..after.clone()
        };
        if after.state == ChangesetState::Scheduled && before != ChangesetState::Scheduled {
            stored.queue_number = number;
        }
        // A proposal of another run moves it over to that run's counts.
        self.count_changeset(old_run, shard, before, -1);
        self.count_changeset(after.wanted.run, shard, after.state, 1);
    }

    fn count_changeset(&mut self, run: RunId, shard: Shard, state: ChangesetState, by: i64) {
        self.parts.entry((run, shard)).or_default().counts.changeset(state, by);
    }

    fn effect(&mut self, transition: &Transition, change: &EffectChange) {
        let epoch = transition.fence.epoch.0;
        match change {
            EffectChange::Begin(effect) => {
                let number = self.next_number();
                let new = StoredEffect { effect: effect.clone(), epoch, number };
                self.effects
                    .entry(effect.id)
                    .and_modify(|stored| {
                        stored.effect.state = EffectState::InFlight;
                        stored.effect.run = effect.run;
                        stored.epoch = epoch;
                    })
                    .or_insert(new);
            }
            EffectChange::Done(id) => {
                if let Some(stored) = self.effects.get_mut(id) {
                    stored.effect.state = EffectState::Done;
                }
            }
        }
    }
}

fn kind(change: &RowChange) -> String {
    match change {
        RowChange::Run(run) => format!("run {} at version {}", run.id, run.version - 1),
        RowChange::AddRun(run) => format!("new run {}", run.id),
        RowChange::AddTargets(_) => "new targets".to_owned(),
        RowChange::Target { before, after } => {
            format!("target {} at version {}, {}", after.id, after.version - 1, before.as_str())
        }
        RowChange::Execution(execution) => format!("execution {}", execution.id),
        RowChange::AddChangeset(new) => format!("new changeset {}", new.id),
        RowChange::Changeset { before, after } => {
            format!("changeset {} at version {}, {}", after.id, after.version - 1, before.as_str())
        }
        RowChange::Outcome(outcome) => format!("an outcome of command {}", outcome.command),
        RowChange::Admission { target, .. } => format!("an admission of target {target}"),
    }
}

/// What of a run changes after its creation; its admissions are rows of their own.
fn write_run(run: &mut Run, after: &Run) {
    run.state = after.state;
    run.reason.clone_from(&after.reason);
    run.paused.clone_from(&after.paused);
    run.window = after.window;
    run.rollout.clone_from(&after.rollout);
    run.total = after.total;
    run.next_position = after.next_position;
    run.ended = after.ended;
    run.proposed = after.proposed;
    run.settled = after.settled;
    run.pruned = after.pruned;
    run.version = after.version;
}

/// What of a target changes after its selection.
fn write_target(target: &mut Target, after: &Target) {
    target.state = after.state;
    target.reason.clone_from(&after.reason);
    target.attempt = after.attempt;
    target.infrastructure_failures = after.infrastructure_failures;
    target.version = after.version;
}
