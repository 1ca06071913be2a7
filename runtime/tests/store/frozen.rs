//! Owners that are frozen or cut off in the middle of a commit, on the real locks of a real server.

use super::harness::{PATIENCE, PostgresHarness, impatient, options};
use campaigns_actors::ports::{
    CommitError, EffectState, RowChange, Store as _, Subject,
    contract::store::{
        StoreHarness,
        fixture::{World, admitted, begin, event, execute, execution, moved},
    },
};
use campaigns_domain::{
    execution::target::{Target, TargetState},
    id::Shard,
};
use campaigns_runtime::store::Options;
use sqlx::{Connection as _, PgConnection};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

type PostgresWorld = World<PostgresHarness>;

async fn world(options: Options) -> (PostgresWorld, Target) {
    let harness = Arc::new(PostgresHarness::with(options).await);
    let (world, targets) = World::with_targets(harness, 1).await;
    let target = targets.into_iter().next().expect("a target");
    (world, target)
}

/// A connection of somebody else, in a transaction that holds the target's row.
async fn hold(world: &PostgresWorld, target: &Target) -> PgConnection {
    let mut other = PgConnection::connect(world.harness.database.url()).await.expect("a connection");
    sqlx::raw_sql("BEGIN").execute(&mut other).await.expect("a transaction");
    sqlx::query("SELECT 1 FROM repo_targets WHERE id = $1 FOR UPDATE")
        .bind(target.id.0)
        .execute(&mut other)
        .await
        .expect("the row");
    other
}

async fn end(mut transaction: PgConnection) {
    sqlx::raw_sql("COMMIT").execute(&mut transaction).await.expect("the end of a transaction");
}

/// The sessions of the database that wait for a lock; their process ids, longest first.
async fn waiting_now(world: &PostgresWorld) -> Vec<i32> {
    sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' \
         ORDER BY query_start",
    )
    .fetch_all(world.harness.store.pool())
    .await
    .expect("the sessions")
}

/// Waits until this many sessions of the database wait for a lock.
async fn waiting(world: &PostgresWorld, count: usize) -> Vec<i32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let pids = waiting_now(world).await;
        if pids.len() >= count {
            return pids;
        }
        assert!(Instant::now() < deadline, "{} of {count} sessions wait", pids.len());
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_waits_for_a_commit_that_is_under_way_and_doubts_what_it_began() {
    let (world, target) = world(options()).await;
    let shard = Shard::of_target(target.id);
    let old = world.fence(shard).await;
    let held = hold(&world, &target).await;

    // The old owner is frozen inside its commit: it has the fence, and waits for the row.
    let mut transition = world.moved(&target, TargetState::Queued).await;
    transition.effects.push(begin(&execute(&target, 1)));
    let (store, frozen) = (world.store(), transition.clone());
    let commit = tokio::spawn(async move { store.commit(frozen).await });
    waiting(&world, 1).await;
    let store = world.store();
    let takeover = tokio::spawn(async move { store.take_over(shard, Uuid::new_v4()).await });
    waiting(&world, 2).await;
    assert!(!takeover.is_finished(), "the takeover has to wait");
    end(held).await;

    commit.await.expect("a task").expect("the commit had the fence");
    let new = takeover.await.expect("a task").expect("the takeover");
    assert_eq!(new.0, old.epoch.0 + 1);
    // What the commit began while the takeover waited is in doubt, too.
    let dump = world.harness.dump().await;
    assert_eq!(dump.effects[&execute(&target, 1).id].effect.state, EffectState::Unknown);
    assert_eq!(dump.targets[&target.id].state, TargetState::Queued);

    // The old owner wakes up and goes on: nothing comes of it.
    let queued = moved(&target, TargetState::Queued);
    let zombie = world.moved(&queued, TargetState::Executing).await;
    assert_eq!(zombie.fence, old);
    assert_eq!(world.store().commit(zombie).await, Err(CommitError::Fenced(old)));
    assert_eq!(world.harness.dump().await, dump);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_waits_for_a_takeover_is_fenced_by_it() {
    let (world, target) = world(options()).await;
    let shard = Shard::of_target(target.id);
    let old = world.fence(shard).await;
    let before = world.harness.dump().await;
    let mut takeover = PgConnection::connect(world.harness.database.url()).await.expect("a connection");
    sqlx::raw_sql("BEGIN").execute(&mut takeover).await.expect("a transaction");
    sqlx::query("SELECT campaigns_take_over($1, $2)")
        .bind(shard.0.cast_signed())
        .bind(Uuid::new_v4())
        .execute(&mut takeover)
        .await
        .expect("a takeover that is not committed yet");

    let (store, transition) = (world.store(), world.moved(&target, TargetState::Queued).await);
    let zombie = tokio::spawn(async move { store.commit(transition).await });
    waiting(&world, 1).await;
    // The new owner changes the very row before the old one gets any further.
    sqlx::query("UPDATE repo_targets SET reason = 'the new owner was here' WHERE id = $1")
        .bind(target.id.0)
        .execute(&mut takeover)
        .await
        .expect("a change");
    end(takeover).await;

    assert_eq!(zombie.await.expect("a task"), Err(CommitError::Fenced(old)));
    let mut dump = world.harness.dump().await;
    assert_eq!(dump.epochs.insert(shard, old.epoch.0), Some(old.epoch.0 + 1));
    let stored = dump.targets.get_mut(&target.id).expect("the target");
    assert_eq!(stored.reason, "the new owner was here");
    stored.reason.clone_from(&target.reason);
    assert_eq!(dump, before, "nothing of the old owner's transition is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_hangs_is_ended_and_holds_up_no_takeover() {
    let (world, target) = world(options()).await;
    let before = world.harness.dump().await;
    let held = hold(&world, &target).await;
    let brief = Options { statement_timeout: Duration::from_millis(300), ..options() };
    let store = impatient(world.harness.database.url(), brief).await;
    let transition = world.moved(&target, TargetState::Queued).await;
    let shard = transition.fence.shard;
    let hanging = tokio::spawn(async move { store.commit(transition).await });
    // It may have been ended before anybody looked.
    let deadline = Instant::now() + PATIENCE;
    while !hanging.is_finished() && waiting_now(&world).await.is_empty() {
        assert!(Instant::now() < deadline, "the commit neither waits nor ends");
    }
    let epoch =
        world.store().take_over(shard, Uuid::new_v4()).await.expect("a takeover while the row is held");
    let answer = hanging.await.expect("a task");
    assert!(matches!(answer, Err(CommitError::Unavailable(_))), "{answer:?}");
    end(held).await;
    let dump = world.harness.dump().await;
    assert_eq!(dump.epochs[&shard], epoch.0);
    assert_eq!((dump.targets, dump.parts, dump.events), (before.targets, before.parts, before.events));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_in_the_middle_of_a_commit_leaves_nothing_of_it() {
    let (world, target) = world(options()).await;
    let held = hold(&world, &target).await;
    let mut transition = world.moved(&target, TargetState::Queued).await;
    let before = world.harness.dump().await;
    transition.changes.push(RowChange::Execution(execution(&target, 1, TargetState::Executing)));
    transition.effects.push(begin(&execute(&target, 1)));
    transition.messages.push(admitted(target.id, 1));
    transition.events.push(event(Subject::Target(target.id), "target.noted"));
    let (store, cut) = (world.store(), transition.clone());
    let commit = tokio::spawn(async move { store.commit(cut).await });
    let pids = waiting(&world, 1).await;
    sqlx::query("SELECT pg_terminate_backend($1)")
        .bind(pids[0])
        .execute(world.harness.store.pool())
        .await
        .expect("the end of a session");
    let answer = commit.await.expect("a task");
    assert!(matches!(answer, Err(CommitError::Unavailable(_))), "{answer:?}");
    end(held).await;
    assert_eq!(world.harness.dump().await, before);
    // The same transition holds afterwards, on another connection.
    world.commit(transition).await;
    world.assert_sound().await;
}
