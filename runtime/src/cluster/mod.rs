//! Ownership among replicas, on Redis: [`campaigns_actors::ports::Cluster`].
//!
//! Redis serves liveness and nothing else. It says who may *try*; the epoch that is minted in Postgres for every lease
//! says who may *write*. Losing all of Redis' data costs time. A connection for leases, so that nothing slow delays a
//! renewal, one for the points of reads, and of wake-ups and announcements one each that sends and one that waits.
//! Deliberately absent: anything kept in Redis that cannot be known again without it, and locks for anything but shards.

mod announce;
mod leases;
mod link;
mod look;
mod outbox;
mod pool;
pub mod server;
pub mod testing;
mod view;
mod wakes;

pub use announce::{Announcements, Heard};
pub use link::Away;

use crate::config::RedisUrl;
use async_trait::async_trait;
use campaigns_actors::ports::{Cluster, Ownership, PointPool, Store, USABLE};
use campaigns_domain::id::Shard;
use leases::{Leases, Request};
use link::Link;
use look::Look;
use outbox::Outbox;
use pool::RedisPool;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};
use uuid::Uuid;
use view::View;
use wakes::Inbox;

/// How long Redis may take to answer before a member takes part: nothing hangs on it yet, however short a lease is.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// How leases are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a lease lives without being renewed: so long the work of a replica that ended without a word stands
    /// still. Default 10 s.
    pub lease: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lease: Duration::from_secs(10) }
    }
}

impl Settings {
    /// Two renewals may fail before the lease is given up.
    fn renew_every(self) -> Duration {
        self.lease / 3
    }

    /// How soon a free lease is seen.
    fn look_every(self) -> Duration {
        self.lease / 40
    }

    /// A tenth is left for clocks that go at different rates.
    fn trusted_for(self) -> Duration {
        self.lease * 9 / 10
    }

    fn answer_within(self) -> Duration {
        self.lease / 5
    }

    /// Whoever wants to read waits for this; by itself it would go on with a part of the points. What is lent later than
    /// it can be used would be asked for without end.
    fn lend_within(self) -> Duration {
        (self.lease / 10).min(USABLE / 2)
    }
}

/// The names of everything that an installation keeps in Redis. The braces keep them together where Redis is a cluster.
#[derive(Debug, Clone)]
struct Keys(Arc<str>);

impl Keys {
    fn of(installation: Uuid) -> Self {
        Self(format!("campaigns:{{{installation}}}:").into())
    }

    fn prefix(&self) -> &str {
        &self.0
    }

    fn members(&self) -> String {
        format!("{}members", self.0)
    }

    fn lease(&self, shard: Shard) -> String {
        format!("{}lease:{}", self.0, shard.0)
    }

    fn wakes(&self, shard: Shard) -> String {
        format!("{}wakes:{}", self.0, shard.0)
    }

    /// The channel of what replicas announce.
    fn announcements(&self) -> String {
        format!("{}announcements", self.0)
    }

    fn dead_letters(&self) -> String {
        format!("{}dead-letters", self.0)
    }
}

/// One member of an installation whose replicas share Redis. Dropping it is as good as a crash: its leases lapse.
pub struct RedisCluster {
    me: Uuid,
    settings: Settings,
    store: Arc<dyn Store>,
    keys: Keys,
    view: Arc<View>,
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox<Shard>>,
    points: Arc<RedisPool>,
    requests: mpsc::UnboundedSender<Request>,
    /// What the task of leases begins with, until this member has joined.
    waiting: Mutex<Option<(Link, mpsc::UnboundedReceiver<Request>)>>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl RedisCluster {
    /// A member of `installation` that mints its epochs in `store`; it takes part once it has joined.
    ///
    /// # Errors
    /// Where Redis does not answer, or would evict leases.
    pub async fn connect(
        url: &RedisUrl,
        installation: Uuid,
        store: Arc<dyn Store>,
        settings: Settings,
    ) -> Result<Self, Away> {
        let answer_within = settings.answer_within();
        let leases = Link::new(url, "campaigns-leases", answer_within)?;
        let (me, keys, view) = (Uuid::new_v4(), Keys::of(installation), Arc::new(View::default()));
        let (inbox, outbox) = (Arc::new(Inbox::default()), Arc::new(Outbox::default()));
        let listening = Link::new(url, "campaigns-wakes", answer_within + wakes::LISTEN)?;
        let sending = Link::new(url, "campaigns-wakes-out", answer_within)?;
        let lending = Link::new(url, "campaigns-points", settings.lend_within())?;
        let mut first = Link::new(url, "campaigns-start", FIRST_ANSWER)?;
        RedisPool::mark(first.open().await?, &keys).await?;
        let points = Arc::new(RedisPool::new(lending, keys.clone(), me, settings.lend_within()));
        let tasks = vec![
            tokio::spawn(wakes::listen(
                listening,
                keys.clone(),
                me,
                view.clone(),
                inbox.clone(),
                outbox.clone(),
            ))
            .abort_handle(),
            tokio::spawn(wakes::send(sending, keys.clone(), outbox.clone())).abort_handle(),
        ];
        let (requests, asked) = mpsc::unbounded_channel();
        Ok(Self {
            me,
            settings,
            store,
            keys,
            view,
            inbox,
            outbox,
            points,
            requests,
            waiting: Mutex::new(Some((leases, asked))),
            tasks: Mutex::new(tasks),
        })
    }

    /// What it is known by among members; another every time a process starts.
    pub fn id(&self) -> Uuid {
        self.me
    }

    /// The shards that it holds a trusted lease of.
    pub fn held(&self) -> Vec<Shard> {
        self.view.held()
    }

    async fn ask(&self, request: impl FnOnce(oneshot::Sender<()>) -> Request) {
        let (done, answered) = oneshot::channel();
        if self.requests.send(request(done)).is_ok() {
            // An error is the task's end: then nothing is held any more.
            let _ = answered.await;
        }
    }
}

impl Drop for RedisCluster {
    fn drop(&mut self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }
}

#[async_trait]
impl Cluster for RedisCluster {
    async fn join(&self) -> mpsc::UnboundedReceiver<Ownership> {
        let (changes, receiver) = mpsc::unbounded_channel();
        let Some((link, asked)) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return receiver;
        };
        let look = Look::new(link, self.keys.clone(), self.me.to_string(), self.settings.lease);
        let leases = Leases {
            look,
            me: self.me,
            settings: self.settings,
            store: self.store.clone(),
            view: self.view.clone(),
            changes,
            requests: self.requests.clone(),
        };
        let task = tokio::spawn(leases.keep(asked)).abort_handle();
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        receiver
    }

    async fn leave(&self) {
        self.ask(Request::Leave).await;
    }

    async fn release(&self, shard: Shard) {
        self.ask(|done| Request::Release(shard, done)).await;
    }

    async fn fenced(&self, shard: Shard) {
        self.release(shard).await;
    }

    fn members(&self) -> u32 {
        self.view.members()
    }

    fn points(&self) -> Option<Arc<dyn PointPool>> {
        Some(self.points.clone())
    }

    async fn wake(&self, shards: &[Shard]) {
        for shard in shards {
            if self.view.holds(*shard) {
                self.inbox.wake(*shard, None);
            } else {
                self.outbox.send(*shard);
            }
        }
    }

    async fn woken(&self) -> Shard {
        self.inbox.next().await
    }
}

impl std::fmt::Debug for RedisCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisCluster").field("me", &self.me).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_come_while_they_can_be_used_however_long_a_lease_lives() {
        for seconds in [1, 10, 60] {
            let settings = Settings { lease: Duration::from_secs(seconds) };
            assert!(settings.lend_within() < USABLE, "{seconds}");
        }
    }
}
