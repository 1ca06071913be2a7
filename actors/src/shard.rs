//! The shard actor: one shard that this process holds. It takes up what was left behind, spawns an actor for
//! whatever is being worked on, hands messages to it, and answers crashes.
//!
//! A lost connection to the store is no crash: every child is stopped, and the shard reloads and resumes. Deliberately
//! absent: polling (`root`), and what any child does.

mod children;
mod reload;

use crate::{
    ports::{Backlog, Lease, Message, Recipient},
    restarts::Restarts,
    scope::{Delivery, Scope, Setback},
    tasks::{Busy, Tasks},
    world::World,
};
use children::Child;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// The tasks of a shard's current incarnation, where both the shard and whoever stops it find them.
#[derive(Debug, Clone)]
pub(crate) struct Slot(Arc<Mutex<Tasks>>);

impl Slot {
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self(Arc::new(Mutex::new(tasks)))
    }

    pub(crate) fn tasks(&self) -> Tasks {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The tasks before; the shard works with `next` from now on.
    fn replace(&self, next: Tasks) -> Tasks {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), next)
    }
}

/// One shard.
pub(crate) struct ShardActor;

/// What a shard actor is started with.
pub(crate) struct ShardArguments {
    pub(crate) world: Arc<World>,
    pub(crate) lease: Lease,
    pub(crate) slot: Slot,
    pub(crate) draining: watch::Receiver<bool>,
}

/// What a shard actor is told.
pub(crate) enum ShardMessage {
    /// Messages of its inbox, from this look.
    Deliver(Vec<Message>, u64),
    /// Pull requests of these organisations are due to be read.
    Due(Vec<String>),
    /// What was left behind, sorted by who is to see to it.
    Loaded(Left, Busy),
    /// The store did not answer somebody.
    StoreLost(String),
    /// Somebody was told that the shard has another owner.
    Fenced,
    /// The wait before a restart is over: these effects are the child's to resume.
    Restart(Recipient, Backlog),
}

/// What an earlier owner or incarnation left behind, by who is to see to it.
pub(crate) type Left = HashMap<Recipient, Delivery>;

impl ShardMessage {
    /// Tells the shard about a child's setback; a bug is the child's own end.
    pub(crate) fn report(shard: &ActorRef<Self>, setback: Setback) -> Result<(), ActorProcessingErr> {
        // A shard that is gone needs no telling.
        let _ = match setback {
            Setback::Fenced => shard.send_message(Self::Fenced),
            Setback::Unavailable(reason) => shard.send_message(Self::StoreLost(reason)),
            Setback::Refused(reason) => return Err(reason.into()),
            Setback::Bug(error) => return Err(error),
        };
        Ok(())
    }
}

pub(crate) struct ShardState {
    scope: Scope,
    slot: Slot,
    /// Whether the backlog is being read; nothing is taken in meanwhile.
    loading: bool,
    children: HashMap<Recipient, Child>,
    by_actor: HashMap<ActorId, Recipient>,
    restarts: Restarts<Recipient>,
    /// Children that wait for their restart.
    resting: HashMap<Recipient, Busy>,
    /// Children that crashed too often, with the reason.
    condemned: HashMap<Recipient, String>,
    /// Children that cannot even record that they failed: left alone until the shard is loaded again.
    parked: HashSet<Recipient>,
}

impl Actor for ShardActor {
    type Msg = ShardMessage;
    type State = ShardState;
    type Arguments = ShardArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        arguments: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let ShardArguments { world, lease, slot, draining } = arguments;
        let restarts = Restarts::new(world.settings.restarts);
        let scope = Scope { world, lease, tasks: slot.tasks(), draining };
        reload::begin(&myself, &scope, None);
        Ok(ShardState {
            scope,
            slot,
            loading: true,
            children: HashMap::new(),
            by_actor: HashMap::new(),
            restarts,
            resting: HashMap::new(),
            condemned: HashMap::new(),
            parked: HashSet::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ShardMessage::Deliver(messages, look) if !state.loading => {
                for (recipient, messages) in by_recipient(messages) {
                    let delivery = Delivery { messages, look, ..Delivery::default() };
                    children::deliver(&myself, state, recipient, delivery).await?;
                }
            }
            ShardMessage::Due(organizations) if !state.loading => {
                for organization in organizations {
                    let recipient = key(&Recipient::Organization(organization));
                    let delivery = Delivery { due: true, ..Delivery::default() };
                    children::deliver(&myself, state, recipient, delivery).await?;
                }
            }
            // Given back when the shard began to load; they come again. What is due is told of again, too.
            ShardMessage::Deliver(..) | ShardMessage::Due(_) => {}
            ShardMessage::Loaded(left, busy) => {
                state.loading = false;
                state.scope.world.inbox.hold(state.scope.lease.fence());
                for (recipient, mut delivery) in left {
                    delivery.busy = Some(state.scope.tasks.activity.busy());
                    children::deliver(&myself, state, recipient, delivery).await?;
                }
                drop(busy);
            }
            ShardMessage::StoreLost(reason) if !state.loading => {
                let shard = state.scope.shard();
                tracing::warn!(%shard, reason, "the database does not answer: the shard is loaded again");
                state.loading = true;
                state.scope.world.inbox.let_go(shard);
                children::stop_all(state);
                let next = Tasks::new(state.scope.tasks.activity.clone(), state.scope.world.stopped());
                let before = state.slot.replace(next.clone());
                state.scope.tasks = next;
                reload::begin(&myself, &state.scope, Some(before));
            }
            ShardMessage::StoreLost(_) => {}
            ShardMessage::Fenced => {
                let shard = state.scope.shard();
                tracing::warn!(%shard, "the shard has another owner: everything of it stops here");
                metrics::counter!("campaigns_fenced_total").increment(1);
                state.scope.world.inbox.let_go(shard);
                children::stop_all(state);
                state.loading = true;
                myself.stop(None);
            }
            ShardMessage::Restart(recipient, backlog) => {
                let busy = state.resting.remove(&recipient);
                let unseen = Some(state.scope.tasks.activity.busy());
                let delivery = Delivery { effects: backlog.effects, busy: unseen, ..Delivery::default() };
                children::deliver(&myself, state, recipient.clone(), delivery).await?;
                state.scope.world.inbox.return_of(&recipient);
                drop(busy);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(cell, ..) => {
                if let Some(recipient) = state.by_actor.remove(&cell.get_id()) {
                    state.children.remove(&recipient);
                    // What came while it was leaving.
                    state.scope.world.inbox.return_of(&recipient);
                }
                Ok(())
            }
            SupervisionEvent::ActorFailed(cell, error) => match state.by_actor.remove(&cell.get_id()) {
                Some(recipient) => {
                    state.children.remove(&recipient);
                    children::crashed(&myself, state, recipient, &error.to_string())
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Messages by who is to act on them, each in their order.
fn by_recipient(messages: Vec<Message>) -> Vec<(Recipient, Vec<Message>)> {
    let mut sorted: Vec<(Recipient, Vec<Message>)> = vec![];
    let mut places: HashMap<Recipient, usize> = HashMap::new();
    for message in messages {
        let recipient = key(&message.to);
        let place = *places.entry(recipient.clone()).or_insert_with(|| {
            sorted.push((recipient, vec![]));
            sorted.len() - 1
        });
        if let Some((_, messages)) = sorted.get_mut(place) {
            messages.push(message);
        }
    }
    sorted
}

/// A recipient as the map of children names it: logins are compared without regard to case.
pub(crate) fn key(recipient: &Recipient) -> Recipient {
    match recipient {
        Recipient::Organization(login) => Recipient::Organization(login.to_ascii_lowercase()),
        other => other.clone(),
    }
}
