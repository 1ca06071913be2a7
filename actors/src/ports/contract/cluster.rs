//! What every cluster has to hold to: one owner at a time, an epoch that grows with every change of owner, shards
//! handed over and taken over, and wake-ups that reach the owner.
//!
//! Written for an installation of several processes; one in memory and one on Redis are both that. Deliberately
//! absent: that a stale owner's commit is refused, which is the store's suite.

use super::super::{Cluster, Lease, Ownership};
use async_trait::async_trait;
use campaigns_domain::id::{Epoch, SHARDS, Shard};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};

/// An installation that members join and leave.
#[async_trait]
pub trait Installation: Send + Sync {
    /// A further process.
    async fn member(&self) -> Arc<dyn Cluster>;

    /// Ends a process without a word; `nth` counts from 0 in the order of [`Installation::member`].
    async fn vanish(&self, nth: usize);

    /// Has a living process lose a shard as it would by a lapsed lease.
    async fn lose(&self, nth: usize, shard: Shard);

    /// How long a change of ownership may take.
    fn within(&self) -> Duration;
}

/// A process of the suite: it keeps account of what it holds, and hands over what it is asked for.
struct Process {
    cluster: Arc<dyn Cluster>,
    changes: UnboundedReceiver<Ownership>,
    held: BTreeMap<Shard, Lease>,
    /// The highest epoch it was ever given for a shard.
    seen: BTreeMap<Shard, Epoch>,
}

impl Process {
    async fn join(installation: &dyn Installation) -> Self {
        let cluster = installation.member().await;
        let changes = cluster.join().await;
        Self { cluster, changes, held: BTreeMap::new(), seen: BTreeMap::new() }
    }

    /// Takes in changes of ownership until `done`, or fails.
    async fn until(&mut self, within: Duration, what: &str, done: impl Fn(&BTreeMap<Shard, Lease>) -> bool) {
        let all = async {
            while !done(&self.held) {
                let Some(change) = self.changes.recv().await else { break };
                self.take(change).await;
            }
        };
        assert!(timeout(within, all).await.is_ok(), "after {within:?}: {what}");
    }

    async fn take(&mut self, change: Ownership) {
        match change {
            Ownership::Acquired(lease) => {
                let (shard, epoch) = (lease.shard(), lease.fence().epoch);
                if let Some(before) = self.seen.insert(shard, epoch) {
                    assert!(epoch > before, "shard {shard} came back with epoch {epoch:?} after {before:?}");
                }
                // One whose time was over before it was heard of, as on a machine that stood still, is not held.
                if lease.is_trusted() {
                    self.held.insert(shard, lease);
                }
            }
            Ownership::Lost(shard) => {
                if let Some(lease) = self.held.remove(&shard) {
                    assert!(!lease.is_trusted(), "shard {shard} is lost and its lease trusted");
                }
            }
            Ownership::Release(shard) => {
                self.held.remove(&shard);
                self.cluster.release(shard).await;
            }
        }
    }

    fn epoch(&self, shard: Shard) -> Epoch {
        self.held.get(&shard).map_or(Epoch(0), |lease| lease.fence().epoch)
    }

    fn shards(&self) -> BTreeSet<Shard> {
        self.held.keys().copied().collect()
    }

    /// Waits for a wake-up for a shard. One for another may come twice, and late: it carries nothing.
    async fn hears(&self, within: Duration, shard: Shard, what: &str) {
        let heard = async { while self.cluster.woken().await != shard {} };
        assert!(timeout(within, heard).await.is_ok(), "after {within:?}: {what}");
    }
}

fn every() -> usize {
    usize::from(SHARDS)
}

/// A process that is alone comes to hold every shard.
pub async fn who_is_alone_holds_every_shard(installation: &dyn Installation) {
    let mut only = Process::join(installation).await;
    only.until(installation.within(), "the only process does not hold every shard", |held| {
        held.len() == every()
    })
    .await;
}

/// The one process that holds every shard, before another joins.
async fn alone(installation: &dyn Installation) -> Process {
    let mut only = Process::join(installation).await;
    only.until(installation.within(), "it does not hold every shard", |held| held.len() == every()).await;
    only
}

/// Another process beside one that held every shard, once each has its half.
async fn joined(installation: &dyn Installation, first: &mut Process) -> Process {
    let (within, half) = (installation.within(), every() / 2);
    let mut second = Process::join(installation).await;
    tokio::join!(
        first.until(within, "the first process keeps more than its share", |held| held.len() <= half),
        second.until(within, "the second process does not get its share", |held| held.len() >= half),
    );
    second
}

/// A second process gets its fair share, handed over by the first, and no shard has two owners.
pub async fn a_second_process_gets_its_share(installation: &dyn Installation) {
    let mut first = alone(installation).await;
    let before: BTreeMap<Shard, Epoch> = first.seen.clone();
    let second = joined(installation, &mut first).await;
    assert_eq!((first.cluster.members(), second.cluster.members()), (2, 2));
    assert!(first.shards().is_disjoint(&second.shards()), "a shard has two owners");
    assert_eq!(first.held.len() + second.held.len(), every());
    for shard in second.shards() {
        let earlier = before.get(&shard).copied();
        assert!(Some(second.epoch(shard)) > earlier, "shard {shard} was handed over without a new epoch");
    }
}

/// What a process held that ended without a word goes to another, with a new epoch.
pub async fn a_vanished_process_is_replaced(installation: &dyn Installation) {
    let within = installation.within();
    let first = alone(installation).await;
    installation.vanish(0).await;
    let mut second = Process::join(installation).await;
    second.until(within, "the second process does not take over", |held| held.len() == every()).await;
    for shard in Shard::all() {
        let earlier = first.seen.get(&shard).copied();
        assert!(Some(second.epoch(shard)) > earlier, "shard {shard} was taken over without a new epoch");
    }
}

/// A shard that is lost is told to be, and comes back with a new epoch.
pub async fn a_lost_shard_comes_back_with_a_new_epoch(installation: &dyn Installation) {
    let within = installation.within();
    let mut only = Process::join(installation).await;
    only.until(within, "the only process does not hold every shard", |held| held.len() == every()).await;
    let (shard, before) = (Shard(7), only.epoch(Shard(7)));
    installation.lose(0, shard).await;
    only.until(within, "the loss is not told", |held| !held.contains_key(&shard)).await;
    only.until(within, "the shard does not come back", |held| held.contains_key(&shard)).await;
    assert!(only.epoch(shard) > before);
}

/// What is given back by whoever is alone comes back to it, with a new epoch.
pub async fn what_is_given_back_to_nobody_comes_back(installation: &dyn Installation) {
    let within = installation.within();
    let mut only = Process::join(installation).await;
    only.until(within, "the only process does not hold every shard", |held| held.len() == every()).await;
    let (shard, before) = (Shard(7), only.epoch(Shard(7)));
    let Some(lease) = only.held.remove(&shard) else { return };
    only.cluster.release(shard).await;
    assert!(!lease.is_trusted(), "the lease is given back and trusted");
    only.until(within, "the shard does not come back", |held| held.contains_key(&shard)).await;
    assert!(only.epoch(shard) > before);
}

/// Whoever leaves gives everything to the others, and nothing comes back to it; until then what it holds is its own.
pub async fn who_leaves_gives_everything_to_the_others(installation: &dyn Installation) {
    let within = installation.within();
    let mut first = alone(installation).await;
    let mut second = joined(installation, &mut first).await;
    first.cluster.leave().await;
    assert!(first.held.values().all(Lease::is_trusted), "a process that leaves has lost what it held");
    for shard in first.shards() {
        first.held.remove(&shard);
        first.cluster.release(shard).await;
    }
    second.until(within, "the second process does not get the rest", |held| held.len() == every()).await;
    assert!(first.changes.try_recv().is_err(), "a process that has left was given something");
}

/// A wake-up for a shard that has just changed hands reaches its new owner, though the earlier one may still listen.
pub async fn a_wake_reaches_a_new_owner(installation: &dyn Installation) {
    let within = installation.within();
    let mut first = alone(installation).await;
    let mut second = joined(installation, &mut first).await;
    first.cluster.leave().await;
    for shard in first.shards().into_iter().take(8) {
        first.held.remove(&shard);
        first.cluster.release(shard).await;
        second.until(within, "the second process does not get it", |held| held.contains_key(&shard)).await;
        first.cluster.wake(&[shard]).await;
        second.hears(within, shard, "a wake-up does not reach the new owner").await;
    }
}

/// A wake-up reaches the owner of a shard, whoever sends it.
pub async fn a_wake_reaches_the_owner(installation: &dyn Installation) {
    let within = installation.within();
    let mut first = alone(installation).await;
    first.cluster.wake(&[Shard(3)]).await;
    first.hears(within, Shard(3), "a process does not hear its own wake-up").await;
    let second = joined(installation, &mut first).await;
    for (owner, other) in [(&first, &second), (&second, &first)] {
        let Some(shard) = owner.shards().pop_first() else { continue };
        other.cluster.wake(&[shard]).await;
        owner.hears(within, shard, "a wake-up does not reach the owner").await;
    }
}
