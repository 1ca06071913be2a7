//! The cluster in memory keeps the rules of every cluster.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use async_trait::async_trait;
use campaigns_actors::ports::{
    Cluster,
    contract::cluster::{self, Installation},
    memory::{MemoryCluster, MemoryInstallation, MemoryStore},
};
use campaigns_domain::id::Shard;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

struct InMemory {
    installation: MemoryInstallation,
    members: Mutex<Vec<Arc<MemoryCluster>>>,
}

fn in_memory() -> InMemory {
    let installation = MemoryInstallation::new(Arc::new(MemoryStore::new()));
    InMemory { installation, members: Mutex::default() }
}

impl InMemory {
    fn nth(&self, nth: usize) -> Arc<MemoryCluster> {
        self.members.lock().unwrap()[nth].clone()
    }
}

#[async_trait]
impl Installation for InMemory {
    async fn member(&self) -> Arc<dyn Cluster> {
        let member = Arc::new(self.installation.member());
        self.members.lock().unwrap().push(member.clone());
        member
    }

    async fn vanish(&self, nth: usize) {
        self.nth(nth).vanish();
    }

    async fn lose(&self, nth: usize, shard: Shard) {
        self.nth(nth).lose(shard);
    }

    fn within(&self) -> Duration {
        Duration::from_secs(5)
    }
}

macro_rules! suite {
    ($($case:ident),* $(,)?) => {
        $(#[tokio::test(start_paused = true)]
        async fn $case() {
            cluster::$case(&in_memory()).await;
        })*
    };
}

suite!(
    who_is_alone_holds_every_shard,
    a_second_process_gets_its_share,
    a_vanished_process_is_replaced,
    a_lost_shard_comes_back_with_a_new_epoch,
    what_is_given_back_to_nobody_comes_back,
    who_leaves_gives_everything_to_the_others,
    a_wake_reaches_a_new_owner,
    a_wake_reaches_the_owner,
);
