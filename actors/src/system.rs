//! The actors of one process as others see them: started, drained, awaited.
//!
//! Deliberately absent: anything about campaigns. Whoever wants something writes a row and wakes its owner.

use crate::{
    ports::{Fence, Ports, Recipient},
    root::{RootActor, RootMessage},
    settings::Settings,
    world::World,
};
use campaigns_domain::id::Shard;
use ractor::{Actor, ActorRef, SpawnErr, concurrency::Duration};
use std::sync::Arc;
use tokio::{task::AbortHandle, time::Instant};

/// How much longer than asked a drain may take to give its leases back.
pub const GIVING_BACK: Duration = Duration::from_secs(10);
/// How long it may take to be heard that this process leaves.
pub const LEAVING: Duration = Duration::from_secs(2);

/// The actors of one process. Dropping it stops them where they are, which is as good as a crash: whoever holds
/// the shards next resumes from the store. [`System::drain`] is the orderly way.
#[derive(Debug)]
pub struct System {
    root: ActorRef<RootMessage>,
    world: Arc<World>,
    feeders: Vec<AbortHandle>,
}

/// The shards that this process works on, for work beside the actors that is done by a shard's owner too: marking
/// rows that others left for it, always under its fence.
#[derive(Debug, Clone)]
pub struct Shards(Arc<World>);

impl Shards {
    /// What a change to rows of the shards held now is fenced by.
    pub fn held(&self) -> Vec<Fence> {
        self.0.inbox.held()
    }

    /// Resolves when somebody has told the owner of a shard held here that there is something for it.
    pub async fn woken(&self) {
        self.0.woken.notified().await;
    }

    /// Tells the owners of these shards, wherever they are, that messages wait.
    pub async fn wake(&self, shards: &[Shard]) {
        self.0.ports.cluster.wake(shards).await;
    }
}

/// The actors could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the actors could not be started: {0}")]
pub struct NotStarted(#[from] SpawnErr);

impl System {
    /// Joins the cluster and works on whatever shards this process comes to hold.
    ///
    /// # Errors
    /// Where the root actor cannot be spawned.
    pub async fn start(ports: Ports, settings: Settings) -> Result<Self, NotStarted> {
        let world = Arc::new(World::new(ports, settings));
        let (root, _) = Actor::spawn(None, RootActor, world.clone()).await?;
        let feeders = vec![
            tokio::spawn(follow_ownership(world.clone(), root.clone())).abort_handle(),
            tokio::spawn(follow_wakes(world.clone())).abort_handle(),
            tokio::spawn(poll(world.clone(), root.clone())).abort_handle(),
            tokio::spawn(tell_what_is_due(world.clone(), root.clone())).abort_handle(),
            tokio::spawn(pass_on_wakes(world.clone())).abort_handle(),
        ];
        Ok(Self { root, world, feeders })
    }

    /// Takes nothing new in, lets what is in flight finish for at most `within`, and gives every lease back after
    /// the work under it has stopped. What is not finished is left to the next owner.
    pub async fn drain(self, within: Duration) {
        let deadline = Instant::now() + within;
        // The others make room meanwhile. Where that is not heard, they do when this process is no longer seen.
        let _ = tokio::time::timeout(LEAVING, self.world.ports.cluster.leave()).await;
        let wait = u64::try_from((within + GIVING_BACK).as_millis()).unwrap_or(u64::MAX);
        if let Err(error) = ractor::call_t!(self.root, |reply| RootMessage::Drain(deadline, reply), wait) {
            tracing::warn!(%error, "the actors did not come to rest in time");
        }
    }

    /// Resolves when the actors have ended without having been asked to.
    pub async fn ended(&self) {
        // An error is the root's way of saying that it has ended already.
        let _ = self.root.wait(None).await;
    }

    /// Waits until this process holds every shard and there is nothing to do: no message waits, nothing is in
    /// flight, scheduled or to be restarted. For a process that is alone, carries out what is there and ends; one
    /// that shares its shards with others never comes to hold them all.
    pub async fn idle(&self) {
        loop {
            self.world.activity.none().await;
            let begun = self.world.activity.begun();
            self.world.inbox.empty().await;
            // Whatever ended while the inbox was looked at may have written to it after the look.
            if self.world.activity.is_none() && self.world.activity.begun() == begun {
                return;
            }
        }
    }

    /// Tells the owner of whatever a message was written for, wherever it is, that the message waits.
    pub async fn wake(&self, recipient: &Recipient) {
        self.world.ports.cluster.wake(&[recipient.shard()]).await;
    }

    /// The shards that this process works on, now and later.
    pub fn shards(&self) -> Shards {
        Shards(self.world.clone())
    }
}

impl Drop for System {
    fn drop(&mut self) {
        for feeder in &self.feeders {
            feeder.abort();
        }
        self.world.stop();
        self.root.kill();
    }
}

async fn follow_ownership(world: Arc<World>, root: ActorRef<RootMessage>) {
    let mut changes = world.ports.cluster.join().await;
    while let Some(change) = changes.recv().await {
        let _ = root.send_message(RootMessage::Ownership(change));
    }
}

async fn follow_wakes(world: Arc<World>) {
    loop {
        world.ports.cluster.woken().await;
        world.inbox.look();
        world.woken.notify_one();
    }
}

async fn pass_on_wakes(world: Arc<World>) {
    world.pass_on_wakes().await;
}

/// Looks for messages of all shards that are held, in one query: at once when asked, else every so often.
async fn poll(world: Arc<World>, root: ActorRef<RootMessage>) {
    let limit = world.settings.inbox_page.max(1);
    let mut tries = 0;
    loop {
        let look = world.inbox.begin();
        let read = if look.shards.is_empty() {
            Ok(vec![])
        } else {
            world.ports.store.inbox(&look.shards, limit).await
        };
        match read {
            Ok(messages) => {
                tries = 0;
                let full = messages.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
                let number = look.number;
                let fresh = world.inbox.end(look, messages);
                let more = full && !fresh.is_empty();
                if !fresh.is_empty() {
                    let _ = root.send_message(RootMessage::Deliver(fresh, number));
                }
                if more {
                    continue;
                }
                // Past its end, whoever asked meanwhile is heard at once.
                let _ = tokio::time::timeout(world.settings.poll_every, world.inbox.asked()).await;
            }
            Err(error) => {
                world.inbox.failed(look);
                tries += 1;
                let wait = world.settings.patience.wait(tries);
                tracing::warn!(%error, wait = ?wait, "the inbox could not be read");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// Tells organisations that pull requests of theirs are due to be read: one query every so often for all shards that
/// are held, however many pull requests wait.
async fn tell_what_is_due(world: Arc<World>, root: ActorRef<RootMessage>) {
    loop {
        tokio::time::sleep(world.settings.follow_every).await;
        let shards: Vec<_> = world.inbox.held().iter().map(|fence| fence.shard).collect();
        if shards.is_empty() {
            continue;
        }
        match world.ports.store.due_organizations(&shards).await {
            Ok(organizations) if organizations.is_empty() => {}
            Ok(organizations) => drop(root.send_message(RootMessage::Due(organizations))),
            Err(error) => tracing::warn!(%error, "what is due to be read could not be told: asked again"),
        }
    }
}
