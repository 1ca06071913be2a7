//! Guards: a transition is made from rows as they were, and holds only where they still are.

use super::{
    StoreHarness,
    fixture::{
        ORGANIZATION, World, begin, event, execute, execution, moved, moved_changeset, moved_run, new_run,
    },
};
use crate::ports::{AdmissionState, EffectChange, EffectState, RowChange, Subject, Transition};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{run::RunState, target::TargetState},
    id::{EffectId, MessageId, Shard},
    spec::Publication,
};
use std::sync::Arc;
use uuid::Uuid;

pub(super) async fn a_row_that_moved_on_refuses_the_whole_transition<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 40).await;
    let target = &targets[0];
    let old = world.moved(target, TargetState::Queued).await;
    world.commit(old.clone()).await;
    world.refused(old, "the same again").await;

    let queued = moved(target, TargetState::Queued);
    let mut wrong_before = world.moved(&queued, TargetState::Executing).await;
    wrong_before.changes = vec![RowChange::Target {
        before: TargetState::Selected,
        after: moved(&queued, TargetState::Executing),
    }];
    world.refused(wrong_before, "another state before").await;
    let mut skips = world.transition(Shard::of_target(target.id)).await;
    let mut after = moved(&queued, TargetState::Executing);
    after.version += 1;
    skips.changes.push(RowChange::Target { before: TargetState::Queued, after });
    world.refused(skips, "a version left out").await;

    // One wrong row takes everything else of its transition with it.
    let mut mixed = world.moved(target, TargetState::Queued).await;
    mixed.changes.push(RowChange::Execution(execution(target, 1, TargetState::Executing)));
    mixed.effects.push(begin(&execute(target, 1)));
    mixed.messages.push(super::fixture::admitted(targets[1].id, 1));
    world.refused(mixed, "one of many rows is wrong").await;

    let run_shard = Shard::of_run(world.run.id);
    let mut transition = world.transition(run_shard).await;
    let running = moved_run(&world.run, RunState::Running);
    transition.changes.push(RowChange::Run(running.clone()));
    world.commit(transition.clone()).await;
    world.refused(transition, "a run that moved on").await;
    let mut ahead = world.transition(run_shard).await;
    ahead.changes.push(RowChange::Run(moved_run(&moved_run(&running, RunState::Running), RunState::Running)));
    world.refused(ahead, "a run that is not there yet").await;

    let changeset = world.new_changeset(target, Publication::Ready);
    world.propose(&changeset).await;
    let publishing = moved_changeset(&changeset, ChangesetState::Publishing);
    let transition = world.moved_changeset(&changeset, publishing.clone()).await;
    world.commit(transition.clone()).await;
    world.refused(transition, "a changeset that moved on").await;
    let wrong = moved_changeset(&publishing, ChangesetState::Blocked);
    world
        .refused(world.moved_changeset(&changeset, wrong).await, "another state of a changeset before")
        .await;
    world.assert_sound().await;
}

pub(super) async fn rows_that_are_not_there_refuse<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 3).await;
    let run_shard = Shard::of_run(world.run.id);
    let stranger = world.new_target(77);
    world.refused(world.moved(&stranger, TargetState::Queued).await, "a target that was never added").await;
    let mut again = world.transition(run_shard).await;
    again.changes.push(RowChange::AddTargets(vec![world.new_target(50), targets[1].clone()]));
    world.refused(again, "a target that is there").await;
    let mut orphan = world.transition(Shard::of_target(stranger.id)).await;
    orphan.changes.push(RowChange::Execution(execution(&stranger, 1, TargetState::Executing)));
    world.refused(orphan, "an execution of nothing").await;
    let mut admission = world.transition(run_shard).await;
    let target = stranger.id;
    admission.changes.push(RowChange::Admission { target, attempt: 1, state: AdmissionState::Open });
    world.refused(admission, "an admission of nothing").await;
    let mut done = world.transition(run_shard).await;
    done.effects.push(EffectChange::Done(EffectId(Uuid::new_v4())));
    world.refused(done, "an effect that was never begun").await;
    let mut consumed = world.transition(run_shard).await;
    consumed.consumed.push(MessageId(Uuid::new_v4()));
    world.refused(consumed, "a message that nobody sent").await;
    let changeset = world.new_changeset(&targets[0], Publication::Ready);
    let unknown =
        world.moved_changeset(&changeset, moved_changeset(&changeset, ChangesetState::Publishing)).await;
    world.refused(unknown, "a changeset that was never added").await;
    world.propose(&changeset).await;
    let mut twice = world.transition(Shard::of_organization(ORGANIZATION)).await;
    twice.changes.push(RowChange::AddChangeset(changeset.clone()));
    world.refused(twice, "a changeset that is there").await;
    let mut foreign = world.transition(Shard::of_organization(ORGANIZATION)).await;
    let other = new_run(world.run.campaign);
    foreign.changes.push(RowChange::AddChangeset(world.changeset_of(
        &targets[1],
        Publication::Ready,
        other.id,
    )));
    world.refused(foreign, "a changeset of a run that is not there").await;
    let nowhere =
        Transition { run: other.id, ..world.transition(Shard::of_organization(ORGANIZATION)).await };
    world.refused(nowhere, "a run that is not there").await;
}

pub(super) async fn a_row_is_written_once_in_a_transition<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 1).await;
    let queued = moved(&targets[0], TargetState::Queued);
    let mut transition = world.moved(&targets[0], TargetState::Queued).await;
    let after = moved(&queued, TargetState::Executing);
    transition.changes.push(RowChange::Target { before: TargetState::Queued, after });
    world.refused(transition, "a target twice").await;
    let mut transition = world.transition(Shard::of_target(targets[0].id)).await;
    transition.effects.extend([begin(&execute(&targets[0], 1)), begin(&execute(&targets[0], 1))]);
    world.refused(transition, "an effect begun twice").await;
}

pub(super) async fn effects_are_begun_done_and_begun_again<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 1).await;
    let shard = Shard::of_target(targets[0].id);
    let (first, second) = (execute(&targets[0], 1), execute(&targets[0], 2));
    for (changes, left) in [
        (vec![begin(&first)], vec![&first]),
        (vec![begin(&second)], vec![&first, &second]),
        (vec![EffectChange::Done(first.id)], vec![&second]),
        (vec![EffectChange::Done(first.id)], vec![&second]),
        (vec![begin(&first)], vec![&first, &second]),
        (vec![EffectChange::Done(second.id), EffectChange::Done(first.id)], vec![]),
        (vec![begin(&second), EffectChange::Done(second.id)], vec![]),
    ] {
        let mut transition = world.transition(shard).await;
        transition.effects = changes;
        transition.events.push(event(Subject::Target(targets[0].id), "target.moved"));
        world.commit(transition).await;
        let backlog = world.store().backlog(shard).await.unwrap();
        assert_eq!(backlog.effects, left.into_iter().cloned().collect::<Vec<_>>());
    }
    let dump = world.harness.dump().await;
    assert!(dump.effects.values().all(|stored| stored.effect.state == EffectState::Done));
}
