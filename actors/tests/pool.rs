//! The pool of read points in memory: the port's suite in paused time, and what a budget does while a pool is silent.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use async_trait::async_trait;
use campaigns_actors::ports::{
    PointPool,
    contract::pool::{self, Pools},
    memory::MemoryPool,
};
use std::sync::Arc;

struct InMemory(MemoryPool);

#[async_trait]
impl Pools for InMemory {
    async fn member(&self) -> Arc<dyn PointPool> {
        Arc::new(self.0.member())
    }

    async fn forget(&self) {
        self.0.forget();
    }

    fn is_timed(&self) -> bool {
        true
    }
}

macro_rules! suite {
    ($($case:ident),* $(,)?) => {
        $(#[tokio::test(start_paused = true)]
        async fn $case() {
            pool::$case(&InMemory(MemoryPool::default())).await;
        })*
    };
}

suite!(
    what_others_do_not_need_one_has,
    however_many_read_no_window_is_passed,
    a_loss_costs_time_and_no_cap,
    the_last_word_counts,
);
