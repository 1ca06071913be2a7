//! The pool of read points on a real Redis: the port's suite, and what only a server can do to it.

use super::member::OnRedis;
use async_trait::async_trait;
use campaigns_actors::ports::{
    AFTER_LOSS, Account, PointPool, Resource,
    contract::pool::{self, Pools},
};
use campaigns_domain::publish::budget::Window;
use campaigns_runtime::cluster::testing::{OwnRedis, own, pool as patient};
use std::{sync::Arc, time::Duration};

/// An installation that is not new: what it knows, it has known for long.
struct Pooled {
    redis: OwnRedis,
    installation: OnRedis,
}

impl Pooled {
    async fn new() -> Self {
        let redis = own(&[]).unwrap();
        let installation = OnRedis::at(redis.url().unwrap());
        let pooled = Self { redis, installation };
        pooled.set("reads:since", "1").await;
        pooled
    }

    async fn set(&self, name: &str, value: &str) {
        let mut connection = self.installation.connection().await;
        let set = redis::cmd("SET").arg(self.installation.key(name)).arg(value).to_owned();
        set.query_async::<()>(&mut connection).await.unwrap();
    }
}

#[async_trait]
impl Pools for Pooled {
    async fn member(&self) -> Arc<dyn PointPool> {
        patient(&self.redis.url().unwrap(), self.installation.id).await.unwrap()
    }

    async fn forget(&self) {
        self.redis.flush().await.unwrap();
    }

    fn is_timed(&self) -> bool {
        false
    }
}

macro_rules! suite {
    ($($case:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            pool::$case(&Pooled::new().await).await;
        })*
    };
}

suite!(
    what_others_do_not_need_one_has,
    however_many_read_no_window_is_passed,
    a_loss_costs_time_and_no_cap,
    the_last_word_counts,
);

fn account(number: u64, want: u32) -> Account {
    Account {
        owner: "acme".to_owned(),
        resource: Resource::Rest,
        windows: vec![Window { seconds: 3_600, cap: 100 }],
        number,
        held: 0,
        answered: 0,
        recent: 0,
        want,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_held_that_has_gone_counts_as_answered() {
    let pooled = Pooled::new().await;
    let mut connection = pooled.installation.connection().await;
    let key = pooled.installation.key("reads:1:rest:acme");
    let (now, _): (u64, u64) = redis::cmd("TIME").query_async(&mut connection).await.unwrap();
    // One that has gone a minute ago, one that went hours ago, and one that is there.
    for (member, held, until) in [("1a", 30, now - 60), ("2b", 40, now - 7_200), ("3c", 20, now + 60)] {
        let mut set = redis::cmd("HSET");
        set.arg(&key).arg(format!("m:{member}")).arg(format!("9 {held} 5 {}", until * 1_000));
        set.query_async::<()>(&mut connection).await.unwrap();
    }
    let pool = pooled.member().await;
    let lent = pool.exchange(&account(1, 200)).await.unwrap();
    assert_eq!((lent.points, lent.room), (50, 0));
    let fields: Vec<String> = redis::cmd("HKEYS").arg(&key).query_async(&mut connection).await.unwrap();
    assert!(!fields.iter().any(|field| field == "m:1a" || field == "m:2b"), "{fields:?}");
    let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
    assert!(left > 3_600_000, "a counter goes before its window does: {left} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_knows_nothing_lends_nothing_at_first_and_a_silent_one_says_so_soon() {
    let mut redis = own(&[]).unwrap();
    let installation = OnRedis::at(redis.url().unwrap());
    let pool = patient(&redis.url().unwrap(), installation.id).await.unwrap();
    redis.flush().await.unwrap();
    let lent = pool.exchange(&account(1, 10)).await.unwrap();
    assert_eq!(lent.points, 0, "what was spent before it began to count is not known");
    assert!(lent.again <= AFTER_LOSS && lent.again > Duration::ZERO, "{lent:?}");
    redis.kill();
    let silent = pool.exchange(&account(2, 10)).await.unwrap_err();
    assert!(silent.to_string().contains("could not be asked for"), "{silent}");
    redis.start().unwrap();
    pool.exchange(&account(3, 10)).await.unwrap();
}
