//! The root actor: it holds a shard actor for every lease of this process, and restarts them.
//!
//! Deliberately absent: polling and the tasks that feed it (`system`).

use crate::{
    ports::{Lease, Message, Ownership},
    restarts::{Restarts, Verdict},
    shard::{ShardActor, ShardArguments, ShardMessage, Slot},
    tasks::{Activity, Tasks},
    world::World,
};
use campaigns_domain::id::Shard;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// How long a shard that is to be handed over may take to finish what is in flight.
const HAND_OVER: Duration = Duration::from_secs(20);

/// The top of the tree.
pub(crate) struct RootActor;

/// What the root is told.
pub(crate) enum RootMessage {
    /// Ownership of a shard changes.
    Ownership(Ownership),
    /// Messages of the shards that are held, from this look.
    Deliver(Vec<Message>, u64),
    /// Pull requests of these organisations are due to be read.
    Due(Vec<String>),
    /// The wait before a shard's restart is over.
    Restart(Lease),
    /// A shard's work has ended, and its lease is to be given back.
    Finished(Lease),
    /// Everything is to be finished by then, and every lease given back.
    Drain(Instant, RpcReplyPort<()>),
}

struct Held {
    lease: Lease,
    /// None while it waits for its restart.
    actor: Option<ActorRef<ShardMessage>>,
    slot: Slot,
    activity: Activity,
    draining: watch::Sender<bool>,
}

pub(crate) struct RootState {
    world: Arc<World>,
    held: HashMap<Shard, Held>,
    by_actor: HashMap<ActorId, Lease>,
    restarts: Restarts<Shard>,
    /// Who waits for the drain to end.
    drain: Option<(Instant, Option<RpcReplyPort<()>>)>,
}

impl Actor for RootActor {
    type Msg = RootMessage;
    type State = RootState;
    type Arguments = Arc<World>;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        world: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let restarts = Restarts::new(world.settings.restarts);
        Ok(RootState { world, held: HashMap::new(), by_actor: HashMap::new(), restarts, drain: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RootMessage::Ownership(Ownership::Acquired(lease)) => {
                let shard = lease.shard();
                state.stop(shard);
                if state.drain.is_some() {
                    give_back(&myself, lease);
                } else {
                    state.start(&myself, lease).await;
                }
            }
            RootMessage::Ownership(Ownership::Lost(shard)) => {
                tracing::debug!(%shard, "the shard is lost: everything of it stops here");
                state.stop(shard);
            }
            RootMessage::Ownership(Ownership::Release(shard)) => state.finish(&myself, shard, HAND_OVER),
            RootMessage::Deliver(messages, look) => {
                let mut sorted: HashMap<Shard, Vec<Message>> = HashMap::new();
                for message in messages {
                    sorted.entry(message.to.shard()).or_default().push(message);
                }
                for (shard, messages) in sorted {
                    if let Some(actor) = state.held.get(&shard).and_then(|held| held.actor.as_ref()) {
                        let _ = actor.send_message(ShardMessage::Deliver(messages, look));
                    }
                }
            }
            RootMessage::Due(organizations) => {
                let mut sorted: HashMap<Shard, Vec<String>> = HashMap::new();
                for organization in organizations {
                    sorted.entry(Shard::of_organization(&organization)).or_default().push(organization);
                }
                for (shard, organizations) in sorted {
                    if let Some(actor) = state.held.get(&shard).and_then(|held| held.actor.as_ref()) {
                        let _ = actor.send_message(ShardMessage::Due(organizations));
                    }
                }
            }
            RootMessage::Restart(lease) => {
                let shard = lease.shard();
                if state.held.get(&shard).is_some_and(|held| held.lease.fence() == lease.fence()) {
                    state.start(&myself, lease).await;
                }
            }
            RootMessage::Finished(lease) => {
                let shard = lease.shard();
                let held = state.held.get(&shard).map(|held| held.lease.fence());
                // It may have been lost and won again meanwhile: that lease is another.
                if held.is_none_or(|held| held == lease.fence()) {
                    state.stop(shard);
                    state.world.ports.cluster.release(shard).await;
                }
                state.drained();
            }
            RootMessage::Drain(deadline, reply) => {
                state.drain = Some((deadline, Some(reply)));
                let shards: Vec<Shard> = state.held.keys().copied().collect();
                for shard in shards {
                    state.finish(&myself, shard, deadline.saturating_duration_since(Instant::now()));
                }
                state.drained();
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
            // A shard stops by itself where it was told that it has another owner.
            SupervisionEvent::ActorTerminated(cell, ..) => {
                if let Some(lease) = state.by_actor.remove(&cell.get_id()) {
                    let shard = lease.shard();
                    state.stop(shard);
                    state.world.ports.cluster.fenced(shard).await;
                    state.drained();
                }
            }
            SupervisionEvent::ActorFailed(cell, error) => {
                if let Some(lease) = state.by_actor.remove(&cell.get_id()) {
                    state.crashed(&myself, lease, &error.to_string());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl RootState {
    /// Starts a shard's actor; tasks of an earlier one are awaited first.
    async fn start(&mut self, myself: &ActorRef<RootMessage>, lease: Lease) {
        let shard = lease.shard();
        let activity = self.world.activity.part();
        let slot = Slot::new(Tasks::new(activity.clone(), self.world.stopped()));
        let (draining, on_drain) = watch::channel(false);
        let arguments = ShardArguments {
            world: self.world.clone(),
            lease: lease.clone(),
            slot: slot.clone(),
            draining: on_drain,
        };
        let started = Actor::spawn_linked(None, ShardActor, arguments, myself.get_cell()).await;
        let actor = match started {
            Ok((actor, _)) => {
                self.by_actor.insert(actor.get_id(), lease.clone());
                Some(actor)
            }
            Err(error) => {
                self.crashed(myself, lease.clone(), &error.to_string());
                None
            }
        };
        self.held.insert(shard, Held { lease, actor, slot, activity, draining });
    }

    /// Stops everything of a shard at once.
    fn stop(&mut self, shard: Shard) {
        self.world.inbox.let_go(shard);
        let Some(held) = self.held.remove(&shard) else { return };
        held.draining.send_replace(true);
        if let Some(actor) = held.actor {
            self.by_actor.remove(&actor.get_id());
            actor.kill();
        }
        let tasks = held.slot.tasks();
        tokio::spawn(async move { tasks.close().await });
    }

    fn crashed(&mut self, myself: &ActorRef<RootMessage>, lease: Lease, error: &str) {
        let shard = lease.shard();
        metrics::counter!("campaigns_restarts_total", "actor" => "shard").increment(1);
        self.world.inbox.let_go(shard);
        let wait = match self.restarts.crashed(shard) {
            Verdict::After(wait) => wait,
            // Nobody else would fare better with what crashes it, so that giving it away helps nobody.
            Verdict::GiveUp(_) => self.world.settings.restarts.longest,
        };
        tracing::error!(%shard, error, wait = ?wait, "a shard crashed and is loaded again");
        let busy = self.world.activity.busy();
        let tasks = self.held.get_mut(&shard).map(|held| {
            held.actor = None;
            held.slot.tasks()
        });
        let root = myself.clone();
        tokio::spawn(async move {
            if let Some(tasks) = tasks {
                tasks.close().await;
            }
            tokio::time::sleep(wait).await;
            let _ = root.send_message(RootMessage::Restart(lease));
            drop(busy);
        });
    }

    /// Lets a shard finish what is in flight, takes nothing new in, and gives its lease back afterwards.
    fn finish(&mut self, myself: &ActorRef<RootMessage>, shard: Shard, within: Duration) {
        let Some(held) = self.held.get(&shard) else { return };
        self.world.inbox.let_go(shard);
        held.draining.send_replace(true);
        let (lease, activity, tasks, root) =
            (held.lease.clone(), held.activity.clone(), held.slot.tasks(), myself.clone());
        tokio::spawn(async move {
            if tokio::time::timeout(within, activity.none()).await.is_err() {
                tracing::warn!(%shard, "what was in flight is left to the next owner");
            }
            tasks.close().await;
            let _ = root.send_message(RootMessage::Finished(lease));
        });
    }

    /// Tells whoever waits for the drain, once nothing is held.
    fn drained(&mut self) {
        if let Some((_, reply)) = &mut self.drain
            && self.held.is_empty()
            && let Some(reply) = reply.take()
            && !reply.is_closed()
        {
            let _ = reply.send(());
        }
    }
}

fn give_back(root: &ActorRef<RootMessage>, lease: Lease) {
    let _ = root.send_message(RootMessage::Finished(lease));
}
