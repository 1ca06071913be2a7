//! Opening the store: by many at once, and where it has to be refused in clear words.

use super::harness::options;
use campaigns_runtime::{
    embedded::testing::fresh_database,
    store::{ConnectError, Postgres},
};
use futures::future::join_all;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn several_replicas_may_start_on_an_empty_database_at_once() {
    let database = fresh_database().await.expect("a database");
    let mut small = options();
    (small.connections, small.commit_connections, small.fence_connections) = (2, 1, 1);
    let stores = join_all((0..6).map(|_| Postgres::connect(database.url(), small.clone()))).await;
    for store in &stores {
        assert!(store.is_ok(), "{store:?}");
    }
    let pool = stores[0].as_ref().expect("a store").pool();
    let shards: i64 =
        sqlx::query_scalar("SELECT count(*) FROM shards").fetch_one(pool).await.expect("a count");
    assert_eq!(shards, 64);
}

/// Between two statements a busy machine may leave a process alone for a while.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_may_pause_within_a_transaction_for_longer_than_an_owner() {
    let database = fresh_database().await.expect("a database");
    let owners = Duration::from_millis(1);
    let (mut patient, asking) = (options(), Duration::from_secs(600));
    (patient.idle_in_transaction_timeout, patient.idle_asking_timeout) = (owners, asking);
    let store = Postgres::connect(database.url(), patient).await.expect("a store");
    let mut transaction = store.pool().begin().await.expect("a transaction");
    let me: i32 =
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *transaction).await.expect("a number");
    let long = "SELECT state = 'idle in transaction' AND clock_timestamp() - state_change > interval '100 ms' \
                FROM pg_stat_activity WHERE pid = $1";
    loop {
        let seen: Option<bool> =
            sqlx::query_scalar(long).bind(me).fetch_optional(store.pool()).await.expect("an answer");
        if seen.expect("the session is there still") {
            break;
        }
        tokio::task::yield_now().await;
    }
    let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&mut *transaction).await.expect("an answer");
    assert_eq!(one, 1);
    transaction.commit().await.expect("its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_shards_is_refused() {
    let database = fresh_database().await.expect("a database");
    let store = Postgres::connect(database.url(), options()).await.expect("a store");
    sqlx::raw_sql("UPDATE installation SET shards = 32").execute(store.pool()).await.expect("a change");
    let refused = Postgres::connect(database.url(), options()).await;
    assert!(matches!(refused, Err(ConnectError::Shards { found: 32, wanted: 64 })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let database = fresh_database().await.expect("a database");
    let store = Postgres::connect(database.url(), options()).await.expect("a store");
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'from the future', true, '\\x00', 0)",
    )
    .execute(store.pool())
    .await
    .expect("a migration of another version");
    let refused = Postgres::connect(database.url(), options()).await;
    assert!(matches!(refused, Err(ConnectError::NewerSchema { found: 9999, .. })), "{refused:?}");
    let words = refused.expect_err("an error").to_string();
    assert!(words.contains("newer version of Campaigns"), "{words}");
}

#[tokio::test]
async fn an_unreadable_address_or_a_silent_one_is_said_without_the_password() {
    for url in ["postgres://ada:s3cret@127.0.0.1:1/none", "postgres://ada:s3cret@host:port/none", "mysql://x"]
    {
        let error = Postgres::connect(url, options()).await.expect_err("no database");
        let said = format!("{error} {error:?}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    let closed = Postgres::connect("postgres://ada:s3cret@127.0.0.1:1/none", options()).await;
    assert!(matches!(closed, Err(ConnectError::Unreachable(_))), "{closed:?}");
}

#[tokio::test]
async fn a_connection_that_never_comes_back_is_not_waited_for_forever() {
    let database = fresh_database().await.expect("a database");
    let store = Postgres::connect(database.url(), options()).await.expect("a store");
    let kept = store.pool().acquire().await.expect("a connection");
    tokio::time::pause();
    let closed = tokio::time::timeout(Duration::from_secs(60), store.close()).await;
    assert!(closed.is_ok(), "it waits for a connection that is in use");
    drop(kept);
}
