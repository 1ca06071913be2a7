//! Ownership of shards: leases with fencing epochs, and wake-ups between replicas.
//!
//! A lease is a matter of liveness: what makes a commit safe is its epoch, checked by the store. Deliberately
//! absent: how leases are won (in memory by whoever is alone, by Redis among replicas).

use super::PointPool;
use async_trait::async_trait;
use campaigns_domain::id::{Epoch, Shard};
use std::sync::{Arc, RwLock};
use tokio::{sync::mpsc, time::Instant};

/// The shard and epoch that a commit is made under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The shard.
    pub shard: Shard,
    /// Its epoch.
    pub epoch: Epoch,
}

/// The proof that this process owns a shard; a required argument of whatever changes owned rows or the world.
/// Clones share the time until which it may be trusted, which its cluster moves on with every renewal.
#[derive(Debug, Clone)]
pub struct Lease {
    fence: Fence,
    trusted_until: Arc<RwLock<Option<Instant>>>,
}

impl Lease {
    /// A lease won for `fence`, trusted until the given time of the local monotonic clock; `None` is until it is
    /// revoked, for a process that is alone.
    pub fn new(fence: Fence, trusted_until: Option<Instant>) -> Self {
        Self { fence, trusted_until: Arc::new(RwLock::new(trusted_until)) }
    }

    /// What a commit under it is fenced by.
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// The shard.
    pub fn shard(&self) -> Shard {
        self.fence.shard
    }

    /// Whether it may still be acted on: checked before every effect on the world.
    pub fn is_trusted(&self) -> bool {
        self.trusted_until().is_none_or(|until| Instant::now() < until)
    }

    /// The time until which it may be acted on, as far as it has been renewed; `None` is until it is revoked.
    pub fn trusted_until(&self) -> Option<Instant> {
        *self.trusted_until.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Moves on the time until which it may be trusted. Only its cluster calls this.
    pub fn trust_until(&self, until: Instant) {
        *self.trusted_until.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(until);
    }
}

/// A change of ownership.
#[derive(Debug, Clone)]
pub enum Ownership {
    /// This process owns the shard from now on; the epoch has been minted.
    Acquired(Lease),
    /// It must stop at once: the lease is lost or in doubt.
    Lost(Shard),
    /// It should finish what is in flight and call [`Cluster::release`].
    Release(Shard),
}

/// Ownership and wake-ups as the actors see them.
#[async_trait]
pub trait Cluster: Send + Sync + 'static {
    /// Joins: from now on changes of ownership arrive on the channel. Called once.
    async fn join(&self) -> mpsc::UnboundedReceiver<Ownership>;

    /// Takes part no longer: nothing more is given to this process, and the others' shares are counted without it.
    /// What it holds stays its own until it releases it.
    async fn leave(&self);

    /// Gives a shard up, after everything of it has stopped.
    async fn release(&self, shard: Shard);

    /// The store knows of a later owner of a shard than this process, after everything of it has stopped. Among others
    /// that one may be gone again, so that the shard is competed for; a process without others has been replaced for
    /// good.
    async fn fenced(&self, shard: Shard);

    /// How many processes share the work, as far as this one knows; at least 1.
    fn members(&self) -> u32;

    /// Where the points of reads are counted for all processes together; none where this one is alone, or keeps to its
    /// part.
    fn points(&self) -> Option<Arc<dyn PointPool>> {
        None
    }

    /// Tells the owners of these shards, wherever they are, that messages wait. May be lost: owners also poll.
    async fn wake(&self, shards: &[Shard]);

    /// The next wake-up for a shard that this process owns.
    async fn woken(&self) -> Shard;
}
