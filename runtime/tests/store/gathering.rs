//! Commits that go together: what waits leaves at once, and each holds, fails or is in doubt by itself.

use super::harness::{PATIENCE, PostgresHarness, options};
use campaigns_actors::ports::{
    CommitError, Committed, RowChange, Subject, Transition,
    contract::store::{
        StoreHarness,
        fixture::{ORGANIZATION, World, admitted, event, moved},
    },
};
use campaigns_domain::{
    execution::target::{Target, TargetState},
    id::Shard,
    spec::Publication,
};
use campaigns_runtime::store::Options;
use futures::future::{BoxFuture, join_all, ready};
use sqlx::{Connection as _, PgConnection};
use std::{sync::Arc, task::Poll, time::Instant};
use uuid::Uuid;

type PostgresWorld = World<PostgresHarness>;
type Commit = BoxFuture<'static, Result<Committed, CommitError>>;

/// One connection for commits, so that what comes while one is under way waits for it.
async fn world(targets: u32) -> (PostgresWorld, Vec<Target>) {
    let options = Options { commit_connections: 1, ..options() };
    World::with_targets(Arc::new(PostgresHarness::with(options).await), targets).await
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

/// The session that waits for a lock, once there is one that is not `but`.
async fn waiting(world: &PostgresWorld, but: i32) -> i32 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let pid: Option<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' \
             AND pid <> $1",
        )
        .bind(but)
        .fetch_optional(world.harness.store.pool())
        .await
        .expect("the sessions");
        if let Some(pid) = pid {
            return pid;
        }
        assert!(Instant::now() < deadline, "no session waits");
        tokio::task::yield_now().await;
    }
}

/// A commit that is queued when this returns; what nothing holds up may have taken place already.
async fn queued(world: &PostgresWorld, transition: Transition) -> Commit {
    let store = world.store();
    let mut commit: Commit = Box::pin(async move { store.commit(transition).await });
    match futures::poll!(&mut commit) {
        Poll::Ready(answer) => Box::pin(ready(answer)),
        Poll::Pending => commit,
    }
}

/// A target's commit that is under way and held up: who holds it up, and the commit.
async fn under_way(world: &PostgresWorld, target: &Target) -> (PgConnection, Commit) {
    let held = hold(world, target).await;
    let commit = queued(world, world.moved(target, TargetState::Queued).await).await;
    waiting(world, 0).await;
    (held, commit)
}

async fn end(mut transaction: PgConnection) {
    sqlx::raw_sql("COMMIT").execute(&mut transaction).await.expect("the end of a transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_one_commits_goes_into_the_next() {
    let (world, targets) = world(60).await;
    let (held, first) = under_way(&world, &targets[0]).await;
    let mut commits = vec![first];
    for target in &targets[1..] {
        commits.push(queued(&world, world.moved(target, TargetState::Queued).await).await);
    }
    // Of a shard, several: numbered one after the other, whichever batch they are in.
    let shard = Shard::of_target(targets[0].id);
    for _ in 0..5 {
        let mut transition = world.transition(shard).await;
        transition.events.push(event(Subject::Run(world.run.id), "run.noted"));
        commits.push(queued(&world, transition).await);
    }
    end(held).await;
    for answer in join_all(commits).await {
        answer.expect("each holds");
    }
    let together: Vec<i64> = sqlx::query_scalar("SELECT count(*) FROM events GROUP BY xmin::text ORDER BY 1")
        .fetch_all(world.harness.store.pool())
        .await
        .expect("events by their transaction");
    assert_eq!(together, [1, 64], "one went alone, and all that waited for it together");
    let dump = world.harness.dump().await;
    assert!(targets.iter().all(|target| dump.targets[&target.id] == moved(target, TargetState::Queued)));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_does_not_tear_its_batch() {
    let (world, targets) = world(3).await;
    let (held, leaves_under_way) = under_way(&world, &targets[0]).await;
    let leaves_before = queued(&world, world.moved(&targets[1], TargetState::Queued).await).await;
    let stays = queued(&world, world.moved(&targets[2], TargetState::Queued).await).await;
    drop(leaves_under_way);
    drop(leaves_before);
    end(held).await;
    stays.await.expect("the commit of whoever stayed");
    let dump = world.harness.dump().await;
    let states: Vec<TargetState> = targets.iter().map(|target| dump.targets[&target.id].state).collect();
    assert_eq!(
        states,
        [TargetState::Queued, TargetState::Selected, TargetState::Queued],
        "what was sent took place, and what was not sent did not"
    );
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_up_one_shard_holds_up_no_other() {
    let (world, targets) = World::with_targets(Arc::new(PostgresHarness::new().await), 40).await;
    let (held, first) = under_way(&world, &targets[0]).await;
    let shard = Shard::of_target(targets[0].id);
    let (same, others): (Vec<_>, Vec<_>) =
        targets[1..].iter().partition(|target| Shard::of_target(target.id) == shard);
    let mut behind = vec![first];
    for target in same {
        behind.push(queued(&world, world.moved(target, TargetState::Queued).await).await);
    }
    let mut past = vec![];
    for target in others {
        past.push(queued(&world, world.moved(target, TargetState::Queued).await).await);
    }
    for answer in join_all(past).await {
        answer.expect("a commit of another shard");
    }
    end(held).await;
    for answer in join_all(behind).await {
        answer.expect("a commit of the shard that was held up");
    }
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leaves_each_of_the_batch_in_doubt_and_nothing_of_it() {
    let (world, targets) = world(12).await;
    let (held, first) = under_way(&world, &targets[0]).await;
    let second_hold = hold(&world, &targets[1]).await;
    let mut batch = vec![];
    for target in &targets[1..] {
        batch.push(queued(&world, world.moved(target, TargetState::Queued).await).await);
    }
    end(held).await;
    first.await.expect("the first");
    let before = world.harness.dump().await;
    let pid = waiting(&world, 0).await;
    sqlx::query("SELECT pg_terminate_backend($1)")
        .bind(pid)
        .execute(world.harness.store.pool())
        .await
        .expect("the end of a session");
    for answer in join_all(batch).await {
        assert!(matches!(answer, Err(CommitError::Unavailable(_))), "{answer:?}");
    }
    end(second_hold).await;
    assert_eq!(world.harness.dump().await, before);
    for target in &targets[1..] {
        world.commit(world.moved(target, TargetState::Queued).await).await;
    }
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_cannot_carry_out_fails_alone() {
    let (world, targets) = world(9).await;
    world.fence(Shard::of_organization(ORGANIZATION)).await;
    let (held, first) = under_way(&world, &targets[0]).await;
    let mut batch = vec![first];
    for target in &targets[1..] {
        batch.push(queued(&world, world.moved(target, TargetState::Queued).await).await);
    }
    // A branch too long for the index over it: a limit of the program, which no constraint of ours speaks of.
    let mut impossible = world.new_changeset(&targets[0], Publication::Ready);
    impossible.head_branch = (0..400).map(|_| Uuid::new_v4().simple().to_string()).collect();
    let mut transition = world.transition(Shard::of_organization(ORGANIZATION)).await;
    transition.changes.push(RowChange::AddChangeset(impossible));
    let impossible = queued(&world, transition).await;
    end(held).await;
    let answer = impossible.await;
    assert!(matches!(answer, Err(CommitError::Unavailable(_))), "{answer:?}");
    for answer in join_all(batch).await {
        answer.expect("each of the others holds");
    }
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_under_way_at_once_never_wait_for_each_other_in_a_circle() {
    let (world, targets) = World::with_targets(Arc::new(PostgresHarness::new().await), 200).await;
    let world = Arc::new(world);
    for shard in Shard::all() {
        world.fence(shard).await;
    }
    // Everybody moves on, tells somebody, and takes up what it was told.
    let commits = (0..targets.len()).map(|place| {
        let world = Arc::clone(&world);
        let (mut target, neighbour) = (targets[place].clone(), targets[targets.len() - 1 - place].id);
        tokio::spawn(async move {
            for (attempt, state) in (1..).zip([TargetState::Queued, TargetState::Executing]) {
                let mut transition = world.moved(&target, state).await;
                transition.messages.push(admitted(neighbour, attempt));
                transition.messages.push(admitted(target.id, attempt + 2));
                world.commit(transition).await;
                target = moved(&target, state);
                let mut transition = world.moved(&target, state).await;
                transition.consumed.push(admitted(target.id, attempt + 2).id);
                world.commit(transition).await;
                target = moved(&target, state);
            }
        })
    });
    for commit in join_all(commits).await {
        commit.expect("every commit holds");
    }
    let deadlocks: i64 =
        sqlx::query_scalar("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            .fetch_one(world.harness.store.pool())
            .await
            .expect("a count");
    assert_eq!(deadlocks, 0);
    assert_eq!(world.harness.dump().await.waiting.len(), 2 * targets.len());
    world.assert_sound().await;
}
