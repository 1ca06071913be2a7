//! The hub: for every run that somebody watches, one task that reads the store and hands the news to all watchers.
//!
//! It is woken by [`Hub::committed`], which tells of commits here and of what other replicas announce, and looks every
//! [`LiveSettings::poll`] besides, since an announcement may be lost. The first news after a silence goes out at once;
//! what follows is gathered, longer where there are many clients, so that a burst is one write for each of them. A run
//! nobody watches costs nothing, from when the last of its watchers has left. Deliberately absent: memory of the past,
//! which the store has.

use super::frame;
use crate::ports::{Events, Positions, StoreError};
use bytes::Bytes;
use campaigns_domain::id::RunId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore, broadcast},
    time::Instant,
};

/// How many events are read at once.
pub(super) const PAGE: u32 = 500;

/// How much longer news is gathered for every stream that is open: a write costs the same however much it carries, and
/// so there are some 13,000 of them a second at most, until [`LiveSettings::gather_most`] is reached.
const GATHER_FOR_EACH: Duration = Duration::from_micros(75);

/// Bounds of the live events.
#[derive(Debug, Clone)]
pub struct LiveSettings {
    /// How long the hub waits for word of a commit before it looks by itself: so late comes at most what was
    /// committed elsewhere and whose announcement was lost.
    pub poll: Duration,
    /// The least time between two looks at one run, where few are watching.
    pub gather: Duration,
    /// The same where many are; 1,000 streams and more.
    pub gather_most: Duration,
    /// How often a quiet stream gets a comment, and its token is looked up again.
    pub heartbeat: Duration,
    /// How many pieces of news (each of up to 500 events) a client may be behind before it is cut off.
    pub behind: usize,
    /// How many streams one replica keeps open.
    pub streams: usize,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(5),
            gather: Duration::from_millis(50),
            gather_most: Duration::from_millis(75),
            heartbeat: Duration::from_secs(10),
            behind: 64,
            streams: 10_000,
        }
    }
}

/// A piece of news of a run.
#[derive(Debug, Clone)]
pub(super) struct News {
    /// Frames, ready to be sent.
    pub(super) frames: Bytes,
    /// The positions behind them.
    pub(super) after: Arc<Positions>,
    /// Whether it is the last.
    pub(super) last: bool,
}

/// A watcher's place at the hub, for as long as it is kept.
pub(super) struct Watcher {
    hub: Arc<Hub>,
    run: RunId,
    news: Option<broadcast::Receiver<News>>,
}

impl Watcher {
    /// The next piece of news; none where the watcher was too slow or the run is not watched any more.
    pub(super) async fn news(&mut self) -> Option<News> {
        self.news.as_mut()?.recv().await.ok()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It is gone before it is looked who is left.
        drop(self.news.take());
        self.hub.left(self.run);
    }
}

/// The live events of one replica.
pub struct Hub {
    events: Arc<dyn Events>,
    settings: LiveSettings,
    watched: Mutex<HashMap<RunId, Watched>>,
    places: Arc<Semaphore>,
}

struct Watched {
    news: broadcast::Sender<News>,
    head: Arc<Positions>,
    wake: Arc<Notify>,
}

impl Hub {
    /// A hub over this store.
    pub fn new(events: Arc<dyn Events>, settings: LiveSettings) -> Self {
        let places = Arc::new(Semaphore::new(settings.streams));
        Self { events, settings, watched: Mutex::default(), places }
    }

    /// A commit, here or elsewhere, has added events to this run. Cheap, and never waits.
    pub fn committed(&self, run: RunId) {
        if let Some(watched) = self.watched().get(&run) {
            watched.wake.notify_one();
        }
    }

    /// Commits elsewhere may have gone unheard: every watched run is looked at. Cheap, and never waits.
    pub fn missed(&self) {
        self.watched().values().for_each(|watched| watched.wake.notify_one());
    }

    /// How many runs are watched here.
    pub fn watched_runs(&self) -> usize {
        self.watched().len()
    }

    pub(super) fn settings(&self) -> &LiveSettings {
        &self.settings
    }

    pub(super) fn events(&self) -> &Arc<dyn Events> {
        &self.events
    }

    pub(super) fn places(&self) -> &Arc<Semaphore> {
        &self.places
    }

    /// Joins the watchers of a run: what is news from now on, and where now is. `head` is a position of the run
    /// that the store has reached; a hub that does not watch it yet begins there.
    pub(super) fn join(self: &Arc<Self>, run: RunId, head: &Positions) -> (Watcher, Arc<Positions>) {
        let mut watched = self.watched();
        let entry = watched.entry(run).or_insert_with(|| {
            let (news, _) = broadcast::channel(self.settings.behind.max(1));
            let entry = Watched { news, head: Arc::new(head.clone()), wake: Arc::default() };
            tokio::spawn(self.clone().watch(run, entry.wake.clone(), head.clone()));
            entry
        });
        // The watcher may know more than the hub has read: it is to look at once.
        entry.wake.notify_one();
        let news = Some(entry.news.subscribe());
        (Watcher { hub: self.clone(), run, news }, entry.head.clone())
    }

    /// Reads one run for as long as somebody watches it or until it ends.
    async fn watch(self: Arc<Self>, run: RunId, wake: Arc<Notify>, mut head: Positions) {
        loop {
            let began = Instant::now();
            match self.read(run, &mut head).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%run, %error, "live events could not be read; the next look tries again")
                }
            }
            let _ = tokio::time::timeout(self.settings.poll, wake.notified()).await;
            tokio::time::sleep_until(began + self.gather()).await;
            if self.leave_if_unwatched(run) {
                return;
            }
        }
    }

    /// Hands out what is new; whether the run has ended and all of it is handed out.
    async fn read(&self, run: RunId, head: &mut Positions) -> Result<bool, StoreError> {
        let Some(progress) = self.events.progress(run).await? else {
            self.watched().remove(&run);
            return Ok(true);
        };
        while !progress.positions.is_within(head) {
            let rows = self.events.events(run, head, &progress.positions, PAGE).await?;
            if rows.is_empty() {
                // What is missing was removed by retention.
                *head = progress.positions.clone();
            } else {
                let frames = frame::frames(run, &rows, head);
                self.hand_out(run, News { frames, after: Arc::new(head.clone()), last: false });
            }
        }
        let Some(ended) = progress.ended else { return Ok(false) };
        let news = News { frames: frame::end(run, head, &ended), after: Arc::new(head.clone()), last: true };
        // Whoever joins from here on finds no entry, and makes one.
        if let Some(watched) = self.watched().remove(&run) {
            let _ = watched.news.send(news);
        }
        Ok(true)
    }

    /// Moves the head and sends under one lock, so that who joins sees each piece either behind it or as news.
    fn hand_out(&self, run: RunId, news: News) {
        if let Some(watched) = self.watched().get_mut(&run) {
            watched.head = news.after.clone();
            let _ = watched.news.send(news);
        }
    }

    /// The least time between two looks at one run, now.
    fn gather(&self) -> Duration {
        let streams = self.settings.streams.saturating_sub(self.places.available_permits());
        let streams = u32::try_from(streams).unwrap_or(u32::MAX);
        let busy = GATHER_FOR_EACH.saturating_mul(streams).min(self.settings.gather_most);
        busy.max(self.settings.gather)
    }

    /// Whoever reads a run is woken where its last watcher has left, and leaves too.
    fn left(&self, run: RunId) {
        if let Some(entry) = self.watched().get(&run).filter(|entry| entry.news.receiver_count() == 0) {
            entry.wake.notify_one();
        }
    }

    fn leave_if_unwatched(&self, run: RunId) -> bool {
        let mut watched = self.watched();
        let alone = watched.get(&run).is_none_or(|entry| entry.news.receiver_count() == 0);
        if alone {
            watched.remove(&run);
        }
        alone
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<RunId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
