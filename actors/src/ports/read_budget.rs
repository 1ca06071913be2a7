//! Read budgets: the right to read one organisation of the code host, within points a minute, so many at once, and
//! not while it has asked for quiet.
//!
//! GitHub documents 900 points a minute for REST and 2,000 for GraphQL, of which a read costs one, and 100 requests
//! at once ("Rate limits for the REST API", secondary limits). Writes go by permits. One budget is shared by
//! everything in this process that reads the organisation; among replicas each keeps to its part. Deliberately absent:
//! waiting out a long quiet, which is the caller's, who can hear meanwhile that nobody wants the answer any more.

use super::CodeHostError;
use crate::clock::StoreClock;
use campaigns_domain::publish::budget::Window;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
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

#[derive(Debug)]
struct Shared {
    limits: ReadLimits,
    clock: Option<StoreClock>,
    slots: Option<Arc<Semaphore>>,
    /// How many processes have to make do with the limits together.
    sharers: AtomicU32,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    rest: Spent,
    graphql: Spent,
    /// Nothing is read before this, and why.
    quiet: Option<(Instant, String)>,
}

/// Points that still count.
#[derive(Debug, Default)]
struct Spent {
    /// Of requests without an answer yet.
    under_way: u32,
    /// When requests were answered, oldest first, and what they cost. The host counted each at some time before.
    answered: VecDeque<(Instant, u32)>,
}

/// One request under way. Its points count until it has been dropped for the length of a window.
#[derive(Debug)]
pub struct Reading {
    budget: ReadBudget,
    resource: Resource,
    points: u32,
    _slot: Option<OwnedSemaphorePermit>,
}

impl ReadBudget {
    /// A budget by the store's clock.
    pub(crate) fn new(limits: ReadLimits, clock: StoreClock) -> Self {
        let slots = limits.at_once.map(|most| Arc::new(Semaphore::new(most.max(1))));
        Self(Arc::new(Shared {
            limits,
            clock: Some(clock),
            slots,
            sharers: 1.into(),
            book: Mutex::default(),
        }))
    }

    /// A budget without limits of its own, for what no organisation is behind: a program's check of its credential
    /// at the start, and tests.
    pub fn unlimited() -> Self {
        let limits = ReadLimits::default();
        Self(Arc::new(Shared { limits, clock: None, slots: None, sharers: 1.into(), book: Mutex::default() }))
    }

    /// From now on the limits are those of so many processes together, of which this one keeps to its part.
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
        loop {
            let wait = self.try_spend(resource, points)?;
            let Some(then) = wait else { break };
            match &self.0.clock {
                Some(clock) => clock.sleep_until(then).await,
                None => tokio::time::sleep_until(then).await,
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

    /// Counts the request where it fits; otherwise when it may.
    fn try_spend(&self, resource: Resource, points: u32) -> Result<Option<Instant>, CodeHostError> {
        if let Some((wait, reason)) = self.quiet() {
            return Err(CodeHostError::Limited { wait, reason });
        }
        let now = self.now();
        let windows = match resource {
            Resource::Rest => &self.0.limits.rest,
            Resource::GraphQl => &self.0.limits.graphql,
        };
        let mut book = self.lock();
        let spent = book.of(resource);
        let sharers = self.0.sharers.load(Ordering::Relaxed);
        let part = |window: &Window| Window { cap: window.cap / sharers, ..*window };
        let latest = windows.iter().filter_map(|window| spent.room_at(part(window), points, now)).max();
        if latest.is_none() {
            spent.under_way += points;
            let longest = windows.iter().map(|window| window.seconds).max().unwrap_or_default();
            spent.forget(now, Duration::from_secs(longest.into()));
        }
        Ok(latest)
    }

    fn now(&self) -> Instant {
        self.0.clock.as_ref().map_or_else(Instant::now, StoreClock::now)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn of(&mut self, resource: Resource) -> &mut Spent {
        match resource {
            Resource::Rest => &mut self.rest,
            Resource::GraphQl => &mut self.graphql,
        }
    }
}

impl Spent {
    /// When `points` more may fit; none where they do now. A request of more points than a window has waits until
    /// the window is empty.
    fn room_at(&self, window: Window, points: u32, now: Instant) -> Option<Instant> {
        let length = Duration::from_secs(window.seconds.into());
        let mut room = window.cap.max(points).saturating_sub(points);
        if self.under_way > room {
            // It is not known when those are answered: they are looked at again soon.
            return Some(now + Duration::from_millis(50));
        }
        room -= self.under_way;
        for (at, cost) in self.answered.iter().rev() {
            if *at + length <= now {
                break;
            }
            if *cost > room {
                return Some(*at + length);
            }
            room -= cost;
        }
        None
    }

    fn forget(&mut self, now: Instant, longest: Duration) {
        while self.answered.front().is_some_and(|(at, _)| *at + longest <= now) {
            self.answered.pop_front();
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let now = self.budget.now();
        let mut book = self.budget.lock();
        let spent = book.of(self.resource);
        spent.under_way = spent.under_way.saturating_sub(self.points);
        spent.answered.push_back((now, self.points));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::memory::MemoryStore;

    fn budget(cap: u32, at_once: usize, store: &MemoryStore) -> ReadBudget {
        let limits =
            ReadLimits { rest: vec![Window { seconds: 60, cap }], graphql: vec![], at_once: Some(at_once) };
        ReadBudget::new(limits, StoreClock::of(store))
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_minute_waits_until_its_oldest_leaves() {
        let (store, start) = (MemoryStore::new(), Instant::now());
        let budget = budget(3, 9, &store);
        for _ in 0..3 {
            drop(budget.spend(Resource::Rest, 1).await.unwrap());
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        drop(budget.spend(Resource::GraphQl, 50).await.unwrap());
        assert_eq!(start.elapsed(), Duration::from_secs(30), "another counter is not full");
        drop(budget.spend(Resource::Rest, 1).await.unwrap());
        assert_eq!(start.elapsed().as_secs(), 60);
        // Two points at once wait for two to leave: those of 10 and of 20.
        drop(budget.spend(Resource::Rest, 2).await.unwrap());
        assert_eq!(start.elapsed().as_secs(), 80);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_counts_until_it_is_answered_and_a_window_longer() {
        let (store, start) = (MemoryStore::new(), Instant::now());
        let budget = budget(1, 9, &store);
        let first = budget.spend(Resource::Rest, 1).await.unwrap();
        let second = tokio::spawn({
            let budget = budget.clone();
            async move { budget.spend(Resource::Rest, 1).await.map(drop) }
        });
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(first);
        second.await.unwrap().unwrap();
        assert_eq!(start.elapsed().as_secs(), 80);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_under_way_at_once() {
        let store = MemoryStore::new();
        let budget = budget(100, 2, &store);
        let first = budget.spend(Resource::Rest, 1).await.unwrap();
        let _second = budget.spend(Resource::Rest, 1).await.unwrap();
        let third = tokio::time::timeout(Duration::from_secs(5), budget.spend(Resource::Rest, 1));
        assert!(third.await.is_err(), "a third went out beside two");
        drop(first);
        budget.spend(Resource::Rest, 1).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn each_of_several_processes_keeps_to_its_part() {
        let (store, start) = (MemoryStore::new(), Instant::now());
        let budget = budget(5, 4, &store);
        budget.share(2);
        let first = budget.spend(Resource::Rest, 1).await.unwrap();
        let second = budget.spend(Resource::Rest, 1).await.unwrap();
        let third = tokio::time::timeout(Duration::from_secs(5), budget.spend(Resource::GraphQl, 1));
        assert!(third.await.is_err(), "a third went out beside two, where two processes have four places");
        drop((first, second));
        drop(budget.spend(Resource::Rest, 1).await.unwrap());
        assert_eq!(start.elapsed().as_secs(), 65, "two of five points are one process's part");
        // More processes than points or places: each goes on, one by one.
        budget.share(9);
        drop(budget.spend(Resource::Rest, 1).await.unwrap());
        budget.share(1);
        for _ in 0..3 {
            drop(budget.spend(Resource::Rest, 1).await.unwrap());
        }
        assert_eq!(start.elapsed().as_secs(), 125, "alone again, it has all of them");
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_is_an_error_until_the_clock_has_passed_it() {
        let store = MemoryStore::new();
        let budget = budget(100, 2, &store);
        budget.quiet_for(Duration::from_secs(90), "slow down");
        budget.quiet_for(Duration::from_secs(10), "a shorter one");
        let refused = budget.spend(Resource::Rest, 1).await.map(drop);
        let expected =
            CodeHostError::Limited { wait: Duration::from_secs(90), reason: "slow down".to_owned() };
        assert_eq!(refused, Err(expected));
        store.move_clock(Duration::from_secs(90));
        budget.spend(Resource::Rest, 1).await.unwrap();
    }
}
