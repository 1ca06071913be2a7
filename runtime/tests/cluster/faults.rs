//! What a Redis can do to us: forget everything, end and come back, stand still, be set up wrongly. It costs time, and
//! never two owners of the same epoch.

use super::member::{LEASE, LONG, OnRedis, Process, WITHIN, until};
use campaigns_actors::ports::{Cluster as _, Lease};
use campaigns_domain::id::{SHARDS, Shard};
use campaigns_runtime::cluster::{Away, RedisCluster, Settings, testing};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::Instant;

fn every() -> usize {
    usize::from(SHARDS)
}

/// Two processes that share fairly.
async fn two(installation: &OnRedis) -> (Process, Process) {
    let first = Process::join(installation).await;
    until("the first does not hold everything", || first.held().len() == every()).await;
    let second = Process::join(installation).await;
    until_shared(&first, &second).await;
    (first, second)
}

async fn until_shared(first: &Process, second: &Process) {
    let half = every() / 2;
    until("the two do not share fairly", || first.trusted() == half && second.trusted() == half).await;
    until("a shard has two owners", || {
        let (one, other) = (BTreeSet::from_iter(first.held()), BTreeSet::from_iter(second.held()));
        one.is_disjoint(&other) && one.len() + other.len() == every()
    })
    .await;
}

/// No epoch of a shard was ever given twice.
fn assert_epochs_unique(processes: &[&Process]) {
    let all: Vec<_> = processes.iter().flat_map(|process| process.epochs()).collect();
    let distinct: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len(), "an epoch was given twice");
}

async fn command(redis: &testing::OwnRedis, words: &[&str]) {
    let mut connection = redis.connection().await.unwrap();
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async::<redis::Value>(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_everything_costs_new_epochs_and_a_moment() {
    let redis = testing::own(&[]).unwrap();
    let installation = OnRedis::at(redis.url().unwrap());
    let (first, second) = two(&installation).await;
    let given = first.epochs().len() + second.epochs().len();
    redis.flush().await.unwrap();
    until("the leases are not lost", || first.lost() + second.lost() >= every()).await;
    until("they are not won again", || first.epochs().len() + second.epochs().len() >= given + every()).await;
    until_shared(&first, &second).await;
    assert_epochs_unique(&[&first, &second]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_ends_all_leases_in_time_and_all_goes_on_when_it_is_back() {
    let mut redis = testing::own(&[]).unwrap();
    let installation = OnRedis::at(redis.url().unwrap());
    let (first, second) = two(&installation).await;
    let leases: Vec<_> = first.leases().into_iter().chain(second.leases()).collect();
    redis.kill();
    // Nobody renews them any more: a last answer that is still read makes it later, and nothing sooner.
    let over = leases.iter().filter_map(Lease::trusted_until).max().unwrap();
    until("leases outlive Redis", || leases.iter().all(|lease| !lease.is_trusted())).await;
    assert!(Instant::now() >= over, "the leases were given up at once, not when their time was over");
    until("the losses are not told", || first.held().is_empty() && second.held().is_empty()).await;
    redis.start().unwrap();
    until_shared(&first, &second).await;
    assert_epochs_unique(&[&first, &second]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_longer_than_a_lease_stops_everything() {
    let redis = testing::own(&[]).unwrap();
    let installation = OnRedis::at(redis.url().unwrap());
    let only = Process::join(&installation).await;
    until("it does not hold everything", || only.held().len() == every()).await;
    let leases = only.leases();
    let pause = (LEASE * 2).as_millis().to_string();
    command(&redis, &["CLIENT", "PAUSE", &pause, "ALL"]).await;
    until("leases outlive the pause", || leases.iter().all(|lease| !lease.is_trusted())).await;
    until("all does not go on afterwards", || only.trusted() == every()).await;
    assert!(only.lost() >= every(), "a loss was not told");
    only.assert_lost_once_each();
    assert_epochs_unique(&[&only]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_shorter_than_a_lease_costs_nothing() {
    let redis = testing::own(&[]).unwrap();
    let installation = OnRedis::with(redis.url().unwrap(), LONG);
    let only = Process::join(&installation).await;
    until("it does not hold everything", || only.held().len() == every()).await;
    // Longer than the time from one look to the next, so that one falls into it.
    let pause = (LONG / 20).as_millis().to_string();
    command(&redis, &["CLIENT", "PAUSE", &pause, "ALL"]).await;
    // Answered after the pause only.
    command(&redis, &["PING"]).await;
    // Somebody new is seen by a look, and so one has gone well since.
    let other = Process::join(&installation).await;
    until_shared(&only, &other).await;
    assert_eq!(only.lost(), 0, "a short pause cost leases");
    assert_epochs_unique(&[&only, &other]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_somebody_else_has_is_not_renewed_nor_freed() {
    let redis = testing::own(&[]).unwrap();
    let installation = OnRedis::at(redis.url().unwrap());
    let only = Process::join(&installation).await;
    until("it does not hold everything", || only.held().len() == every()).await;
    let key = installation.key("lease:5");
    command(&redis, &["SET", &key, "somebody:1", "PX", "600000"]).await;
    until("the loss is not told", || only.held().len() == every() - 1).await;
    only.cluster.release(Shard(5)).await;
    let mut connection = redis.connection().await.unwrap();
    let holder: String = redis::cmd("GET").arg(&key).query_async(&mut connection).await.unwrap();
    assert_eq!(holder, "somebody:1");
    let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
    assert!(left > 60_000, "it was renewed to {left} ms by somebody who does not hold it");
}

/// An epoch that was asked for by somebody who lost the lease meanwhile can be minted late. Whoever has the lease is
/// fenced then, and must not keep a shard that it can do nothing for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_fenced_competes_again_with_a_new_epoch() {
    let redis = testing::own(&[]).unwrap();
    let installation = OnRedis::at(redis.url().unwrap());
    let only = Process::join(&installation).await;
    until("it does not hold everything", || only.held().len() == every()).await;
    let shard = Shard(5);
    let given = || only.epochs().iter().filter(|(each, _)| *each == shard).count();
    let before = given();
    only.cluster.fenced(shard).await;
    until("it does not come back with a new epoch", || given() > before && only.trusted() == every()).await;
    assert_epochs_unique(&[&only]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_installations_on_one_redis_do_not_meet() {
    let redis = testing::own(&[]).unwrap();
    let (one, other) = (OnRedis::at(redis.url().unwrap()), OnRedis::at(redis.url().unwrap()));
    let (first, second) = (Process::join(&one).await, Process::join(&other).await);
    until("each does not hold all of its own", || first.trusted() == every() && second.trusted() == every())
        .await;
    assert_eq!((first.cluster.members(), second.cluster.members()), (1, 1));
}

#[tokio::test]
async fn one_that_is_slow_is_waited_for_at_the_start_however_short_a_lease_is() {
    let redis = testing::own(&[]).unwrap();
    let store = Arc::new(campaigns_actors::ports::memory::MemoryStore::new());
    let settings = Settings { lease: Duration::from_secs(1) };
    // Longer than an answer about leases is waited for.
    let pause = settings.lease.as_millis().to_string();
    command(&redis, &["CLIENT", "PAUSE", &pause, "ALL"]).await;
    RedisCluster::connect(&redis.url().unwrap(), uuid::Uuid::new_v4(), store, settings).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_evicts_is_refused_with_words() {
    let redis = testing::own(&["--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"]).unwrap();
    let store = Arc::new(campaigns_actors::ports::memory::MemoryStore::new());
    let url = redis.url().unwrap();
    let deadline = Instant::now() + WITHIN;
    let error = loop {
        let store = store.clone();
        let refused = RedisCluster::connect(&url, uuid::Uuid::new_v4(), store, Settings::default()).await;
        match refused.unwrap_err() {
            // A machine that stands still for longer than an answer is waited for.
            Away::Unreachable(_) if Instant::now() < deadline => {}
            error => break error,
        }
    };
    assert!(matches!(&error, Away::Evicts { found } if found == "volatile-ttl"), "{error}");
    assert!(error.to_string().contains("`noeviction`"), "{error}");
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_told_with_words_and_without_its_password() {
    let store = Arc::new(campaigns_actors::ports::memory::MemoryStore::new());
    let url = "redis://:canary@127.0.0.1:1".parse().unwrap();
    let refused = RedisCluster::connect(&url, uuid::Uuid::new_v4(), store, Settings::default()).await;
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("does not answer") && said.contains("REDIS_URL") && !said.contains("canary"),
        "{said}"
    );
}
