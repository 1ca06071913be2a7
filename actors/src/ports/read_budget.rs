//! Read budgets: the right to read one organisation of the code host, within points a minute, so many at once, and
//! not while it has asked for quiet.
//!
//! GitHub documents 900 points a minute for REST and 2,000 for GraphQL, of which a read costs one, and 100 requests
//! at once ("Rate limits for the REST API", secondary limits). Writes go by permits. One budget is shared by
//! everything in this process that reads the organisation. Among replicas it takes its points from their pool, and of
//! the places each keeps to its part: its part of 64 bears more than all of the points. Deliberately absent:
//! waiting out a long quiet, which is the caller's, who can hear meanwhile that nobody wants the answer any more.

mod keeper;
mod purse;
mod spent;

use super::{CodeHostError, PointPool};
use crate::clock::StoreClock;
use campaigns_domain::publish::budget::Window;
use purse::{Purse, longest};
use spent::Spent;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// Which of the code host's counters a request goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The REST API; a read costs 1 point.
    Rest,
    /// GraphQL; a query costs what it says, at least 1 point.
    GraphQl,
}

/// What reading may cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadLimits {
    /// Windows over REST points.
    pub rest: Vec<Window>,
    /// Windows over GraphQL points.
    pub graphql: Vec<Window>,
    /// Requests at once; none leaves it open.
    pub at_once: Option<usize>,
}

/// The right to read one organisation. Clones share it.
#[derive(Debug, Clone)]
pub struct ReadBudget(Arc<Shared>);

struct Shared {
    limits: ReadLimits,
    clock: Option<StoreClock>,
    slots: Option<Arc<Semaphore>>,
    /// How many processes have to make do with the limits together.
    sharers: AtomicU32,
    book: Mutex<Book>,
    pool: Option<Pool>,
}

/// Where points come from, among replicas.
struct Pool {
    points: Arc<dyn PointPool>,
    owner: String,
    rest: Signals,
    graphql: Signals,
}

/// How those who wait for points and who asks for them hear of each other.
#[derive(Default)]
struct Signals {
    /// Somebody wants points, or has spent some.
    news: Notify,
    /// An exchange has ended.
    told: Notify,
}

struct Book {
    rest: Page,
    graphql: Page,
    /// Nothing is read before this, and why.
    quiet: Option<(Instant, String)>,
}

/// One counter.
struct Page {
    spent: Spent,
    purse: Purse,
    /// Whether the pool is seen to.
    kept: bool,
}

/// What to do about points that are not there.
enum Wait {
    Until(Instant),
    /// Until the pool has been asked.
    Told,
}

/// One request under way. Its points count until it has been dropped for the length of a window.
#[derive(Debug)]
pub struct Reading {
    budget: ReadBudget,
    resource: Resource,
    points: u32,
    _slot: Option<OwnedSemaphorePermit>,
}

/// Somebody waits for points.
struct Waiting<'a> {
    budget: &'a ReadBudget,
    resource: Resource,
    points: u32,
}

impl ReadBudget {
    /// A budget by the store's clock, of a process that is alone.
    pub(crate) fn new(limits: ReadLimits, clock: StoreClock) -> Self {
        Self::with(limits, Some(clock), None)
    }

    /// The same for `owner`, whose points are taken from a pool.
    pub(crate) fn of_pool(
        limits: ReadLimits,
        clock: StoreClock,
        points: Arc<dyn PointPool>,
        owner: &str,
    ) -> Self {
        let (rest, graphql) = Default::default();
        Self::with(limits, Some(clock), Some(Pool { points, owner: owner.to_owned(), rest, graphql }))
    }

    /// A budget without limits of its own, for what no organisation is behind: a program's check of its credential
    /// at the start, and tests.
    pub fn unlimited() -> Self {
        Self::with(ReadLimits::default(), None, None)
    }

    fn with(limits: ReadLimits, clock: Option<StoreClock>, pool: Option<Pool>) -> Self {
        let slots = limits.at_once.map(|most| Arc::new(Semaphore::new(most.max(1))));
        let page = || Page { spent: Spent::default(), purse: Purse::new(Instant::now()), kept: false };
        let book = Mutex::new(Book { rest: page(), graphql: page(), quiet: None });
        Self(Arc::new(Shared { limits, clock, slots, sharers: 1.into(), book, pool }))
    }

    /// From now on the limits are those of so many processes together, of which this one keeps to its part wherever no
    /// pool says more.
    pub(crate) fn share(&self, processes: u32) {
        self.0.sharers.store(processes.max(1), Ordering::Relaxed);
    }

    /// Waits until one more request of so many points fits, and counts it.
    ///
    /// # Errors
    /// [`CodeHostError::Limited`] where the organisation has asked for quiet: nothing is sent.
    pub async fn spend(&self, resource: Resource, points: u32) -> Result<Reading, CodeHostError> {
        let slot = match &self.0.slots {
            // The semaphore is never closed; were it, the request would go uncounted rather than not at all.
            Some(slots) => slots.clone().acquire_many_owned(self.slots_for_one()).await.ok(),
            None => None,
        };
        // What is more than a window has would never be lent.
        let most =
            self.windows(resource).iter().map(|window| window.cap).min().filter(|_| self.0.pool.is_some());
        let points = most.map_or(points, |most| points.min(most.max(1)));
        let mut waiting = None;
        loop {
            // Made before the look, so that no end of an exchange is missed between the two.
            let told = self.told(resource);
            match self.try_spend(resource, points)? {
                None => break,
                Some(Wait::Until(then)) => match &self.0.clock {
                    Some(clock) => clock.sleep_until(then).await,
                    None => tokio::time::sleep_until(then).await,
                },
                Some(Wait::Told) => {
                    if waiting.is_none() {
                        waiting = Some(Waiting::begin(self, resource, points));
                    }
                    self.see_to_pool(resource);
                    if let Some(told) = told {
                        told.await;
                    }
                }
            }
        }
        Ok(Reading { budget: self.clone(), resource, points, _slot: slot })
    }

    /// Nothing is read for this long; a longer quiet that was asked for before stays.
    pub fn quiet_for(&self, wait: Duration, reason: &str) {
        let then = self.now() + wait;
        let mut book = self.lock();
        if book.quiet.as_ref().is_none_or(|(until, _)| *until < then) {
            book.quiet = Some((then, reason.to_owned()));
        }
    }

    /// How long nothing is read from now, and why.
    pub fn quiet(&self) -> Option<(Duration, String)> {
        let now = self.now();
        let book = self.lock();
        let (until, reason) = book.quiet.as_ref().filter(|(until, _)| *until > now)?;
        Some((*until - now, reason.clone()))
    }

    /// How many of all slots one request takes, where several processes share them.
    fn slots_for_one(&self) -> u32 {
        let all = u32::try_from(self.0.limits.at_once.unwrap_or(1).max(1)).unwrap_or(u32::MAX);
        self.0.sharers.load(Ordering::Relaxed).min(all)
    }

    /// Counts the request where it fits; otherwise what to wait for.
    fn try_spend(&self, resource: Resource, points: u32) -> Result<Option<Wait>, CodeHostError> {
        if let Some((wait, reason)) = self.quiet() {
            return Err(CodeHostError::Limited { wait, reason });
        }
        let (now, windows) = (self.now(), self.windows(resource));
        let mut book = self.lock();
        let Page { spent, purse, .. } = book.of(resource);
        let sharers = self.0.sharers.load(Ordering::Relaxed);
        let mut taken_alone = false;
        let part = |window: &Window| Window { cap: window.cap / sharers, ..*window };
        let alone = || windows.iter().filter_map(|window| spent.room_at(part(window), points, now)).max();
        let wait = if self.0.pool.is_none() || windows.is_empty() {
            alone().map(Wait::Until)
        } else {
            let real = Instant::now();
            let lent = purse.take(points, real);
            taken_alone = !lent && alone().is_none() && purse.take_alone(points, windows, sharers, real);
            if lent || taken_alone { None } else { Some(Wait::Told) }
        };
        if wait.is_none() {
            spent.under_way += points;
            spent.forget(now, longest(windows));
        }
        drop(book);
        if taken_alone {
            // Nobody may have asked for a while: the pool may be back, and the others are to count this.
            self.see_to_pool(resource);
        }
        Ok(wait)
    }

    fn windows(&self, resource: Resource) -> &[Window] {
        match resource {
            Resource::Rest => &self.0.limits.rest,
            Resource::GraphQl => &self.0.limits.graphql,
        }
    }

    fn now(&self) -> Instant {
        self.0.clock.as_ref().map_or_else(Instant::now, StoreClock::now)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn of(&mut self, resource: Resource) -> &mut Page {
        match resource {
            Resource::Rest => &mut self.rest,
            Resource::GraphQl => &mut self.graphql,
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadBudget").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<'a> Waiting<'a> {
    fn begin(budget: &'a ReadBudget, resource: Resource, points: u32) -> Self {
        budget.lock().of(resource).purse.wanted += points;
        Self { budget, resource, points }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.budget.lock().of(self.resource).purse.wanted -= self.points;
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let now = self.budget.now();
        self.budget.lock().of(self.resource).spent.answer(self.points, now);
        self.budget.tell(self.resource);
    }
}

#[cfg(test)]
mod tests;
