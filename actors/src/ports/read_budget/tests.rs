//! Read budgets in paused time: alone, by shares, and on a pool in memory that is silent when a test says so.
//!
//! Deliberately absent: what a pool has to hold to, which is its contract.

use super::*;
use crate::ports::memory::{MemoryPool, MemoryStore};

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
    let expected = CodeHostError::Limited { wait: Duration::from_secs(90), reason: "slow down".to_owned() };
    assert_eq!(refused, Err(expected));
    store.move_clock(Duration::from_secs(90));
    budget.spend(Resource::Rest, 1).await.unwrap();
}

/// One process of three on a pool that a test can silence.
fn pooled(cap: u32, store: &MemoryStore, pool: &MemoryPool) -> ReadBudget {
    let limits = ReadLimits { rest: vec![Window { seconds: 60, cap }], graphql: vec![], at_once: None };
    let budget = ReadBudget::of_pool(limits, StoreClock::of(store), Arc::new(pool.member()), "acme");
    budget.share(3);
    budget
}

/// How many reads go out within a time.
async fn reads_within(budget: &ReadBudget, time: Duration) -> u32 {
    let mut count = 0;
    let all = async {
        loop {
            drop(budget.spend(Resource::Rest, 1).await.unwrap());
            count += 1;
        }
    };
    let _: Result<(), _> = tokio::time::timeout(time, all).await;
    count
}

#[tokio::test(start_paused = true)]
async fn while_the_pool_is_silent_each_keeps_to_its_share_of_what_was_left_and_then_of_all() {
    let (store, pool) = (MemoryStore::new(), MemoryPool::default());
    let (budget, other) = (pooled(90, &store, &pool), pooled(90, &store, &pool));
    assert_eq!(reads_within(&budget, Duration::from_millis(1)).await, 90, "alone it has all of them");
    tokio::time::sleep(Duration::from_secs(61)).await;
    for _ in 0..60 {
        drop(other.spend(Resource::Rest, 1).await.unwrap());
    }
    drop(budget.spend(Resource::Rest, 1).await.unwrap());
    pool.silence(true);
    // What it was lent ahead, and a third of the 29 that were left.
    let soon = reads_within(&budget, Duration::from_secs(30)).await;
    assert!((8..=11).contains(&soon), "{soon} reads while the others may spend what is left");
    assert_eq!(reads_within(&other, Duration::from_secs(5)).await, 0, "it has had more than its share");
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(reads_within(&budget, Duration::from_secs(50)).await, 30, "a third of all");
    pool.silence(false);
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(reads_within(&budget, Duration::from_secs(5)).await, 90, "all of them again");
}

#[tokio::test(start_paused = true)]
async fn who_never_heard_of_the_pool_takes_nothing_for_a_window_while_it_is_silent() {
    let (store, pool) = (MemoryStore::new(), MemoryPool::default());
    let budget = pooled(90, &store, &pool);
    pool.silence(true);
    assert_eq!(reads_within(&budget, Duration::from_secs(59)).await, 0, "the others may have spent all");
    assert_eq!(reads_within(&budget, Duration::from_secs(10)).await, 30);
}

#[tokio::test(start_paused = true)]
async fn who_rested_while_the_pool_was_silent_counts_again_once_it_is_back() {
    let (store, pool) = (MemoryStore::new(), MemoryPool::default());
    let (budget, other) = (pooled(90, &store, &pool), pooled(90, &store, &pool));
    drop(budget.spend(Resource::Rest, 1).await.unwrap());
    pool.silence(true);
    drop(budget.spend(Resource::Rest, 1).await.unwrap());
    // So long that nothing of it counts any more, and nobody asks.
    tokio::time::sleep(Duration::from_secs(300)).await;
    pool.silence(false);
    tokio::time::sleep(Duration::from_secs(5)).await;
    for _ in 0..20 {
        drop(budget.spend(Resource::Rest, 1).await.unwrap());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(reads_within(&other, Duration::from_secs(5)).await <= 70, "together they spent more than all");
}

#[tokio::test(start_paused = true)]
async fn points_are_lent_a_few_at_a_time_and_what_is_not_needed_goes_back() {
    let (store, pool) = (MemoryStore::new(), MemoryPool::default());
    let (budget, other) = (pooled(500, &store, &pool), pooled(500, &store, &pool));
    for _ in 0..400 {
        drop(budget.spend(Resource::Rest, 1).await.unwrap());
    }
    let asked = pool.exchanges();
    assert!(asked < 100, "{asked} exchanges for 400 reads one after the other");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(reads_within(&other, Duration::from_secs(1)).await, 100, "it kept what it did not need");
    // Whoever reads nothing asks nothing any more.
    tokio::time::sleep(Duration::from_secs(70)).await;
    let asked = pool.exchanges();
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(pool.exchanges(), asked);
}

#[tokio::test(start_paused = true)]
async fn a_read_now_and_then_waits_for_nobody_where_there_are_points() {
    let (store, pool) = (MemoryStore::new(), MemoryPool::default());
    let budget = pooled(900, &store, &pool);
    drop(budget.spend(Resource::Rest, 1).await.unwrap());
    for _ in 0..20 {
        // Meanwhile the pool is told of the one before.
        tokio::time::sleep(Duration::from_millis(700)).await;
        let begun = Instant::now();
        drop(budget.spend(Resource::Rest, 1).await.unwrap());
        assert!(begun.elapsed() < Duration::from_millis(10), "it waited for {:?}", begun.elapsed());
    }
}
