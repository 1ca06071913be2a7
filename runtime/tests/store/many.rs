//! A commit of very many rows, and connections that were cut while they rested.

use super::harness::{PostgresHarness, options};
use campaigns_actors::ports::{CommitError, RowChange, contract::store::fixture::World};
use campaigns_domain::{execution::target::TargetState, id::Shard};
use sqlx::{Connection as _, PgConnection};
use std::{ops::Range, sync::Arc};

/// Writes down how long the server lets the statement run that adds targets, so that nobody waits for its end.
const NOTES: &str = "CREATE TABLE allowed (milliseconds bigint); \
    CREATE FUNCTION note_allowed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        INSERT INTO allowed SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'; RETURN NULL; \
    END $$; \
    CREATE TRIGGER noted AFTER INSERT ON repo_targets FOR EACH STATEMENT EXECUTE FUNCTION note_allowed()";

#[tokio::test(flavor = "multi_thread")]
async fn the_targets_of_a_large_run_may_take_longer_to_commit_than_anything_else() {
    let world = World::new(Arc::new(PostgresHarness::new().await)).await;
    let pool = world.harness.store.pool();
    sqlx::raw_sql(NOTES).execute(pool).await.expect("a trigger");
    let adding = async |places: Range<u32>| -> Vec<i64> {
        sqlx::query("DELETE FROM allowed").execute(pool).await.expect("nothing is noted");
        let mut transition = world.transition(Shard::of_run(world.run.id)).await;
        let targets = places.map(|place| world.new_target(place)).collect();
        transition.changes.push(RowChange::AddTargets(targets));
        world.commit(transition).await;
        let noted = sqlx::query_scalar("SELECT DISTINCT milliseconds FROM allowed");
        noted.fetch_all(pool).await.expect("what was noted")
    };
    let usual = i64::try_from(options().statement_timeout.as_millis()).expect("small");
    assert_eq!(adding(0..100).await, [usual]);
    // Half a second more for five thousand rows more than those that have the time of any statement.
    assert_eq!(adding(100..15_100).await, [usual + 500]);
    // What comes after has the limit of everybody again.
    assert_eq!(adding(15_100..15_200).await, [usual]);
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
