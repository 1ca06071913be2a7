//! The limiter actor: one organisation. It keeps the organisation's changesets: takes proposals in, gives turns
//! fairly across campaigns, has them sent within the limits, and follows what becomes of them.
//!
//! It holds a page of what is scheduled and whatever is being sent; the backlog stays in the store. Deliberately
//! absent: the changeset's machine (`campaigns_domain::changeset`) and sending (`perform::publish`).

mod elsewhere;
mod fold;
mod follow;
mod load;
mod record;
mod redo;
mod room;
mod scheduled;
mod standing;
mod tidy;
mod timer;

use crate::{
    perform::{
        branch_end::Tidied,
        pace::Pace,
        publish::{self, Outcome, Sent},
        sync::Page,
    },
    ports::{Effect, Message, Recipient, StoreError, SyncReport},
    scope::{Delivery, Scope, Setback},
    shard::ShardMessage,
    tasks::{Busy, Panicked, Task},
};
use campaigns_domain::{
    id::{CampaignId, ChangesetId, CommandId, MessageId, RunId},
    publish::queue::Queue,
};
use fold::Rows;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};
use timer::Timer;
use tokio::time::Instant;
use tracing::Instrument;

/// How often a refused commit is tried again from rows read afresh.
const TRIES: u32 = 3;

/// One organisation.
pub(crate) struct LimiterActor;

/// What a limiter actor is started with.
pub(crate) struct LimiterArguments {
    pub(crate) scope: Scope,
    pub(crate) shard: ActorRef<ShardMessage>,
    /// How the supervisor names it.
    pub(crate) me: Recipient,
    pub(crate) organization: String,
}

/// What a limiter actor is told.
pub(crate) enum LimiterMessage {
    /// Messages and effects of its organisation.
    Deliver(Delivery),
    /// A changeset's generation was sent, or not.
    Sent(ChangesetId, u32, Result<Outcome, Panicked>, Busy),
    /// A page of a sync was read.
    Read(Result<Result<Page, StoreError>, Panicked>, Busy),
    /// Branches of merged pull requests were seen to.
    Tidied(Result<Vec<(ChangesetId, Tidied)>, Panicked>, Busy),
    /// A changeset that was put off may have its turn.
    Due(ChangesetId),
    /// Turns may be given again.
    Again,
    /// Everything that waits is to be decided and recorded now.
    Turn,
    /// Nothing has come for a while.
    Idle,
}

/// What waits to be decided.
enum Input {
    Message(Message),
    Resumed(Effect),
    Sent(ChangesetId, u32, Outcome),
    Read(Page),
    Tidied(Vec<(ChangesetId, Tidied)>),
}

/// A sync under way.
struct Sync {
    message: MessageId,
    command: CommandId,
    campaign: CampaignId,
    after: Option<ChangesetId>,
    run: RunId,
    /// What came of it so far.
    report: SyncReport,
}

pub(crate) struct LimiterState {
    scope: Scope,
    shard: ActorRef<ShardMessage>,
    me: Recipient,
    organization: String,
    rows: Rows,
    elsewhere: elsewhere::Elsewhere,
    queue: Queue,
    room: room::Known,
    /// Put off: how often in a row, and the timer of the next turn.
    put_off: HashMap<ChangesetId, (u32, Option<Timer>)>,
    /// How many were put off in a row, whichever they were.
    failures: u32,
    sending: HashMap<ChangesetId, Task>,
    /// Whether the store may hold scheduled changesets that are not here.
    more: bool,
    /// Whether a pause holds some of them, which are looked for again.
    held: bool,
    syncs: VecDeque<Sync>,
    reading: Option<Task>,
    tidy: tidy::Tidy,
    /// Whether pull requests may be due to be read.
    due: bool,
    pace: Arc<Pace>,
    /// Messages of no run, consumed with where the organisation stands.
    heard: Vec<MessageId>,
    /// Whether the pace goes on from where an earlier owner left it.
    restored: bool,
    waiting: Vec<Input>,
    /// Outcomes among what waits; they count as unfinished until they are recorded.
    unrecorded: Vec<Busy>,
    turning: bool,
    /// How often in a row a commit was refused.
    refusals: u32,
    /// How often in a row the store did not hand out a page, and until when it is not asked for one.
    stumbles: Option<(u32, Instant)>,
    timer: Option<Timer>,
    busy: Option<Busy>,
    halted: bool,
}

impl Actor for LimiterActor {
    type Msg = LimiterMessage;
    type State = LimiterState;
    type Arguments = LimiterArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        arguments: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let LimiterArguments { scope, shard, me, organization } = arguments;
        let settings = &scope.world.settings;
        let pace = Pace::new(settings.writes_per_second, settings.budget.spacing, scope.world.clock.clone());
        let pace = Arc::new(pace);
        Ok(LimiterState {
            scope,
            shard,
            me,
            organization,
            rows: Rows::new(),
            elsewhere: elsewhere::Elsewhere::new(),
            queue: Queue::default(),
            room: room::Known::default(),
            put_off: HashMap::new(),
            failures: 0,
            sending: HashMap::new(),
            more: true,
            held: false,
            syncs: VecDeque::new(),
            reading: None,
            tidy: tidy::Tidy::default(),
            due: false,
            pace,
            heard: vec![],
            restored: false,
            waiting: vec![],
            unrecorded: vec![],
            turning: false,
            refusals: 0,
            stumbles: None,
            timer: None,
            busy: None,
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
            LimiterMessage::Deliver(delivery) => {
                state.due |= delivery.due;
                state.unrecorded.extend(delivery.busy);
                state.waiting.extend(delivery.effects.into_iter().map(Input::Resumed));
                state.waiting.extend(delivery.messages.into_iter().map(Input::Message));
            }
            LimiterMessage::Sent(changeset, generation, outcome, busy) => {
                state.sending.remove(&changeset);
                let outcome = outcome.unwrap_or_else(|panicked| Outcome {
                    sent: Sent::Deferred(panicked.to_string()),
                    head: None,
                });
                state.waiting.push(Input::Sent(changeset, generation, outcome));
                state.unrecorded.push(busy);
            }
            LimiterMessage::Read(outcome, busy) => {
                state.reading = None;
                match outcome {
                    Ok(Ok(page)) => {
                        state.stumbles = None;
                        state.waiting.push(Input::Read(page));
                        state.unrecorded.push(busy);
                    }
                    Ok(Err(error)) => state.stumble(&error, "a page of changesets"),
                    Err(panicked) => return Err(panicked.into()),
                }
            }
            LimiterMessage::Tidied(outcome, busy) => {
                state.tidy.ended();
                // After a panic they are due again.
                state.waiting.extend(outcome.ok().map(Input::Tidied));
                state.unrecorded.push(busy);
            }
            LimiterMessage::Due(changeset) => {
                if let Some((_, timer)) = state.put_off.get_mut(&changeset) {
                    *timer = None;
                }
                if let Some(row) = state.rows.get(&changeset) {
                    state.queue.push(row.campaign, changeset);
                }
            }
            LimiterMessage::Again => state.more |= std::mem::take(&mut state.held),
            LimiterMessage::Idle => {
                if state.is_idle() && state.waiting.is_empty() && !state.turning {
                    myself.stop(None);
                }
                return Ok(());
            }
            LimiterMessage::Turn => {
                state.turning = false;
                let span = tracing::info_span!("organization", organization = %state.organization);
                return match turn(&myself, state).instrument(span).await {
                    Ok(()) => Ok(()),
                    Err(setback) => {
                        state.halted = true;
                        ShardMessage::report(&state.shard, setback)
                    }
                };
            }
        }
        state.timer = None;
        if !state.turning {
            state.turning = true;
            myself.send_message(LimiterMessage::Turn)?;
        }
        Ok(())
    }
}

impl LimiterState {
    fn is_idle(&self) -> bool {
        let waits = !self.queue.is_empty() || !self.put_off.is_empty() || self.resting().is_some();
        let reads = self.due || !self.tidy.is_idle() || self.reading.is_some() || !self.syncs.is_empty();
        !waits && !reads && self.sending.is_empty()
    }

    /// Whether a changeset is held here because something is still to be done for it.
    fn is_held(&self, changeset: &ChangesetId) -> bool {
        self.queue.contains(changeset)
            || self.put_off.contains_key(changeset)
            || self.sending.contains_key(changeset)
    }
}

/// Decides about everything that waits, gives turns, records both, and begins what is owed then.
async fn turn(myself: &ActorRef<LimiterMessage>, state: &mut LimiterState) -> Result<(), Setback> {
    let mut inputs = std::mem::take(&mut state.waiting);
    state.restore().await?;
    let send = loop {
        load::load(state, &inputs).await?;
        scheduled::refill(state).await?;
        state.look(&inputs).await?;
        match record::record(state, &inputs).await {
            Ok(send) => break send,
            Err(Setback::Refused(reason)) if state.refusals < TRIES => {
                tracing::warn!(reason, "the organisation's rows are read again");
                state.refusals += 1;
                state.rows.clear();
                state.queue.clear();
                state.put_off.clear();
                state.more = true;
                // A message may have been consumed by a commit whose answer was lost; those that wait come again.
                inputs.retain(|input| !matches!(input, Input::Message(_)));
                state.scope.world.inbox.return_of(&state.me);
            }
            Err(Setback::Refused(reason)) => return Err(Setback::Bug(reason.into())),
            Err(setback) => return Err(setback),
        }
    };
    if !inputs.is_empty() {
        state.refusals = 0;
    }
    record::learn(myself, state, &inputs);
    state.let_go();
    state.keep().await?;
    drop(inputs);
    for (changeset, generation) in send {
        begin(myself, state, changeset, generation);
    }
    follow::read_on(myself, state);
    tidy::begin(myself, state).await;
    settle(myself, state);
    state.unrecorded.clear();
    Ok(())
}

/// Sends one changeset, off the mailbox.
fn begin(
    myself: &ActorRef<LimiterMessage>,
    state: &mut LimiterState,
    changeset: ChangesetId,
    generation: u32,
) {
    let Some(row) = state.rows.get(&changeset) else { return };
    let work = publish::publish(state.scope.clone(), state.pace.clone(), row.clone());
    let span = tracing::info_span!("changeset", %changeset, generation, run = %row.wanted.run);
    let ended = {
        let myself = myself.clone();
        move |outcome, busy| {
            let _ = myself.send_message(LimiterMessage::Sent(changeset, generation, outcome, busy));
        }
    };
    let task = state.scope.tasks.perform(work.instrument(span), ended);
    state.sending.insert(changeset, task);
}

/// Lets go of rows that nothing is to be done for, and sees to the next wake-up.
fn settle(myself: &ActorRef<LimiterMessage>, state: &mut LimiterState) {
    let rows = std::mem::take(&mut state.rows);
    state.rows = rows.into_iter().filter(|(id, _)| state.is_held(id)).collect();
    let waiting = u32::try_from(state.queue.len() + state.put_off.len()).unwrap_or(u32::MAX);
    metrics::gauge!("campaigns_waiting", "organization" => state.organization.clone())
        .set(f64::from(waiting));
    if state.is_idle() {
        state.busy = None;
        if state.held && !state.scope.is_draining() {
            state.timer = Some(Timer::passing(scheduled::LOOK_AGAIN, myself, || LimiterMessage::Again));
            return;
        }
        // Whoever is asked to wait stays, and remembers it.
        let stopped = state.pace.stopped_for().unwrap_or_default();
        let wait = state.scope.world.settings.passivate_after.max(stopped);
        state.timer = Some(Timer::passing(wait, myself, || LimiterMessage::Idle));
        return;
    }
    // Counted in the process's activity and not in the shard's: what only waits does not hold up a drain.
    if state.busy.is_none() {
        state.busy = Some(state.scope.world.activity.busy());
    }
    // Also where the wait has just ended while this turn was recorded: nobody else would look at the queue again.
    let room = state.sending.len() < state.scope.world.settings.publish_at_once;
    // Where there is no room, a pause may make some; where a pause holds the rest, its end may.
    let waits = !state.queue.is_empty();
    let resting = state.resting().into_iter().chain(state.reading_rests()).min();
    if (waits || state.held || resting.is_some()) && !state.scope.is_draining() {
        let stopped =
            (waits && room).then(|| state.pace.stopped_for().max(state.no_room_for()).unwrap_or_default());
        let held = (state.held || waits && !room).then_some(scheduled::LOOK_AGAIN);
        let wait = stopped.into_iter().chain(resting).chain(held).min().unwrap_or_default();
        state.timer = Some(Timer::by_store(&state.scope.world.clock, wait, myself, LimiterMessage::Again));
    }
}
