//! The rows of a batch of transitions, sorted out by kind, and how they move a part's counters.
//!
//! Deliberately absent: SQL.

use super::super::input::small;
use campaigns_actors::ports::{
    AdmissionState, Effect, EffectChange, EffectState, Execution, Message, NewEvent, Outcome, RowChange,
    Transition,
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::{
        run::Run,
        target::{Target, TargetState},
    },
    id::{ChangesetId, EffectId, MessageId, TargetId},
    reconcile::Due,
};

/// What a batch holds, by kind of row; the first of each tuple is the transition's ordinal.
#[derive(Default)]
pub(super) struct Batch<'a> {
    pub(super) runs: Vec<(i32, &'a Run)>,
    pub(super) new_runs: Vec<(i32, &'a Run)>,
    pub(super) new_targets: Vec<(i32, &'a Target)>,
    pub(super) targets: Vec<(i32, TargetState, &'a Target)>,
    pub(super) executions: Vec<(i32, &'a Execution)>,
    pub(super) new_changesets: Vec<(i32, &'a Changeset)>,
    pub(super) changesets: Vec<(i32, ChangesetState, &'a Changeset, Option<Due>)>,
    pub(super) admissions: Vec<(i32, TargetId, u32, AdmissionState)>,
    pub(super) outcomes: Vec<(i32, &'a Outcome)>,
    /// When pull requests are read the next time whose changesets' rows are not written otherwise.
    pub(super) due: Vec<(i32, ChangesetId, Due)>,
    pub(super) events: Vec<(i32, i32, &'a NewEvent)>,
    pub(super) begun: Vec<(i32, &'a Effect, bool)>,
    pub(super) done: Vec<(i32, EffectId)>,
    pub(super) messages: Vec<(i32, &'a Message)>,
    pub(super) consumed: Vec<(i32, MessageId)>,
    /// Moves of a part's counters of targets: ordinal, the state counted, by how much.
    pub(super) moves: Vec<(i32, TargetState, i32)>,
    /// How many rows of each transition have to be found as expected.
    pub(super) guarded: Vec<i32>,
    /// How many events each transition says.
    said: Vec<i32>,
}

impl<'a> Batch<'a> {
    pub(super) fn of(transitions: &[&'a Transition]) -> Result<Self, String> {
        let mut batch = Self { guarded: vec![0; transitions.len()], ..Self::default() };
        for (index, transition) in transitions.iter().enumerate() {
            let ord = small(index)?;
            batch.said.push(small(transition.events.len())?);
            for change in &transition.changes {
                batch.change(ord, change, transition);
            }
            for (event, place) in transition.events.iter().zip(1..) {
                batch.events.push((ord, place, event));
            }
            let alone = transition.due.iter().filter(|(id, _)| !transition.changes_changeset(*id));
            batch.due.extend(alone.map(|(id, due)| (ord, *id, *due)));
            batch.effects(ord, &transition.effects);
            batch.messages.extend(transition.messages.iter().map(|message| (ord, message)));
            batch.consumed.extend(transition.consumed.iter().map(|id| (ord, *id)));
        }
        batch.count_guarded();
        // One order of locking for everybody.
        batch.targets.sort_by_key(|(_, _, target)| target.id);
        batch.changesets.sort_by_key(|(_, _, changeset, _)| changeset.id);
        batch.due.sort_by_key(|(_, id, _)| *id);
        Ok(batch)
    }

    /// How many events a transition says.
    pub(super) fn said(&self, ord: i32) -> i32 {
        usize::try_from(ord).ok().and_then(|ord| self.said.get(ord)).copied().unwrap_or_default()
    }

    fn change(&mut self, ord: i32, change: &'a RowChange, transition: &Transition) {
        match change {
            RowChange::Run(run) => self.runs.push((ord, run)),
            RowChange::AddRun(run) => self.new_runs.push((ord, run)),
            RowChange::AddTargets(targets) => {
                for state in TargetState::ALL {
                    let count = targets.iter().filter(|target| target.state == state).count();
                    if count > 0 {
                        self.moves.push((ord, state, i32::try_from(count).unwrap_or(i32::MAX)));
                    }
                }
                self.new_targets.extend(targets.iter().map(|target| (ord, target)));
            }
            RowChange::Target { before, after } => {
                if *before != after.state {
                    self.moves.push((ord, *before, -1));
                    self.moves.push((ord, after.state, 1));
                }
                self.targets.push((ord, *before, after));
            }
            RowChange::Execution(execution) => self.executions.push((ord, execution)),
            RowChange::AddChangeset(changeset) => self.new_changesets.push((ord, changeset)),
            RowChange::Changeset { before, after } => {
                let due = transition.due.iter().find(|(id, _)| *id == after.id).map(|(_, due)| *due);
                self.changesets.push((ord, *before, after, due));
            }
            RowChange::Outcome(outcome) => self.outcomes.push((ord, outcome)),
            RowChange::Admission { target, attempt, state } => {
                self.admissions.push((ord, *target, *attempt, *state));
            }
        }
    }

    fn effects(&mut self, ord: i32, effects: &'a [EffectChange]) {
        let first = self.begun.len();
        for effect in effects {
            match effect {
                EffectChange::Begin(effect) => {
                    self.begun.push((ord, effect, effect.state == EffectState::Done))
                }
                // Begun and done in one transition is one row.
                EffectChange::Done(id) => {
                    match self.begun[first..].iter_mut().find(|(_, begun, _)| begun.id == *id) {
                        Some((_, _, done)) => *done = true,
                        None => self.done.push((ord, *id)),
                    }
                }
            }
        }
    }

    fn count_guarded(&mut self) {
        let ordinals = (self.runs.iter().map(|row| row.0))
            .chain(self.targets.iter().map(|row| row.0))
            .chain(self.changesets.iter().map(|row| row.0))
            .chain(self.done.iter().map(|row| row.0))
            .chain(self.consumed.iter().map(|row| row.0));
        for ord in ordinals.collect::<Vec<_>>() {
            if let Some(count) = usize::try_from(ord).ok().and_then(|ord| self.guarded.get_mut(ord)) {
                *count += 1;
            }
        }
    }
}

/// The place of a changeset state's counter among [`changeset_counters`].
pub(super) fn changeset_counter(state: ChangesetState) -> i16 {
    let place = ChangesetState::ALL.iter().position(|other| *other == state);
    place.and_then(|place| i16::try_from(place).ok()).unwrap_or_default()
}

/// The counters of targets in a part, in the order of their places.
pub(super) fn target_counters() -> impl Iterator<Item = &'static str> {
    TargetState::ALL.into_iter().map(|state| match state {
        TargetState::Selected => "targets_selected",
        TargetState::Queued => "targets_queued",
        TargetState::Executing => "targets_executing",
        TargetState::Unchanged => "targets_unchanged",
        TargetState::Changed => "targets_changed",
        TargetState::Failed => "targets_failed",
        TargetState::Skipped => "targets_skipped",
        TargetState::Cancelled => "targets_cancelled",
    })
}

/// The counters of changesets in a part, with their places.
pub(super) fn changeset_counters() -> impl Iterator<Item = (i16, String)> {
    ChangesetState::ALL
        .into_iter()
        .map(|state| (changeset_counter(state), format!("changesets_{}", state.as_str())))
}
