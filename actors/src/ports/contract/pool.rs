//! What every pool has to hold to: whoever takes points from it, no window holds more than its cap by the clock of those
//! who spend; what one does not need the others have; and a loss of all that it knew costs time.
//!
//! Deliberately absent: a pool that is silent, which is the read budget's to bear.

#![allow(clippy::expect_used, reason = "a suite says so by failing")]

use super::super::{
    AFTER_LOSS, Account, Lent, PointPool, ReadBudget, ReadLimits, Resource, memory::MemoryStore,
};
use crate::clock::StoreClock;
use async_trait::async_trait;
use campaigns_domain::publish::budget::Window;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};

/// A pool that processes take part in.
#[async_trait]
pub trait Pools: Send + Sync {
    /// A further process.
    async fn member(&self) -> Arc<dyn PointPool>;

    /// Has it lose all that it knows.
    async fn forget(&self);

    /// Whether time passes only while everybody waits, so that what takes time says something of the pool alone.
    fn is_timed(&self) -> bool;
}

const CAP: u32 = 60;
const WINDOW: Duration = Duration::from_secs(2);
/// A window that is not over when lending goes on after a loss.
const LONG: Duration = Duration::from_secs(AFTER_LOSS.as_secs() * 2);
/// How many reads of one process go out at once.
const AT_ONCE: usize = 8;

fn windows(length: Duration) -> Vec<Window> {
    vec![Window { seconds: u32::try_from(length.as_secs()).unwrap_or(1), cap: CAP }]
}

/// When requests arrived at the host, which may be any time before they are answered.
type Arrivals = Arc<Mutex<Vec<Instant>>>;

struct Process {
    budget: ReadBudget,
    _store: MemoryStore,
}

impl Process {
    async fn start(pools: &dyn Pools, owner: &str, window: Duration) -> Self {
        let store = MemoryStore::new();
        let limits = ReadLimits { rest: windows(window), graphql: windows(window), at_once: None };
        let budget = ReadBudget::of_pool(limits, StoreClock::of(&store), pools.member().await, owner);
        budget.share(3);
        Self { budget, _store: store }
    }

    async fn read(budget: &ReadBudget, resource: Resource, takes: Duration, arrivals: &Arrivals) {
        let reading = budget.spend(resource, 1).await.expect("nobody asked for quiet");
        if let Ok(mut arrivals) = arrivals.lock() {
            arrivals.push(Instant::now());
        }
        tokio::time::sleep(takes).await;
        drop(reading);
    }

    /// Reads so often, several at once, each a little differently long.
    async fn reads(&self, resource: Resource, times: u32, arrivals: &Arrivals) {
        let left = Arc::new(Mutex::new((0..times).collect::<VecDeque<_>>()));
        let mut readers = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (budget, left, arrivals) = (self.budget.clone(), left.clone(), arrivals.clone());
            readers.spawn(async move {
                loop {
                    let next = left.lock().ok().and_then(|mut left| left.pop_front());
                    let Some(nth) = next else { return };
                    let takes = Duration::from_millis(u64::from(nth % 7));
                    Self::read(&budget, resource, takes, &arrivals).await;
                }
            });
        }
        while let Some(done) = readers.join_next().await {
            done.expect("a reader ends well");
        }
    }
}

/// The most reads that arrived within a stretch of a window's length.
fn most(arrivals: &Arrivals, window: Duration) -> usize {
    let mut arrivals = arrivals.lock().expect("nobody broke").clone();
    arrivals.sort();
    let together = arrivals
        .iter()
        .enumerate()
        .map(|(nth, first)| arrivals[nth..].iter().take_while(|at| **at < *first + window).count());
    together.max().unwrap_or_default()
}

/// No stretch of a window's length holds more than the cap.
fn assert_kept(arrivals: &Arrivals, window: Duration) {
    let together = most(arrivals, window);
    assert!(together <= CAP as usize, "{together} reads within {window:?}, of {CAP}");
}

/// How much of what could be spent was: `times` caps take that many windows less one.
fn utilisation(times: u32, since: Instant) -> f64 {
    (WINDOW * (times - 1)).as_secs_f64() / since.elapsed().as_secs_f64()
}

/// How much is to be spent at least, where time says something of the pool alone. By a real clock a machine that is busy or
/// stands still takes any part.
const LEAST: f64 = 0.9;

/// One process of three has nearly all of the points as long as the others do not read.
pub async fn what_others_do_not_need_one_has(pools: &dyn Pools) {
    let (busy, one, other) = (
        Process::start(pools, "acme", WINDOW).await,
        Process::start(pools, "acme", WINDOW).await,
        Process::start(pools, "acme", WINDOW).await,
    );
    let arrivals = Arrivals::default();
    one.reads(Resource::Rest, 1, &arrivals).await;
    other.reads(Resource::Rest, 1, &arrivals).await;
    let begun = Instant::now();
    // Two of the first window's points are gone.
    busy.reads(Resource::Rest, CAP * 3 - 2, &arrivals).await;
    let used = utilisation(3, begun);
    assert_kept(&arrivals, WINDOW);
    println!("one busy process of three had {used:.3} of the points");
    assert!(!pools.is_timed() || used >= LEAST, "one busy process had {used:.3} of the points");
    let together = most(&arrivals, WINDOW);
    assert!(together > CAP as usize / 3, "it was never lent more than a third: {together} of {CAP}");
}

/// Three that read as much as they can stay under the cap together, and leave little of it; what one organisation or
/// counter costs, another does not.
pub async fn however_many_read_no_window_is_passed(pools: &dyn Pools) {
    let mut processes = vec![];
    for _ in 0..3 {
        processes.push(Process::start(pools, "acme", WINDOW).await);
    }
    let apart = Process::start(pools, "globex", WINDOW).await;
    let (arrivals, queries, elsewhere) = (Arrivals::default(), Arrivals::default(), Arrivals::default());
    let begun = Instant::now();
    let all = futures::future::join_all(
        processes.iter().map(|process| process.reads(Resource::Rest, CAP, &arrivals)),
    );
    let query = async {
        processes[0].reads(Resource::GraphQl, CAP, &queries).await;
        apart.reads(Resource::Rest, CAP, &elsewhere).await;
        begun.elapsed()
    };
    let (_, apart_took) = futures::join!(all, query);
    let used = utilisation(3, begun);
    assert_kept(&arrivals, WINDOW);
    println!("three busy processes had {used:.3} of the points");
    assert!(!pools.is_timed() || used >= LEAST, "together they had {used:.3} of the points");
    assert!(!pools.is_timed() || apart_took < WINDOW, "what is counted apart waited {apart_took:?}");
}

/// A pool that forgets in the middle lends nothing until it has heard again, and no window is passed.
pub async fn a_loss_costs_time_and_no_cap(pools: &dyn Pools) {
    let (busy, other) =
        (Process::start(pools, "acme", LONG).await, Process::start(pools, "acme", LONG).await);
    let arrivals = Arrivals::default();
    busy.reads(Resource::Rest, CAP - 5, &arrivals).await;
    let begun = Instant::now();
    pools.forget().await;
    futures::join!(
        busy.reads(Resource::Rest, CAP / 2, &arrivals),
        other.reads(Resource::Rest, CAP / 2, &arrivals),
    );
    assert_kept(&arrivals, LONG);
    assert!(begun.elapsed() >= AFTER_LOSS, "it lent at once what it knew nothing of");
}

/// What a process says counts whether or not it is known, and only in order.
pub async fn the_last_word_counts(pools: &dyn Pools) {
    let (one, other) = (pools.member().await, pools.member().await);
    let account = |number, held, answered, recent, want| Account {
        owner: "acme".to_owned(),
        resource: Resource::Rest,
        windows: vec![Window { seconds: 3_600, cap: 100 }],
        number,
        held,
        answered,
        recent,
        want,
    };
    let exchange = async |member: &Arc<dyn PointPool>, account: Account| member.exchange(&account).await;
    let points = |lent: Result<Lent, _>| lent.map(|lent| (lent.points, lent.room));
    // Unknown as yet, with something spent lately.
    assert_eq!(points(exchange(&one, account(1, 0, 900, 7, 20)).await), Ok((20, 73)));
    assert_eq!(points(exchange(&other, account(1, 0, 0, 0, 10)).await), Ok((10, 63)));
    // Five of the twenty are answered, and ten are given back.
    assert_eq!(points(exchange(&one, account(3, 5, 905, 12, 0)).await), Ok((0, 73)));
    let late = exchange(&one, account(2, 20, 900, 7, 50)).await;
    assert!(late.is_err(), "a word that came late was taken for the last one: {late:?}");
    assert_eq!(points(exchange(&other, account(2, 10, 0, 0, 100)).await), Ok((73, 0)));
    assert_eq!(points(exchange(&one, account(4, 0, 910, 17, 5)).await), Ok((0, 0)));
}
