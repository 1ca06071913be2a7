//! What a member knows of its own leases and of the others, for those who ask without waiting.
//!
//! Deliberately absent: changing anything; the task of leases does.

use campaigns_actors::ports::Lease;
use campaigns_domain::id::Shard;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// What is known.
#[derive(Debug, Default)]
pub(super) struct View {
    held: Mutex<BTreeMap<Shard, Lease>>,
    members: AtomicU32,
}

impl View {
    fn leases(&self) -> MutexGuard<'_, BTreeMap<Shard, Lease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shards that are held now.
    pub(super) fn held(&self) -> Vec<Shard> {
        self.leases().values().filter(|lease| lease.is_trusted()).map(Lease::shard).collect()
    }

    /// Whether a shard is.
    pub(super) fn holds(&self, shard: Shard) -> bool {
        self.leases().get(&shard).is_some_and(Lease::is_trusted)
    }

    /// How many take part, this one included.
    pub(super) fn members(&self) -> u32 {
        self.members.load(Ordering::Relaxed).max(1)
    }

    pub(super) fn count(&self, members: u32) {
        self.members.store(members, Ordering::Relaxed);
        let held = u32::try_from(self.leases().len()).unwrap_or(u32::MAX);
        metrics::gauge!("campaigns_leases_held").set(f64::from(held));
        metrics::gauge!("campaigns_replicas").set(f64::from(members));
    }

    pub(super) fn hold(&self, lease: &Lease) {
        self.leases().insert(lease.shard(), lease.clone());
    }

    pub(super) fn forget(&self, shard: Shard) {
        self.leases().remove(&shard);
    }
}
