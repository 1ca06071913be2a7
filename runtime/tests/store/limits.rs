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
use sqlx::AssertSqlSafe;
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
        "repo_targets SET state = 'lost'",
        "repo_targets SET attempt = -1",
        "repo_targets SET state = 'skipped'",
        "changesets SET state = 'unknown'",
        "changesets SET publishing = 1",
        "changesets SET pull_request = 1",
        "run_parts SET last_sequence = -1",
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
