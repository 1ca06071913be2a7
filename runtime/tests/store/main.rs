//! The store on a real PostgreSQL: the port's suite, what only a database can do to it, its migrations, and random
//! transitions against the store in memory.
#![allow(clippy::expect_used, reason = "what these tests stand on has to be there")]

mod connect;
mod frozen;
mod gathering;
mod harness;
mod limits;
mod many;
mod migrations;
mod random;
mod silent;

use campaigns_actors::ports::contract::store::store_suite;
use harness::PostgresHarness;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_store_on_postgres_holds_to_the_contract() {
    store_suite(PostgresHarness::new).await;
}
