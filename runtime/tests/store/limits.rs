//! What the database cannot hold, and what it must never hold.

use super::harness::PostgresHarness;
use campaigns_actors::ports::{
    CommitError, RowChange, Subject,
    contract::store::{
        StoreHarness,
        fixture::{World, event, moved},
    },
};
use campaigns_domain::{execution::target::TargetState, id::Shard};
use campaigns_runtime::audit;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_a_text_is_kept_as_the_replacement_character() {
    let (world, targets) = World::with_targets(Arc::new(PostgresHarness::new().await), 1).await;
    let target = &targets[0];
    let mut after = moved(target, TargetState::Failed);
    after.reason = "step 1 said \0 and failed".to_owned();
    let mut transition = world.transition(Shard::of_target(target.id)).await;
    transition.changes.push(RowChange::Target { before: target.state, after });
    let mut said = event(Subject::Target(target.id), "target.failed");
    said.data = serde_json::json!({"a\0b": ["\0", "\\u0000", 1]});
    transition.events.push(said);
    world.commit(transition).await;
    let dump = world.harness.dump().await;
    assert_eq!(dump.targets[&target.id].reason, "step 1 said \u{fffd} and failed");
    let stored = dump.events.values().next_back().expect("an event");
    assert_eq!(stored.data, serde_json::json!({"a\u{fffd}b": ["\u{fffd}", "\\u0000", 1]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_does_not_fit_is_refused_in_words() {
    let (world, targets) = World::with_targets(Arc::new(PostgresHarness::new().await), 1).await;
    let mut after = moved(&targets[0], TargetState::Queued);
    after.attempt = u32::MAX;
    let mut transition = world.transition(Shard::of_target(after.id)).await;
    transition.changes.push(RowChange::Target { before: targets[0].state, after });
    let answer = world.store().commit(transition).await;
    assert!(matches!(&answer, Err(CommitError::Refused(why)) if why.contains("4294967295")), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_state_or_count_outside_of_its_words_is_ever_stored() {
    let (world, targets) = World::with_targets(Arc::new(PostgresHarness::new().await), 1).await;
    let changeset = world.new_changeset(&targets[0], campaigns_domain::spec::Publication::Ready);
    world.propose(&changeset).await;
    for change in [
        "runs SET state = 'paused'",
        "runs SET total = -1",
        "runs SET window_size = 0",
        "changesets SET state = 'unknown'",
        "changesets SET publishing = 1",
        "changesets SET pull_request = 1",
        "shards SET epoch = -1",
    ] {
        let refused = sqlx::raw_sql(AssertSqlSafe(format!("UPDATE {change}")))
            .execute(world.harness.store.pool())
            .await;
        let code =
            refused.as_ref().err().and_then(|error| error.as_database_error()).and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("23514"), "{change}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_does_not_refuse_the_audit_finds() {
    let (world, targets) = World::with_targets(Arc::new(PostgresHarness::new().await), 1).await;
    let mut transition = world.transition(Shard::of_target(targets[0].id)).await;
    transition.events.push(event(Subject::Target(targets[0].id), "target.seen"));
    world.commit(transition).await;
    let mut other = PgConnection::connect(world.harness.database.url()).await.expect("a connection");
    let before = audit::running(&mut other).await.expect("the audit");
    for (change, rule) in [
        ("repo_targets SET state = 'lost'", "a target's state is one"),
        ("repo_targets SET state = 'skipped'", "a target's state is one"),
        ("repo_targets SET attempt = -1", "a target's numbers"),
        ("repo_targets SET infrastructure_failures = -1", "a target's numbers"),
        ("repo_targets SET position = -1", "a target's numbers"),
        ("repo_targets SET version = 0", "a target's numbers"),
        ("run_parts SET last_sequence = -1", "a part's numbers"),
        ("events SET sequence = -sequence", "an event is numbered"),
        ("events SET kind = ''", "an event is numbered"),
        ("events SET subject_kind = 'star'", "an event is numbered"),
    ] {
        sqlx::raw_sql("BEGIN").execute(&mut other).await.expect("a transaction");
        let changed = sqlx::raw_sql(AssertSqlSafe(format!("UPDATE {change}"))).execute(&mut other).await;
        assert!(changed.expect("an update").rows_affected() > 0, "{change}");
        let found = audit::running(&mut other).await.expect("the audit");
        let new: Vec<_> = found.iter().filter(|line| !before.contains(line)).collect();
        assert!(new.iter().any(|line| line.starts_with(rule)), "{change}: {new:?}");
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("as it was");
    }
}
