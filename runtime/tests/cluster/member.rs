//! An installation on Redis, its members, and a process that does what it is told about ownership.

use async_trait::async_trait;
use campaigns_actors::ports::{
    Cluster, Lease, Ownership, Store, contract::cluster::Installation, memory::MemoryStore,
};
use campaigns_domain::id::{Epoch, Shard};
use campaigns_runtime::{
    cluster::{Away, RedisCluster, Settings, testing},
    config::RedisUrl,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::mpsc::UnboundedReceiver, time::Instant};
use uuid::Uuid;

/// Short enough for a test to wait for its end. A machine that stands still for that long loses it by itself.
pub(crate) const LEASE: Duration = Duration::from_secs(3);
/// One that ends only where somebody has it end: a machine may stand still for ten seconds.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// How long anything may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// An installation on a Redis.
pub(crate) struct OnRedis {
    url: RedisUrl,
    pub(crate) id: Uuid,
    lease: Duration,
    store: Arc<dyn Store>,
    members: Mutex<Vec<Arc<Member>>>,
}

impl OnRedis {
    /// On the server that all tests share.
    pub(crate) fn new() -> Self {
        Self::with(testing::shared().unwrap(), LONG)
    }

    /// The same with leases whose end is waited for.
    pub(crate) fn brief() -> Self {
        Self::at(testing::shared().unwrap())
    }

    pub(crate) fn at(url: RedisUrl) -> Self {
        Self::with(url, LEASE)
    }

    pub(crate) fn with(url: RedisUrl, lease: Duration) -> Self {
        let store = Arc::new(MemoryStore::new());
        Self { url, id: Uuid::new_v4(), lease, store, members: Mutex::default() }
    }

    /// A member, however long Redis takes to answer.
    pub(crate) async fn connect(&self) -> RedisCluster {
        let (deadline, settings) = (Instant::now() + WITHIN, Settings { lease: self.lease });
        loop {
            match RedisCluster::connect(&self.url, self.id, self.store.clone(), settings).await {
                Err(Away::Unreachable(why)) => assert!(Instant::now() < deadline, "{why}"),
                member => return member.unwrap(),
            }
        }
    }

    pub(crate) async fn connection(&self) -> redis::aio::MultiplexedConnection {
        testing::connection(&self.url).await.unwrap()
    }

    /// The name of one of its keys.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("campaigns:{{{}}}:{name}", self.id)
    }
}

/// A member that can end without a word although others still know it.
struct Member(Mutex<Option<Arc<RedisCluster>>>);

impl Member {
    fn cluster(&self) -> Option<Arc<RedisCluster>> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Cluster for Member {
    async fn join(&self) -> UnboundedReceiver<Ownership> {
        self.cluster().unwrap().join().await
    }

    async fn leave(&self) {
        self.cluster().unwrap().leave().await;
    }

    async fn release(&self, shard: Shard) {
        self.cluster().unwrap().release(shard).await;
    }

    async fn fenced(&self, shard: Shard) {
        self.cluster().unwrap().fenced(shard).await;
    }

    fn members(&self) -> u32 {
        self.cluster().unwrap().members()
    }

    async fn wake(&self, shards: &[Shard]) {
        self.cluster().unwrap().wake(shards).await;
    }

    async fn woken(&self) -> Shard {
        self.cluster().unwrap().woken().await
    }
}

#[async_trait]
impl Installation for OnRedis {
    async fn member(&self) -> Arc<dyn Cluster> {
        let member = Arc::new(Member(Mutex::new(Some(Arc::new(self.connect().await)))));
        self.members.lock().unwrap().push(member.clone());
        member
    }

    async fn vanish(&self, nth: usize) {
        let member = self.members.lock().unwrap()[nth].clone();
        member.0.lock().unwrap().take();
    }

    async fn lose(&self, _nth: usize, shard: Shard) {
        let mut connection = self.connection().await;
        let key = self.key(&format!("lease:{}", shard.0));
        let freed: i64 = redis::cmd("DEL").arg(key).query_async(&mut connection).await.unwrap();
        assert_eq!(freed, 1, "nobody held shard {shard}");
    }

    fn within(&self) -> Duration {
        WITHIN
    }
}

/// A process that does at once what it is told about ownership, and keeps account of it.
pub(crate) struct Process {
    pub(crate) cluster: Arc<RedisCluster>,
    state: Arc<Mutex<Account>>,
}

#[derive(Default)]
struct Account {
    held: BTreeMap<Shard, Lease>,
    /// Every epoch that it was ever given.
    epochs: Vec<(Shard, Epoch)>,
    /// Every loss that it was ever told of.
    lost: Vec<Shard>,
}

impl Process {
    pub(crate) async fn join(installation: &OnRedis) -> Self {
        let cluster = Arc::new(installation.connect().await);
        let mut changes = cluster.join().await;
        let state = Arc::new(Mutex::new(Account::default()));
        let (account, owner) = (state.clone(), Arc::downgrade(&cluster));
        tokio::spawn(async move {
            while let Some(change) = changes.recv().await {
                match change {
                    Ownership::Acquired(lease) => {
                        let mut account = account.lock().unwrap();
                        account.epochs.push((lease.shard(), lease.fence().epoch));
                        account.held.insert(lease.shard(), lease);
                    }
                    Ownership::Lost(shard) => {
                        let mut account = account.lock().unwrap();
                        account.held.remove(&shard);
                        account.lost.push(shard);
                    }
                    Ownership::Release(shard) => {
                        account.lock().unwrap().held.remove(&shard);
                        let Some(cluster) = owner.upgrade() else { return };
                        cluster.release(shard).await;
                    }
                }
            }
        });
        Self { cluster, state }
    }

    pub(crate) fn held(&self) -> Vec<Shard> {
        self.state.lock().unwrap().held.keys().copied().collect()
    }

    /// How many of its leases are trusted now.
    pub(crate) fn trusted(&self) -> usize {
        self.state.lock().unwrap().held.values().filter(|lease| lease.is_trusted()).count()
    }

    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.state.lock().unwrap().held.values().cloned().collect()
    }

    pub(crate) fn epochs(&self) -> Vec<(Shard, Epoch)> {
        self.state.lock().unwrap().epochs.clone()
    }

    pub(crate) fn lost(&self) -> usize {
        self.state.lock().unwrap().lost.len()
    }

    /// Nothing was lost more often than it was won.
    pub(crate) fn assert_lost_once_each(&self) {
        let account = self.state.lock().unwrap();
        for shard in Shard::all() {
            let won = account.epochs.iter().filter(|(won, _)| *won == shard).count();
            let lost = account.lost.iter().filter(|lost| **lost == shard).count();
            assert!(lost <= won, "shard {shard} was won {won} times and lost {lost} times");
        }
    }
}

/// Waits until something holds, or fails saying what did not.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !holds() {
        assert!(Instant::now() < deadline, "after {WITHIN:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
