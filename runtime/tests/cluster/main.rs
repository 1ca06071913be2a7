//! Ownership on a real Redis: the port's suite, and what only a server can do to it.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod faults;
mod member;
mod pool;
mod wakes;

use campaigns_actors::ports::contract::cluster;
use member::OnRedis;

macro_rules! suite {
    ($on:ident: $($case:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            cluster::$case(&OnRedis::$on()).await;
        })*
    };
}

suite!(brief: a_vanished_process_is_replaced);

suite!(
    new: who_is_alone_holds_every_shard,
    a_second_process_gets_its_share,
    a_lost_shard_comes_back_with_a_new_epoch,
    what_is_given_back_to_nobody_comes_back,
    who_leaves_gives_everything_to_the_others,
    a_wake_reaches_a_new_owner,
    a_wake_reaches_the_owner,
);
