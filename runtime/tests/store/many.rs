//! A commit of very many rows, and connections that were cut while they rested.

use super::harness::{PATIENCE, PostgresHarness, impatient, options};
use campaigns_actors::ports::{CommitError, RowChange, Store as _, contract::store::fixture::World};
use campaigns_domain::{execution::target::TargetState, id::Shard};
use campaigns_runtime::store::Options;
use sqlx::{Connection as _, PgConnection};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_targets_of_a_large_run_may_take_longer_to_commit_than_anything_else() {
    let limit = Duration::from_secs(1);
    let (world, targets) = World::with_targets(Arc::new(PostgresHarness::new().await), 1).await;
    let limited_to = Options { statement_timeout: limit, ..options() };
    let store = impatient(world.harness.database.url(), limited_to).await;
    let shard = Shard::of_run(world.run.id);
    let mut small = world.transition(shard).await;
    small.changes.push(RowChange::AddTargets(vec![world.new_target(1)]));
    let mut large = world.transition(shard).await;
    large.changes.push(RowChange::AddTargets((2..60_000).map(|place| world.new_target(place)).collect()));

    let mut other = PgConnection::connect(world.harness.database.url()).await.expect("a connection");
    sqlx::raw_sql("BEGIN; LOCK TABLE run_parts").execute(&mut other).await.expect("the table");
    let answer = store.commit(small).await;
    assert!(matches!(answer, Err(CommitError::Unavailable(_))), "{answer:?}");
    let committing = store.clone();
    let commit = tokio::spawn(async move { committing.commit(large).await });
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Longer than a small one may take.
        let waits: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock' AND query_start < clock_timestamp() - $1::text::interval)",
        )
        .bind(format!("{} ms", limit.as_millis() + 500))
        .fetch_one(&mut other)
        .await
        .expect("the sessions");
        if waits {
            break;
        }
        assert!(!commit.is_finished(), "the large commit was ended as early as a small one");
        assert!(Instant::now() < deadline, "no large commit waits");
        tokio::task::yield_now().await;
    }
    sqlx::raw_sql("COMMIT").execute(&mut other).await.expect("the table is free");
    commit.await.expect("a task").expect("the large commit");
    let counted: i64 = sqlx::query_scalar("SELECT sum(targets_selected)::bigint FROM run_parts")
        .fetch_one(&mut other)
        .await
        .expect("a sum");
    assert_eq!(counted, 59_999, "those of the small commit are not among them");

    // What comes after has the limit of everybody again.
    let after = world.moved(&targets[0], TargetState::Queued).await;
    world.commit(after).await;
    let mut limited = world.transition(shard).await;
    limited.changes.push(RowChange::AddTargets(vec![world.new_target(60_001)]));
    sqlx::raw_sql("BEGIN; LOCK TABLE run_parts").execute(&mut other).await.expect("the table");
    let answer = store.commit(limited).await;
    assert!(matches!(answer, Err(CommitError::Unavailable(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_cut_while_it_rested_costs_one_commit_at_most() {
    let (world, targets) = World::with_targets(Arc::new(PostgresHarness::new().await), 1).await;
    let mut other = PgConnection::connect(world.harness.database.url()).await.expect("a connection");
    let next = world.moved(&targets[0], TargetState::Queued).await;
    // Those that have committed.
    let ended: Vec<bool> = sqlx::query_scalar(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND state = 'idle' AND query LIKE '%INTO run_parts%'",
    )
    .fetch_all(&mut other)
    .await
    .expect("the sessions");
    // One; or two where the first was slow to say that it still answers, and is about to end.
    assert!(ended.contains(&true), "no connection has committed: {ended:?}");
    if let Err(first) = world.store().commit(next.clone()).await {
        assert!(matches!(first, CommitError::Unavailable(_)), "{first:?}");
        world.commit(next).await;
    }
    world.assert_sound().await;
}
