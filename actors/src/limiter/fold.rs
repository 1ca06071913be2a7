//! What waits at an organisation, folded into as few transitions as there are runs among it.
//!
//! A transition is of one run. Where two runs touch the same changeset, what came first is committed first.
//! Deliberately absent: reading rows, and performing.

use super::elsewhere::arrived;
use crate::{
    ports::{
        EffectChange, EffectKind, Message, MessageBody, Outcome, Recipient, RowChange, Subject, Transition,
    },
    scope::{Scope, Setback, event},
};
use campaigns_domain::{
    changeset::{Ask, Changeset, ChangesetEffect, ChangesetEvent, ChangesetState, Place, Proposal},
    execution::run::Run,
    id::{ChangesetId, EffectId, MessageId, RunId},
    reconcile::{Due, due},
};
use std::{collections::HashMap, time::Duration};

/// The rows an organisation's actor holds, by id.
pub(super) type Rows = HashMap<ChangesetId, Changeset>;

/// Transitions being made, and what is owed once they are durable.
pub(super) struct Fold<'a> {
    scope: &'a Scope,
    rows: &'a mut Rows,
    runs: Vec<(RunId, Transition)>,
    touched: HashMap<ChangesetId, Touched>,
    /// When pull requests of changesets that did not change are read the next time.
    due: HashMap<ChangesetId, Due>,
    /// Changesets that wait for a turn now.
    pub(super) scheduled: Vec<ChangesetId>,
    /// Changesets that are to be sent now, with their generations.
    pub(super) send: Vec<(ChangesetId, u32)>,
}

/// A changeset as it was before this fold.
struct Touched {
    run: RunId,
    before: Option<(ChangesetState, i64)>,
}

impl<'a> Fold<'a> {
    pub(super) fn new(scope: &'a Scope, rows: &'a mut Rows) -> Self {
        Self {
            scope,
            rows,
            runs: vec![],
            touched: HashMap::new(),
            due: HashMap::new(),
            scheduled: vec![],
            send: vec![],
        }
    }

    pub(super) fn row(&self, changeset: &ChangesetId) -> Option<&Changeset> {
        self.rows.get(changeset)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Changeset> {
        self.rows.values()
    }

    /// A changeset's pull request is read again then, unless the changeset changes with this.
    pub(super) fn due(&mut self, changeset: ChangesetId, due: Due) {
        self.due.insert(changeset, due);
    }

    /// Adds a run that carries out again what another has proposed; its owner is told to start it.
    pub(super) fn begin_run(&mut self, proposed_by: RunId, run: Run, start: Message) {
        let transition = self.of(proposed_by);
        transition.changes.push(RowChange::AddRun(Box::new(run)));
        transition.messages.push(start);
    }

    /// How a command went, in the part of this run.
    pub(super) fn outcome(&mut self, run: RunId, outcome: Outcome) {
        self.of(run).changes.push(RowChange::Outcome(outcome));
    }

    /// A target has a diff to propose.
    pub(super) async fn propose(
        &mut self,
        message: MessageId,
        place: &Place,
        proposal: &Proposal,
    ) -> Result<(), Setback> {
        let id = place.changeset();
        let what = ChangesetEvent::Proposed { proposal: Box::new(proposal.clone()) };
        if let Some(why) = self.rows.get(&id).and_then(|row| row.declines(place, proposal)) {
            tracing::info!(changeset = %id, target = %proposal.target, why, "a proposal is not taken up");
            self.of(proposal.run).messages.push(settled(id, proposal));
        } else if self.rows.contains_key(&id) {
            self.apply(proposal.run, id, &what).await?;
        } else {
            let (row, effects) = Changeset::propose(place.clone(), proposal.clone());
            self.touch(proposal.run, id, None).await?;
            self.record(proposal.run, None, row, &what, effects)?;
        }
        self.consume(proposal.run, message);
        Ok(())
    }

    /// A run that carries a changeset out again has a result for it; that run has nothing to wait for afterwards.
    pub(super) async fn redone(
        &mut self,
        message: MessageId,
        id: ChangesetId,
        run: RunId,
        content: Option<&Proposal>,
        reason: &str,
    ) -> Result<(), Setback> {
        let boxed = content.cloned().map(Box::new);
        let what = ChangesetEvent::Redone { run, content: boxed, reason: reason.to_owned() };
        if !self.happened(id, &what).await? {
            tracing::info!(changeset = %id, %run, "what came of carrying it out again is not taken up");
        }
        let told = content.map(|content| settled(id, content));
        let transition = self.of(run);
        transition.messages.extend(told);
        transition.consumed.push(message);
        Ok(())
    }

    /// A person asks something of a changeset. What does not fit where it stands is passed over.
    pub(super) async fn ask(
        &mut self,
        message: MessageId,
        run: RunId,
        id: ChangesetId,
        ask: &Ask,
        what: &ChangesetEvent,
    ) -> Result<(), Setback> {
        let refused = match self.rows.get(&id) {
            None => Some("there is no such changeset"),
            Some(row) => row.refuses(ask),
        };
        match refused {
            Some(why) => tracing::info!(changeset = %id, ask = ask.name(), why, "an ask is not taken up"),
            None => {
                self.happened(id, what).await?;
            }
        }
        self.consume(run, message);
        Ok(())
    }

    /// A message about a changeset that is another organisation's goes there.
    pub(super) fn pass_on(&mut self, run: RunId, message: MessageId, passed_on: Message) {
        let transition = self.of(run);
        transition.consumed.push(message);
        transition.messages.push(passed_on);
    }

    /// A changeset has come from another organisation: where it waits to be sent it waits for a turn here, also while
    /// nothing is asked of the store.
    pub(super) fn arrived(&mut self, id: ChangesetId) {
        if self.rows.get(&id).is_some_and(Changeset::waits_for_turn) {
            self.scheduled.push(id);
        }
    }

    /// Something happened to a changeset; the event is recorded in the run that proposed it last. Whether it
    /// changed anything.
    pub(super) async fn happened(&mut self, id: ChangesetId, what: &ChangesetEvent) -> Result<bool, Setback> {
        let Some(run) = self.rows.get(&id).map(|row| row.wanted.run) else { return Ok(false) };
        self.apply(run, id, what).await
    }

    /// The outcome of an effect is part of what is being recorded.
    pub(super) fn done(&mut self, id: ChangesetId, generation: u32) {
        let Some(run) = self.rows.get(&id).map(|row| row.wanted.run) else { return };
        let effect = EffectId::of(id.0, EffectKind::Publish.as_str(), generation);
        let done = EffectChange::Done(effect);
        let effects = &mut self.of(run).effects;
        if !effects.contains(&done) {
            effects.push(done);
        }
    }

    /// A message is seen to, in the part of this run.
    pub(super) fn consume(&mut self, run: RunId, message: MessageId) {
        self.of(run).consumed.push(message);
    }

    /// Commits everything so far.
    pub(super) async fn flush(&mut self) -> Result<(), Setback> {
        let touched = std::mem::take(&mut self.touched);
        for (id, touched) in touched {
            let Some(row) = self.rows.get_mut(&id) else { continue };
            let change = match touched.before {
                None => {
                    row.version = 1;
                    RowChange::AddChangeset(row.clone())
                }
                Some((before, version)) => {
                    row.version = version + 1;
                    RowChange::Changeset { before, after: Box::new(row.clone()) }
                }
            };
            // Something has just happened to it; a hint that came at the same time is heeded all the same.
            let hinted = self.due.remove(&id).filter(|hinted| *hinted == Due::In(Duration::ZERO));
            let next = hinted.unwrap_or_else(|| due(row, Duration::ZERO));
            let transition = self.of(touched.run);
            if touched.before.is_some() {
                transition.due.push((id, next));
            }
            transition.changes.push(change);
        }
        // The rest rides with whatever is committed at all: it is of no run.
        let rest = std::mem::take(&mut self.due);
        let run = self.runs.first().map(|(run, _)| *run);
        let run = run.or_else(|| rest.keys().find_map(|id| self.rows.get(id)).map(|row| row.wanted.run));
        if let Some(run) = run {
            self.of(run).due.extend(rest);
        }
        for (_, transition) in std::mem::take(&mut self.runs) {
            self.scope.commit(transition).await?;
        }
        Ok(())
    }

    async fn apply(&mut self, run: RunId, id: ChangesetId, what: &ChangesetEvent) -> Result<bool, Setback> {
        let Some(row) = self.rows.get(&id) else { return Ok(false) };
        let Some((next, effects)) = row.apply(what).into_applied() else { return Ok(false) };
        let before = row.clone();
        self.touch(run, id, Some((before.state, before.version))).await?;
        self.record(run, Some(&before), next, what, effects)?;
        Ok(true)
    }

    /// Notes what a changeset was like; what another run did to it is committed first.
    async fn touch(
        &mut self,
        run: RunId,
        id: ChangesetId,
        before: Option<(ChangesetState, i64)>,
    ) -> Result<(), Setback> {
        if self.touched.get(&id).is_some_and(|touched| touched.run != run) {
            self.flush().await?;
            // The flush has given the row its version; what is recorded next starts from there.
            let before = self.rows.get(&id).map(|row| (row.state, row.version));
            self.touched.insert(id, Touched { run, before });
        } else {
            self.touched.entry(id).or_insert(Touched { run, before });
        }
        Ok(())
    }

    fn record(
        &mut self,
        run: RunId,
        before: Option<&Changeset>,
        next: Changeset,
        what: &ChangesetEvent,
        effects: Vec<ChangesetEffect>,
    ) -> Result<(), Setback> {
        let (id, subject) = (next.id, Subject::Changeset(next.id));
        let happened = event(subject, what.name(), what)?;
        // A proposal that takes the place of one that was not sent settles that one first.
        let mut replaced = match (what, before) {
            (ChangesetEvent::Proposed { .. }, Some(before)) if !before.state.is_settled() => {
                Some(&before.wanted)
            }
            _ => None,
        };
        let scope = self.scope;
        let wanted = next.wanted.clone();
        let mut scheduled = false;
        let transition = self.of(run);
        transition.events.push(happened);
        for effect in effects {
            match effect {
                ChangesetEffect::Schedule => scheduled = true,
                ChangesetEffect::Publish { generation } => {
                    let begun = scope.effect(run, subject, EffectKind::Publish, generation);
                    transition.effects.push(EffectChange::Begin(begun));
                }
                ChangesetEffect::Settled { run } => {
                    let of = replaced.take().unwrap_or(&wanted);
                    transition.messages.push(Message { to: Recipient::Run(run), ..settled(id, of) });
                }
            }
        }
        if before.is_some_and(|before| !before.is_of(next.repository.owner())) {
            transition.messages.push(arrived(&next));
        } else if scheduled {
            self.scheduled.push(id);
        }
        if let ChangesetEvent::PublishStarted { generation } = what {
            self.send.push((id, *generation));
        }
        self.rows.insert(id, next);
        Ok(())
    }

    fn of(&mut self, run: RunId) -> &mut Transition {
        let at = match self.runs.iter().position(|(of, _)| *of == run) {
            Some(at) => at,
            None => {
                self.runs.push((run, self.scope.transition(run)));
                self.runs.len() - 1
            }
        };
        &mut self.runs[at].1
    }
}

/// A proposal's run is told that nothing is left to be sent for it.
fn settled(changeset: ChangesetId, proposal: &Proposal) -> Message {
    Message {
        id: MessageId::of(proposal.target.0, "settled", proposal.attempt),
        to: Recipient::Run(proposal.run),
        body: MessageBody::ChangesetSettled { changeset },
    }
}
