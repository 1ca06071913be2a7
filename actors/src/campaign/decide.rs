//! What waits at a run, folded into one transition. Pure: what the store knows is handed in.
//!
//! Deliberately absent: reading, committing, performing.

use super::{
    Input,
    rollout::{Last, Looked},
};
use crate::{
    perform::{prune::Found, select::Chosen},
    ports::{
        AdmissionState, EffectChange, EffectKind, Held, Message, MessageBody, Recipient, RowChange, Subject,
        Transition,
    },
    scope::{Scope, Setback, event},
};
use campaigns_domain::{
    changeset::Ask,
    execution::{
        rollout::RolloutEvent,
        run::{Run, RunEffect, RunEvent, RunState},
        target::TargetState,
    },
    id::{CommandId, EffectId, MessageId, TargetId},
    spec::Spec,
};
use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

/// What the store knows and the decision may need.
pub(super) struct Known {
    /// The targets at the next positions, in order; enough of them for the window.
    pub(super) ahead: VecDeque<TargetId>,
    /// The targets without an end, where the run is about to be cancelled.
    pub(super) unfinished: Vec<TargetId>,
    /// Whether the intent to select is recorded.
    pub(super) selecting: bool,
    /// What the run carries out, where its rollout was looked at.
    pub(super) spec: Option<Arc<Spec>>,
}

/// What the inputs amount to.
pub(super) struct Decided {
    pub(super) next: Run,
    pub(super) transition: Transition,
    pub(super) ahead: VecDeque<TargetId>,
    pub(super) selecting: bool,
    /// What the look at the rollout left to wait for, if there was one.
    pub(super) looked: Option<Last>,
}

/// The fold so far.
struct Fold<'a> {
    scope: &'a Scope,
    next: Run,
    transition: Transition,
    known: Known,
    consumed: HashSet<MessageId>,
    /// The last word about each admission.
    admissions: BTreeMap<(TargetId, u32), AdmissionState>,
    looked: Option<Last>,
}

pub(super) fn decide(scope: &Scope, run: &Run, inputs: &[Input], known: Known) -> Result<Decided, Setback> {
    let transition = scope.transition(run.id);
    let (consumed, admissions) = (HashSet::new(), BTreeMap::new());
    let mut fold = Fold { scope, next: run.clone(), transition, known, consumed, admissions, looked: None };
    for input in inputs {
        match input {
            Input::Message(message) => fold.message(message)?,
            Input::Resumed(effect) => fold.resumed(*effect),
            Input::Selected(selected) => fold.selected(selected)?,
            Input::Looked(looked) => fold.looked(looked)?,
            Input::Pruned(found) => fold.pruned(found)?,
            Input::TriedAgain(organization, targets) => {
                fold.apply(&RunEvent::TriedAgain { organization: organization.clone(), targets: *targets })?;
            }
        }
    }
    Ok(fold.finish(run))
}

impl Fold<'_> {
    fn message(&mut self, message: &Message) -> Result<(), Setback> {
        if !self.consumed.insert(message.id) {
            return Ok(());
        }
        self.transition.consumed.push(message.id);
        match &message.body {
            MessageBody::Start => {
                if self.next.state == RunState::Selecting && !self.known.selecting {
                    self.known.selecting = true;
                    let subject = Subject::Run(self.next.id);
                    let begun = self.scope.effect(self.next.id, subject, EffectKind::Select, 1);
                    self.transition.effects.push(EffectChange::Begin(begun));
                }
                Ok(())
            }
            MessageBody::PaceRun { by, pace, .. } => {
                let pace = self.next.rollout.pace.with(pace);
                self.apply(&RunEvent::Rollout { what: RolloutEvent::Paced { by: by.clone(), pace } })
            }
            MessageBody::PauseRun { by, .. } => self.apply(&RunEvent::Paused { by: by.clone() }),
            MessageBody::ResumeRun { by, .. } => self.apply(&RunEvent::Resumed { by: by.clone() }),
            MessageBody::CancelRun { by, .. } => self.apply(&RunEvent::Cancelled { by: by.clone() }),
            MessageBody::AttemptEnded { target, ended, organization } => {
                let open = (*target, ended.attempt);
                if self.next.state.is_end() {
                    // The run takes no notice any more, and its admissions are still to be closed.
                    let of_target = self.next.open.iter().filter(|(open, _)| open == target).copied();
                    for admission in of_target.collect::<Vec<_>>() {
                        self.close(admission);
                    }
                    return Ok(());
                }
                if self.next.open.contains(&open) {
                    self.admissions.insert(open, AdmissionState::Closed);
                    if ended.again {
                        self.admissions.insert((*target, ended.attempt + 1), AdmissionState::Asked);
                    }
                }
                self.apply(&RunEvent::AttemptEnded {
                    target: *target,
                    ended: *ended,
                    organization: organization.clone(),
                })
            }
            MessageBody::ChangesetSettled { .. } => self.apply(&RunEvent::ChangesetSettled),
            _ => Ok(()),
        }
    }

    fn close(&mut self, admission: (TargetId, u32)) {
        self.next.open.remove(&admission);
        self.admissions.insert(admission, AdmissionState::Closed);
    }

    fn resumed(&mut self, effect: EffectId) {
        let done = EffectChange::Done(effect);
        if effect == prune_effect(&self.next) && self.next.is_pruning() {
            return;
        }
        if self.next.state == RunState::Selecting {
            self.known.selecting = true;
        } else if !self.transition.effects.contains(&done) {
            self.transition.effects.push(done);
        }
    }

    fn selected(&mut self, selected: &Result<Chosen, String>) -> Result<(), Setback> {
        if self.next.state != RunState::Selecting {
            return Ok(());
        }
        match selected {
            Ok(Chosen { targets, ends, priority }) => {
                let taking_part = targets.iter().filter(|target| target.state == TargetState::Selected);
                let mut order: Vec<_> = taking_part.map(|target| (target.position, target.id)).collect();
                order.sort_unstable();
                let (all, taken) = (targets.len(), order.len());
                self.known.ahead = order.into_iter().map(|(_, id)| id).collect();
                // All of them in one commit with the run's turn to `running`: a selection made again after a
                // crash may differ, and half of an earlier one must not be left behind.
                self.transition.changes.push(RowChange::AddTargets(targets.clone()));
                let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                self.apply(&RunEvent::Selected {
                    targets: count(taken),
                    skipped: count(all - taken),
                    ends: ends.clone(),
                    priority: *priority,
                })
            }
            Err(message) => self.apply(&RunEvent::SelectionFailed { message: message.clone() }),
        }
    }

    /// Opens waves, halts, and lets changesets through, as a look at the rollout calls for.
    fn looked(&mut self, looked: &Looked) -> Result<(), Setback> {
        let last = Last { events: looked.mark.events, again: None, held: looked.held().next().is_some() };
        self.looked = Some(last);
        if self.next.state.is_end() {
            // Nothing of a run that has ended is held back any more; those that it let go of are told so.
            looked.held().for_each(|held| self.let_through(held));
            return Ok(());
        }
        let Some(spec) = self.known.spec.clone() else { return Ok(()) };
        let step = looked.decide(&spec, &self.next.rollout);
        for what in step.events {
            self.apply(&RunEvent::Rollout { what })?;
        }
        self.looked = Some(Last { again: step.again, held: true, ..last });
        self.next.rollout.releasing = looked.releasing();
        self.next.rollout.waits =
            step.waits.into_iter().map(|wait| wait.map_or_else(String::new, |wait| wait.reason)).collect();
        let release = step.release.filter(|_| self.next.paused.is_none());
        let (new, updates) = release.map_or((0, 0), |release| (release.new, release.updates));
        for held in looked.fitting(new, updates) {
            self.next.rollout.releasing.insert(held.changeset);
            self.let_through(held);
        }
        Ok(())
    }

    /// Has what earlier versions proposed closed by its owners.
    fn pruned(&mut self, found: &Found) -> Result<(), Setback> {
        if !self.next.is_pruning() {
            return Ok(());
        }
        self.apply(&RunEvent::Pruned { what: found.what.clone() })?;
        for (named, of) in &found.close {
            let id = MessageId::of(named.changeset.0, &format!("prune {}", self.next.id), 1);
            self.transition.messages.push(Message {
                id,
                to: Recipient::Organization(named.repository.owner().to_owned()),
                body: MessageBody::Ask {
                    changeset: named.changeset,
                    ask: Ask::Prune { why: named.why.clone(), of: *of },
                    by: "the campaign".to_owned(),
                    command: CommandId(id.0),
                    run: self.next.id,
                },
            });
        }
        Ok(())
    }

    /// Tells the owner of a changeset that it may be sent.
    fn let_through(&mut self, held: &Held) {
        let version = u32::try_from(held.version).unwrap_or(u32::MAX);
        self.transition.messages.push(Message {
            id: MessageId::of(held.changeset.0, "released", version),
            to: Recipient::Organization(held.organization.clone()),
            body: MessageBody::Released { changeset: held.changeset, run: self.next.id },
        });
    }

    fn apply(&mut self, what: &RunEvent) -> Result<(), Setback> {
        let (before, pruning) = (self.next.state, self.next.is_pruning());
        let asked = self.next.again.clone();
        let Some((next, effects)) = self.next.apply(what).into_applied() else { return Ok(()) };
        self.next = next;
        let subject = Subject::Run(self.next.id);
        self.transition.events.push(event(subject, what.name(), what)?);
        if before == RunState::Selecting && self.next.state != RunState::Selecting && self.known.selecting {
            self.known.selecting = false;
            let effect = EffectId::of(self.next.id.0, EffectKind::Select.as_str(), 1);
            self.transition.effects.push(EffectChange::Done(effect));
        }
        let prune = prune_effect(&self.next);
        match (pruning, self.next.is_pruning()) {
            (false, true) => {
                let begun = self.scope.effect(self.next.id, subject, EffectKind::Prune, 1);
                self.transition.effects.push(EffectChange::Begin(begun));
            }
            (true, false) => self.transition.effects.push(EffectChange::Done(prune)),
            (true, true) | (false, false) => {}
        }
        for effect in effects {
            match effect {
                RunEffect::AdmitNext { count, .. } => {
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    let admitted: Vec<_> =
                        self.known.ahead.drain(..count.min(self.known.ahead.len())).collect();
                    if admitted.len() < count {
                        let have = admitted.len();
                        let missing =
                            format!("{count} targets are to be admitted, and the store shows {have}");
                        return Err(Setback::Bug(missing.into()));
                    }
                    for target in &admitted {
                        self.admit(*target, 1);
                    }
                    self.next.admitted(admitted);
                }
                RunEffect::AdmitAgain { target, attempt } => self.admit(target, attempt),
                RunEffect::CancelTargets => {
                    for (target, attempt) in &asked {
                        self.admissions.insert((*target, *attempt), AdmissionState::Closed);
                    }
                    let cancelled = self.known.unfinished.iter().map(|target| Message {
                        id: MessageId::of(target.0, "cancel", 1),
                        to: Recipient::Target(*target),
                        body: MessageBody::Cancel,
                    });
                    self.transition.messages.extend(cancelled);
                }
                RunEffect::Select | RunEffect::Ended => {}
            }
        }
        Ok(())
    }

    fn admit(&mut self, target: TargetId, attempt: u32) {
        self.admissions.insert((target, attempt), AdmissionState::Open);
        self.transition.messages.push(Message {
            id: MessageId::of(target.0, "admitted", attempt),
            to: Recipient::Target(target),
            body: MessageBody::Admitted { attempt },
        });
    }

    fn finish(mut self, run: &Run) -> Decided {
        let row = |run: &Run| Run {
            open: Default::default(),
            again: vec![],
            put_off: Default::default(),
            ..run.clone()
        };
        if row(&self.next) != row(run) || self.next.state != run.state {
            self.next.version = run.version + 1;
            self.transition.changes.push(RowChange::Run(self.next.clone()));
        }
        self.transition.changes.extend(
            self.admissions.into_iter().map(|((target, attempt), state)| RowChange::Admission {
                target,
                attempt,
                state,
            }),
        );
        let Known { ahead, selecting, .. } = self.known;
        let looked = self.looked;
        Decided { next: self.next, transition: self.transition, ahead, selecting, looked }
    }
}

fn prune_effect(run: &Run) -> EffectId {
    EffectId::of(run.id.0, EffectKind::Prune.as_str(), 1)
}
