//! The databases that other tests use: empty, apart from one another, gone afterwards.

use campaigns_runtime::embedded::testing::fresh_database;

#[tokio::test]
async fn each_database_is_empty_and_apart() {
    let (one, two) = tokio::join!(fresh_database(), fresh_database());
    let (one, two) = (one.expect("a database"), two.expect("another"));
    assert_ne!(one.name(), two.name());
    let pool = one.pool().await.expect("a pool");
    sqlx::query("CREATE TABLE mine (n int)").execute(&pool).await.expect("a table");
    let count = "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'";
    let here: i64 = sqlx::query_scalar(count).fetch_one(&pool).await.expect("a count");
    let other = two.pool().await.expect("a pool");
    let there: i64 = sqlx::query_scalar(count).fetch_one(&other).await.expect("a count");
    assert_eq!((here, there), (1, 0));
}

#[tokio::test]
async fn a_dropped_database_is_gone_with_its_connections() {
    let kept = fresh_database().await.expect("a database");
    let dropped = fresh_database().await.expect("another");
    let name = dropped.name().to_owned();
    let pool = dropped.pool().await.expect("a pool");
    sqlx::query("SELECT 1").execute(&pool).await.expect("a connection");
    drop(dropped);
    // Work is done in order: when the next database is there, the dropped one is not.
    let _next = fresh_database().await.expect("the next");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_one(&kept.pool().await.expect("a pool"))
        .await
        .expect("a count");
    assert_eq!(left, 0);
    sqlx::query("SELECT 1").execute(&pool).await.expect_err("the connection was cut");
}

#[test]
fn databases_outlive_the_runtime_that_asked_for_them() {
    let first = crate::block_on(fresh_database()).expect("a database");
    let second = crate::block_on(fresh_database()).expect("another runtime, the same server");
    assert_eq!(crate::number(first.url(), "SELECT 1::bigint"), 1);
    assert_eq!(crate::number(second.url(), "SELECT 1::bigint"), 1);
}
