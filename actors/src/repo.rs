//! The repo actor: one admitted target. It lives from its admission to the end of the attempt and costs a row
//! afterwards.
//!
//! Deliberately absent: the target's machine (`campaigns_domain::execution::target`) and running steps
//! (`perform::execute`).

mod redo;

use crate::{
    perform::execute::{self, Attempted},
    ports::{
        EffectChange, EffectKind, Execution, Message, MessageBody, Recipient, RowChange, Subject, Transition,
    },
    scope::{Delivery, Scope, Setback, count, event},
    shard::ShardMessage,
    tasks::{Busy, Panicked, Task},
};
use campaigns_domain::{
    changeset::{Place, Proposal},
    execution::{
        Manifest,
        target::{Failure, FailureCause, Target, TargetEffect, TargetEvent, TargetState},
    },
    id::{ChangesetId, EffectId, ExecutionId, MessageId, TargetId},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tracing::Instrument;

/// How often a refused commit is tried again from a row read afresh.
const TRIES: u32 = 3;

/// One admitted target.
pub(crate) struct RepoActor;

/// What a repo actor is started with.
pub(crate) struct RepoArguments {
    pub(crate) scope: Scope,
    pub(crate) shard: ActorRef<ShardMessage>,
    pub(crate) target: TargetId,
}

/// What a repo actor is told.
#[expect(clippy::large_enum_variant, reason = "an attempt ends once; the mailbox holds a message or two")]
pub(crate) enum RepoMessage {
    /// Messages and effects of its target.
    Deliver(Delivery),
    /// It crashed too often: the target fails, for this reason.
    Condemn(String),
    /// The attempt's steps have begun.
    Started(u32),
    /// The attempt's task has ended.
    Ended(u32, Result<Attempted, Panicked>, Busy),
    /// Everything that waits is to be decided and recorded now.
    Turn,
}

/// What waits to be decided.
enum Input {
    Message(Message),
    Resumed(EffectId),
    Started(u32),
    Ended(u32, Box<Attempted>),
}

pub(crate) struct RepoState {
    scope: Scope,
    shard: ActorRef<ShardMessage>,
    id: TargetId,
    target: Option<Target>,
    waiting: Vec<Input>,
    /// Outcomes among what waits; they count as unfinished until they are recorded.
    unrecorded: Vec<Busy>,
    /// Whether a turn is in the mailbox.
    turning: bool,
    /// How often in a row a commit was refused.
    refusals: u32,
    /// The attempt that runs.
    work: Option<(u32, Task)>,
    /// It crashed too often: no attempt runs any more, and the current one fails for this reason.
    condemned: Option<String>,
    /// An attempt that may not run now: its run has ended, or the shard is being given up.
    held: Option<u32>,
    /// The shard is about to stop this actor; nothing is done any more.
    halted: bool,
}

/// What the inputs amount to.
struct Decided {
    next: Target,
    transition: Transition,
}

impl Actor for RepoActor {
    type Msg = RepoMessage;
    type State = RepoState;
    type Arguments = RepoArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        arguments: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let RepoArguments { scope, shard, target } = arguments;
        Ok(RepoState {
            scope,
            shard,
            id: target,
            target: None,
            waiting: vec![],
            unrecorded: vec![],
            turning: false,
            refusals: 0,
            work: None,
            condemned: None,
            held: None,
            halted: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if state.halted {
            return Ok(());
        }
        match message {
            RepoMessage::Deliver(delivery) => {
                state.unrecorded.extend(delivery.busy);
                state.waiting.extend(delivery.messages.into_iter().map(Input::Message));
                state.waiting.extend(delivery.effects.into_iter().map(|effect| Input::Resumed(effect.id)));
            }
            RepoMessage::Condemn(reason) => state.condemned = Some(reason),
            RepoMessage::Started(attempt) => state.waiting.push(Input::Started(attempt)),
            RepoMessage::Ended(attempt, outcome, busy) => {
                let attempted = outcome.unwrap_or_else(|panicked| {
                    let message = panicked.to_string();
                    Attempted::Failed(Failure { cause: FailureCause::Infrastructure, message })
                });
                state.work = None;
                state.waiting.push(Input::Ended(attempt, Box::new(attempted)));
                state.unrecorded.push(busy);
            }
            RepoMessage::Turn => {
                state.turning = false;
                let span = tracing::info_span!("target", target = %state.id, run = tracing::field::Empty);
                return match turn(&myself, state).instrument(span).await {
                    Ok(()) => Ok(()),
                    Err(setback) => {
                        state.halted = true;
                        ShardMessage::report(&state.shard, setback)
                    }
                };
            }
        }
        if !state.turning {
            state.turning = true;
            myself.send_message(RepoMessage::Turn)?;
        }
        Ok(())
    }
}

/// Decides about everything that waits, records it, and begins what is owed then.
async fn turn(myself: &ActorRef<RepoMessage>, state: &mut RepoState) -> Result<(), Setback> {
    let mut inputs = std::mem::take(&mut state.waiting);
    let target = loop {
        let target = match state.target.take() {
            Some(target) => target,
            None => {
                let row = state.scope.world.ports.store.target(state.id).await?;
                row.ok_or_else(|| Setback::Bug(format!("target {} is not there", state.id).into()))?
            }
        };
        tracing::Span::current().record("run", tracing::field::display(target.run));
        let redo = redo::of(&state.scope, &target).await?;
        let decided = decide(&state.scope, &target, &inputs, state.condemned.as_deref(), redo.as_ref())?;
        match state.scope.commit(decided.transition).await {
            Ok(()) => break decided.next,
            Err(Setback::Refused(reason)) if state.refusals < TRIES => {
                tracing::warn!(reason, "the target's row is read again");
                state.refusals += 1;
                // A message may have been consumed by a commit whose answer was lost; those that wait come again.
                inputs.retain(|input| !matches!(input, Input::Message(_)));
                state.scope.world.inbox.return_of(&Recipient::Target(state.id));
            }
            Err(Setback::Refused(reason)) => return Err(Setback::Bug(reason.into())),
            Err(setback) => return Err(setback),
        }
    };
    if !inputs.is_empty() {
        state.refusals = 0;
    }
    for input in &inputs {
        if let Input::Ended(attempt, attempted) = input {
            let outcome = match &**attempted {
                Attempted::Finished { .. } => "finished",
                Attempted::Failed(_) => "failed",
                Attempted::NotRun => "not_run",
            };
            count(EffectKind::Execute, outcome);
            if matches!(**attempted, Attempted::NotRun) {
                state.held = Some(*attempt);
            }
        }
    }
    perform(myself, state, &target);
    state.unrecorded.clear();
    state.target = Some(target);
    Ok(())
}

/// What the inputs amount to: pure.
fn decide(
    scope: &Scope,
    target: &Target,
    inputs: &[Input],
    condemned: Option<&str>,
    redo: Option<&Place>,
) -> Result<Decided, Setback> {
    let mut transition = scope.transition(target.run);
    let subject = Subject::Target(target.id);
    let mut next = target.clone();
    let mut row = None;
    for input in inputs.iter().map(Some).chain([None]) {
        let (what, attempted) = match input {
            // Trying again would end the same, which is what the cause says.
            None => (
                condemned.map(|reason| TargetEvent::Failed {
                    attempt: next.attempt,
                    failure: Failure { cause: FailureCause::Repository, message: reason.to_owned() },
                }),
                None,
            ),
            Some(input) => match input {
                Input::Message(message) => {
                    if transition.consumed.contains(&message.id) {
                        continue;
                    }
                    transition.consumed.push(message.id);
                    match &message.body {
                        MessageBody::Admitted { attempt } => {
                            (Some(TargetEvent::Admitted { attempt: *attempt }), None)
                        }
                        MessageBody::Cancel => (Some(TargetEvent::Cancelled), None),
                        _ => (None, None),
                    }
                }
                Input::Resumed(effect) => {
                    // An effect of an attempt that is over; its end was recorded without it.
                    let owed = is_under_way(&next) && *effect == effect_of(&next);
                    let done = EffectChange::Done(*effect);
                    if !owed && !transition.effects.contains(&done) {
                        transition.effects.push(done);
                    }
                    (None, None)
                }
                Input::Started(attempt) => (Some(TargetEvent::Started { attempt: *attempt }), None),
                Input::Ended(attempt, attempted) => match &**attempted {
                    Attempted::Finished { manifest, .. } => {
                        (Some(TargetEvent::finished(*attempt, manifest)), Some(attempted))
                    }
                    Attempted::Failed(failure) => {
                        (Some(TargetEvent::Failed { attempt: *attempt, failure: failure.clone() }), None)
                    }
                    Attempted::NotRun => (None, None),
                },
            },
        };
        let Some(what) = what else { continue };
        let Some((after, effects)) = next.apply(&what).into_applied() else { continue };
        transition.events.push(event(subject, what.name(), &what)?);
        if is_under_way(&next) && !is_under_way(&after) {
            transition.effects.push(EffectChange::Done(effect_of(&next)));
            let (manifest, diff) = match attempted.map(|attempted| &**attempted) {
                Some(Attempted::Finished { manifest, proposal }) => (Some(manifest), proposal.as_ref()),
                _ => (None, None),
            };
            row = Some(execution(&after, manifest)?);
            if let Some(place) = redo {
                transition.messages.extend(redo::told(place, &after, diff.map(|(_, proposal)| proposal)));
            } else if let Some(diff) = diff
                && effects.iter().any(|effect| matches!(effect, TargetEffect::Propose { .. }))
            {
                transition.messages.push(proposed(diff));
            }
        }
        for effect in effects {
            match effect {
                TargetEffect::Execute { attempt } => {
                    let begun = scope.effect(after.run, subject, EffectKind::Execute, attempt);
                    transition.effects.push(EffectChange::Begin(begun));
                    row = Some(execution(&after, None)?);
                }
                TargetEffect::AttemptEnded(ended) => {
                    // An end by cancellation may follow an attempt that has told its end already.
                    let kind = if ended.again { "asks_again" } else { "ended" };
                    transition.messages.push(Message {
                        id: MessageId::of(after.id.0, kind, ended.attempt),
                        to: Recipient::Run(after.run),
                        body: MessageBody::AttemptEnded {
                            target: after.id,
                            ended,
                            organization: ended
                                .put_off
                                .then(|| after.repository.owner().to_ascii_lowercase()),
                        },
                    });
                }
                // The task is stopped, and the message sent, where the rest of the event is seen to.
                TargetEffect::Stop | TargetEffect::Propose { .. } => {}
            }
        }
        next = after;
    }
    if next != *target {
        next.version = target.version + 1;
        transition.changes.insert(0, RowChange::Target { before: target.state, after: next.clone() });
    }
    transition.changes.extend(row.map(RowChange::Execution));
    Ok(Decided { next, transition })
}

/// Brings what runs in line with what is recorded.
fn perform(myself: &ActorRef<RepoMessage>, state: &mut RepoState, target: &Target) {
    if !is_under_way(target) {
        state.work = None;
        if state.waiting.is_empty() {
            myself.stop(None);
        }
        return;
    }
    let attempt = target.attempt;
    let runs = state.work.as_ref().is_some_and(|(running, _)| *running == attempt);
    if runs || state.condemned.is_some() || state.held == Some(attempt) || state.scope.is_draining() {
        return;
    }
    let begun = {
        let myself = myself.clone();
        Box::new(move || {
            // Nobody to tell means that the actor was stopped, and then this task is too.
            let _ = myself.send_message(RepoMessage::Started(attempt));
        })
    };
    let ended = {
        let myself = myself.clone();
        move |outcome, busy| {
            let _ = myself.send_message(RepoMessage::Ended(attempt, outcome, busy));
        }
    };
    let work = execute::attempt(state.scope.clone(), target.clone(), begun);
    state.work = Some((attempt, state.scope.tasks.perform(work, ended)));
}

fn is_under_way(target: &Target) -> bool {
    matches!(target.state, TargetState::Queued | TargetState::Executing)
}

fn effect_of(target: &Target) -> EffectId {
    EffectId::of(target.id.0, EffectKind::Execute.as_str(), target.attempt)
}

/// The row of the target's current attempt.
fn execution(target: &Target, manifest: Option<&Manifest>) -> Result<Execution, Setback> {
    let (state, reason) = match target.state {
        TargetState::Queued | TargetState::Executing => (TargetState::Executing, String::new()),
        TargetState::Unchanged => (TargetState::Unchanged, target.reason.clone()),
        TargetState::Changed => (TargetState::Changed, target.reason.clone()),
        _ => (TargetState::Failed, target.reason.clone()),
    };
    Ok(Execution {
        id: ExecutionId::of(target.id, target.attempt),
        target: target.id,
        attempt: target.attempt,
        state,
        reason,
        manifest: manifest.map(serde_json::to_value).transpose()?,
    })
}

fn proposed((place, proposal): &(Place, Proposal)) -> Message {
    let changeset = ChangesetId::of(place.campaign, place.repository_id, &place.head_branch);
    tracing::debug!(%changeset, "the diff is proposed");
    Message {
        id: MessageId::of(proposal.target.0, "proposed", proposal.attempt),
        to: Recipient::Organization(place.repository.owner().to_owned()),
        body: MessageBody::Proposed { place: Box::new(place.clone()), proposal: Box::new(proposal.clone()) },
    }
}
