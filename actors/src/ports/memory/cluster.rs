//! Ownership in memory: an installation whose members share its shards fairly, hand them over, and lose them when
//! a test says so. A process that is alone holds all of them.
//!
//! Epochs are minted through the store, as the real cluster does, so that a fence is a fence here too.
//! Deliberately absent: time. A lease of a member that is alive is trusted until it is taken away.

use super::super::{Cluster, Fence, Lease, Ownership, Store};
use async_trait::async_trait;
use campaigns_domain::id::Shard;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use uuid::Uuid;

/// How long a member waits before it asks a store that did not answer again.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// An installation's members and who of them holds what.
#[derive(Clone)]
pub struct MemoryInstallation {
    store: Arc<dyn Store>,
    members: Arc<Mutex<Members>>,
}

/// One member of an installation.
pub struct MemoryCluster {
    id: Uuid,
    installation: MemoryInstallation,
    inbox: Arc<WakeUps>,
}

#[derive(Default)]
struct Members {
    present: BTreeMap<Uuid, Member>,
    /// Who holds a shard, and the lease once its epoch is minted.
    held: BTreeMap<Shard, (Uuid, Option<Lease>)>,
}

struct Member {
    changes: mpsc::UnboundedSender<Ownership>,
    inbox: Arc<WakeUps>,
    /// Shards it was asked to hand over.
    asked: BTreeSet<Shard>,
    /// Whether it takes nothing more.
    leaving: bool,
}

#[derive(Default)]
struct WakeUps {
    shards: Mutex<BTreeSet<Shard>>,
    more: Notify,
}

impl MemoryInstallation {
    /// An installation that mints its epochs in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, members: Arc::default() }
    }

    /// A further member; it takes part once it has joined.
    pub fn member(&self) -> MemoryCluster {
        MemoryCluster { id: Uuid::new_v4(), installation: self.clone(), inbox: Arc::default() }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings who holds what in line with who is there: whoever holds more than its share is asked for the rest,
    /// and what nobody holds goes to whoever holds least.
    fn settle(&self) {
        let mut granted = vec![];
        {
            let mut members = self.members();
            let staying: Vec<Uuid> =
                members.present.iter().filter(|(_, member)| !member.leaving).map(|(id, _)| *id).collect();
            if staying.is_empty() {
                return;
            }
            let share = usize::from(campaigns_domain::id::SHARDS).div_ceil(staying.len());
            for shard in Shard::all() {
                if members.held.contains_key(&shard) {
                    continue;
                }
                let count =
                    |member: &Uuid| members.held.values().filter(|(owner, _)| owner == member).count();
                let Some(least) = staying.iter().copied().min_by_key(|member| count(member)) else { return };
                members.held.insert(shard, (least, None));
                granted.push((shard, least));
            }
            let members = &mut *members;
            for (id, member) in members.present.iter_mut().filter(|(_, member)| !member.leaving) {
                let held: Vec<Shard> = members
                    .held
                    .iter()
                    .filter(|(_, (owner, _))| owner == id)
                    .map(|(shard, _)| *shard)
                    .collect();
                let over = held.len().saturating_sub(share).saturating_sub(member.asked.len());
                let more: Vec<_> =
                    held.into_iter().filter(|shard| !member.asked.contains(shard)).take(over).collect();
                for shard in more {
                    member.asked.insert(shard);
                    let _ = member.changes.send(Ownership::Release(shard));
                }
            }
        }
        for (shard, owner) in granted {
            let installation = self.clone();
            tokio::spawn(async move { installation.grant(shard, owner).await });
        }
    }

    /// Mints the epoch of a shard that `owner` has won, and tells it.
    async fn grant(&self, shard: Shard, owner: Uuid) {
        loop {
            match self.store.take_over(shard, owner).await {
                Ok(epoch) => {
                    let lease = Lease::new(Fence { shard, epoch }, None);
                    let mut members = self.members();
                    // It may have been taken away, or the member may have left, while the epoch was minted.
                    let Some((holder, held)) = members.held.get_mut(&shard) else { return };
                    if *holder == owner {
                        *held = Some(lease.clone());
                        if let Some(member) = members.present.get(&owner) {
                            let _ = member.changes.send(Ownership::Acquired(lease));
                        }
                    }
                    return;
                }
                Err(_) => tokio::time::sleep(ASK_AGAIN).await,
            }
        }
    }

    /// Frees a shard of a member, if it holds it; the lease is trusted no longer.
    fn free(&self, shard: Shard, owner: Uuid) -> bool {
        let mut members = self.members();
        if members.held.get(&shard).is_none_or(|(holder, _)| *holder != owner) {
            return false;
        }
        if let Some((_, Some(lease))) = members.held.remove(&shard) {
            lease.trust_until(Instant::now());
        }
        if let Some(member) = members.present.get_mut(&owner) {
            member.asked.remove(&shard);
        }
        true
    }
}

impl MemoryCluster {
    /// What it is known by among members.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// An installation of one.
    pub fn alone(store: Arc<dyn Store>) -> Self {
        MemoryInstallation::new(store).member()
    }

    /// Loses a shard as if its lease had lapsed: this member is told, and the shard goes to whoever holds least.
    pub fn lose(&self, shard: Shard) {
        if self.installation.free(shard, self.id) {
            if let Some(member) = self.installation.members().present.get(&self.id) {
                let _ = member.changes.send(Ownership::Lost(shard));
            }
            self.installation.settle();
        }
    }

    /// Leaves as if the process had ended: nobody tells this member, and its shards go to the others.
    pub fn vanish(&self) {
        self.installation.members().present.remove(&self.id);
        for shard in Shard::all() {
            self.installation.free(shard, self.id);
        }
        self.installation.settle();
    }

    /// The shards it holds.
    pub fn held(&self) -> Vec<Shard> {
        let members = self.installation.members();
        members.held.iter().filter(|(_, (owner, _))| *owner == self.id).map(|(shard, _)| *shard).collect()
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    async fn join(&self) -> mpsc::UnboundedReceiver<Ownership> {
        let (changes, receiver) = mpsc::unbounded_channel();
        let member = Member { changes, inbox: self.inbox.clone(), asked: BTreeSet::new(), leaving: false };
        self.installation.members().present.insert(self.id, member);
        self.installation.settle();
        receiver
    }

    async fn leave(&self) {
        if let Some(member) = self.installation.members().present.get_mut(&self.id) {
            member.leaving = true;
        }
        self.installation.settle();
    }

    async fn release(&self, shard: Shard) {
        if self.installation.free(shard, self.id) {
            self.installation.settle();
        }
    }

    async fn fenced(&self, shard: Shard) {
        let others = self.installation.members().present.len() > 1;
        if self.installation.free(shard, self.id) && others {
            self.installation.settle();
        }
    }

    fn members(&self) -> u32 {
        let members = self.installation.members();
        let staying = members.present.values().filter(|member| !member.leaving).count();
        u32::try_from(staying.max(1)).unwrap_or(u32::MAX)
    }

    async fn wake(&self, shards: &[Shard]) {
        let members = self.installation.members();
        for shard in shards {
            let owner = members.held.get(shard).and_then(|(owner, _)| members.present.get(owner));
            if let Some(member) = owner {
                member.inbox.shards.lock().unwrap_or_else(PoisonError::into_inner).insert(*shard);
                member.inbox.more.notify_one();
            }
        }
    }

    async fn woken(&self) -> Shard {
        loop {
            let next = self.inbox.shards.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
            match next {
                Some(shard) => return shard,
                None => self.inbox.more.notified().await,
            }
        }
    }
}
