//! The campaign actor: one run. It selects, admits targets within the window, and follows attempts and
//! changesets to their ends.
//!
//! Deliberately absent: the run's machine (`campaigns_domain::execution::run`), asking the code host
//! (`perform::select`), and the targets (one `repo` actor each).

mod decide;
mod put_off;
mod rollout;

use crate::{
    perform::{
        prune::{self, Found},
        select::{self, Chosen},
    },
    ports::{EffectKind, Message, MessageBody, Recipient, RunControl, StoreError},
    scope::{Delivery, Scope, Setback, count},
    shard::ShardMessage,
    tasks::{Busy, Panicked, Task},
};
use campaigns_domain::{
    execution::run::{Run, RunState},
    id::{EffectId, RunId, TargetId},
};
use decide::{Known, decide};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use rollout::{Last, Look, Looked};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;
use tracing::Instrument;

/// How often a refused commit is tried again from a row read afresh.
const TRIES: u32 = 3;

/// How many targets' ids are read ahead of their admission.
const AHEAD: u32 = 1_000;

/// One run.
pub(crate) struct CampaignActor;

/// What a campaign actor is started with.
pub(crate) struct CampaignArguments {
    pub(crate) scope: Scope,
    pub(crate) shard: ActorRef<ShardMessage>,
    pub(crate) run: RunId,
}

/// What a campaign actor is told.
pub(crate) enum CampaignMessage {
    /// Messages and effects of its run.
    Deliver(Delivery),
    /// The selection has ended: its targets, or why there are none.
    Selected(Result<Option<Result<Chosen, String>>, Panicked>, Busy),
    /// It is known what the run closes of earlier versions.
    Pruned(Result<Option<Found>, Panicked>, Busy),
    /// The rollout is to be looked at.
    Look,
    /// It was.
    Looked(Result<Result<Look, StoreError>, Panicked>, Busy),
    /// The organisations that have put off some of its targets are to be looked at.
    PutOff,
    /// Everything that waits is to be decided and recorded now.
    Turn,
    /// Nothing has come for a while.
    Idle,
}

/// What waits to be decided.
enum Input {
    Message(Message),
    Resumed(EffectId),
    Selected(Result<Chosen, String>),
    Looked(Box<Looked>),
    Pruned(Found),
    /// An organisation may be tried again, with so many of the targets that it put off.
    TriedAgain(String, u32),
}

pub(crate) struct CampaignState {
    scope: Scope,
    shard: ActorRef<ShardMessage>,
    id: RunId,
    run: Option<Run>,
    /// The last look at the inbox that may show messages consumed before the row was read.
    loaded: u64,
    /// The targets at the next positions, in order.
    ahead: VecDeque<TargetId>,
    /// Whether the intent to select is recorded.
    selecting: bool,
    selection: Option<Task>,
    looking: Option<Task>,
    /// The timer of the next look at the rollout. What happens meanwhile does not put it off.
    next_look: Option<Idle>,
    /// How long the last look took that did not fail; none before the first.
    look_took: Option<Duration>,
    pruning: Option<Task>,
    put_off: put_off::PutOff,
    /// What the last look at the rollout left to wait for.
    last: Option<Last>,
    waiting: Vec<Input>,
    /// Outcomes among what waits; they count as unfinished until they are recorded.
    unrecorded: Vec<Busy>,
    turning: bool,
    /// How often in a row a commit was refused.
    refusals: u32,
    idle: Option<Idle>,
    halted: bool,
}

/// A timer that ends with its owner.
struct Idle(tokio::task::AbortHandle);

impl Drop for Idle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Actor for CampaignActor {
    type Msg = CampaignMessage;
    type State = CampaignState;
    type Arguments = CampaignArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        arguments: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let CampaignArguments { scope, shard, run } = arguments;
        Ok(CampaignState {
            scope,
            shard,
            id: run,
            run: None,
            loaded: u64::MAX,
            ahead: VecDeque::new(),
            selecting: false,
            selection: None,
            looking: None,
            next_look: None,
            look_took: None,
            pruning: None,
            put_off: put_off::PutOff::default(),
            last: None,
            waiting: vec![],
            unrecorded: vec![],
            turning: false,
            refusals: 0,
            idle: None,
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
            CampaignMessage::Deliver(delivery) => {
                state.unrecorded.extend(delivery.busy);
                delivery.messages.iter().for_each(|message| state.put_off.hear(message));
                state.waiting.extend(delivery.effects.into_iter().map(|effect| Input::Resumed(effect.id)));
                if delivery.look > state.loaded {
                    state.waiting.extend(delivery.messages.into_iter().map(Input::Message));
                } else if state.run.is_some() && !delivery.messages.is_empty() {
                    state.scope.world.inbox.return_of(&Recipient::Run(state.id));
                }
            }
            CampaignMessage::Selected(outcome, busy) => {
                state.selection = None;
                match outcome {
                    Ok(Some(selected)) => state.waiting.push(Input::Selected(selected)),
                    Ok(None) => {}
                    Err(panicked) => state.waiting.push(Input::Selected(Err(panicked.to_string()))),
                }
                state.unrecorded.push(busy);
            }
            CampaignMessage::Pruned(outcome, busy) => {
                state.pruning = None;
                match outcome {
                    Ok(found) => state.waiting.extend(found.map(Input::Pruned)),
                    Err(panicked) => return Err(panicked.into()),
                }
                state.unrecorded.push(busy);
            }
            CampaignMessage::PutOff => {
                if !put_off::look(&myself, state).await {
                    return Ok(());
                }
            }
            CampaignMessage::Look => {
                state.next_look = None;
                rollout::begin(&myself, state);
                return Ok(());
            }
            CampaignMessage::Looked(outcome, busy) => {
                state.looking = None;
                match outcome {
                    Ok(Ok(look)) => {
                        state.look_took = Some(look.took);
                        let Some(looked) = look.showed else {
                            rollout::look_again(&myself, state);
                            return Ok(());
                        };
                        state.waiting.push(Input::Looked(Box::new(looked)));
                        state.unrecorded.push(busy);
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(run = %state.id, %error, "the rollout is looked at again");
                        state.look_took.get_or_insert_default();
                        rollout::look_again(&myself, state);
                        return Ok(());
                    }
                    Err(panicked) => return Err(panicked.into()),
                }
            }
            CampaignMessage::Idle => {
                if state.waiting.is_empty()
                    && state.selection.is_none()
                    && state.pruning.is_none()
                    && !state.turning
                {
                    myself.stop(None);
                }
                return Ok(());
            }
            CampaignMessage::Turn => {
                state.turning = false;
                let span = tracing::info_span!("run", run = %state.id);
                return match turn(&myself, state).instrument(span).await {
                    Ok(()) => Ok(()),
                    Err(setback) => {
                        state.halted = true;
                        ShardMessage::report(&state.shard, setback)
                    }
                };
            }
        }
        state.idle = None;
        if !state.turning {
            state.turning = true;
            myself.send_message(CampaignMessage::Turn)?;
        }
        Ok(())
    }
}

/// Decides about everything that waits, records it, and begins what is owed then.
async fn turn(myself: &ActorRef<CampaignMessage>, state: &mut CampaignState) -> Result<(), Setback> {
    loop {
        if state.run.is_none() {
            load(state).await?;
        }
        let Some(mut run) = state.run.take() else { continue };
        run.replicas = state.scope.world.ports.cluster.members();
        let known = read_ahead(state, &run).await?;
        let decided = decide(&state.scope, &run, &state.waiting, known)?;
        match state.scope.commit(decided.transition).await {
            Ok(()) => {
                if !state.waiting.is_empty() {
                    state.refusals = 0;
                }
                state.waiting.clear();
                state.unrecorded.clear();
                state.selecting = decided.selecting;
                state.ahead = decided.ahead;
                state.last = decided.looked.or(state.last);
                perform(myself, state, &decided.next);
                state.run = Some(decided.next);
                return Ok(());
            }
            Err(Setback::Refused(reason)) if state.refusals < TRIES => {
                tracing::warn!(reason, "the run's row is read again");
                state.refusals += 1;
                // A commit whose answer was lost may have taken place: the messages of it are gone then, and
                // those that are not will be shown by the next look.
                state.waiting.retain(|input| !matches!(input, Input::Message(_)));
                state.scope.world.inbox.return_of(&Recipient::Run(state.id));
            }
            Err(Setback::Refused(reason)) => return Err(Setback::Bug(reason.into())),
            Err(setback) => return Err(setback),
        }
    }
}

/// Reads the run. Only messages that are looked for afterwards are taken: one that was shown before may have been
/// consumed by a commit whose answer was lost, and counting a settled changeset twice would end the run early.
async fn load(state: &mut CampaignState) -> Result<(), Setback> {
    let row = state.scope.world.ports.store.run(state.id).await?;
    let run = row.ok_or_else(|| Setback::Bug(format!("run {} is not there", state.id).into()))?;
    state.loaded = state.scope.world.inbox.looks();
    state.ahead.clear();
    state.run = Some(run);
    let before = state.waiting.len();
    state.waiting.retain(|input| !matches!(input, Input::Message(_)));
    tracing::debug!(put_back = before - state.waiting.len(), "the run was read");
    state.scope.world.inbox.return_of(&Recipient::Run(state.id));
    Ok(())
}

/// What the store knows and the decision may need.
async fn read_ahead(state: &mut CampaignState, run: &Run) -> Result<Known, Setback> {
    let store = &state.scope.world.ports.store;
    let mut ahead = std::mem::take(&mut state.ahead);
    if run.state == RunState::Running {
        let ended = u32::try_from(state.waiting.len()).unwrap_or(u32::MAX);
        let left = run.total - run.next_position;
        let needed = run.most_open().saturating_add(ended).min(left);
        let held = u32::try_from(ahead.len()).unwrap_or(u32::MAX);
        if held < needed {
            let count = needed.max(AHEAD).min(left) - held;
            ahead.extend(store.targets_at(state.id, run.next_position + held, count).await?);
        }
    }
    let cancels =
        |input: &Input| matches!(input, Input::Message(Message { body: MessageBody::CancelRun { .. }, .. }));
    let unfinished = if !run.state.is_end() && state.waiting.iter().any(cancels) {
        store.unfinished_targets(state.id).await?
    } else {
        vec![]
    };
    let spec = match state.waiting.iter().any(|input| matches!(input, Input::Looked(_))) {
        true => Some(state.scope.world.plan(state.id).await?.spec.clone()),
        false => None,
    };
    Ok(Known { ahead, unfinished, selecting: state.selecting, spec })
}

/// Brings what runs in line with what is recorded.
fn perform(myself: &ActorRef<CampaignMessage>, state: &mut CampaignState, run: &Run) {
    if run.state.is_end() {
        let control = RunControl { state: run.state, paused: None, pace: run.rollout.pace, at: None };
        state.scope.world.note(run.id, Instant::now(), control);
        if state.selection.take().is_some() {
            count(EffectKind::Select, "stopped");
        }
    }
    if run.state != RunState::Selecting {
        state.selection = None;
    } else if state.selecting && state.selection.is_none() && !state.scope.is_draining() {
        let work = select::targets(state.scope.clone(), run.clone());
        let ended = {
            let myself = myself.clone();
            move |outcome, busy| {
                let _ = myself.send_message(CampaignMessage::Selected(outcome, busy));
            }
        };
        state.selection = Some(state.scope.tasks.perform(work, ended));
    }
    if !run.is_pruning() {
        state.pruning = None;
    } else if state.pruning.is_none() && !state.scope.is_draining() {
        let ended = {
            let myself = myself.clone();
            move |outcome, busy| {
                let _ = myself.send_message(CampaignMessage::Pruned(outcome, busy));
            }
        };
        let work = prune::look(state.scope.clone(), run.clone());
        state.pruning = Some(state.scope.tasks.perform(work, ended));
    }
    let waits = put_off::look_again(myself, state, run);
    if rollout::goes_on(run, state.last) {
        rollout::look_again(myself, state);
        return;
    }
    // A run that has ended stays for a while too: its targets' last words are on their way.
    if state.selection.is_none() && state.pruning.is_none() && !waits {
        let timer = myself.send_after(state.scope.world.settings.passivate_after, || CampaignMessage::Idle);
        state.idle = Some(Idle(timer.abort_handle()));
    }
}
