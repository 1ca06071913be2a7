//! Batches: committed together, each holding or failing by itself.

use super::{
    StoreHarness,
    fixture::{World, event, moved},
};
use crate::ports::{CommitError, Subject, Transition};
use campaigns_domain::{execution::target::TargetState, id::Shard};
use std::sync::Arc;

pub(super) async fn a_refused_transition_stands_alone<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 33).await;
    let wrong = [4, 5, 20];
    let mut batch = vec![];
    for (place, target) in targets.iter().enumerate() {
        let from = if wrong.contains(&place) { moved(target, TargetState::Selected) } else { target.clone() };
        batch.push(world.moved(&from, TargetState::Queued).await);
    }
    let answers = world.harness.commit_batch(&batch).await;
    for (place, answer) in answers.iter().enumerate() {
        let refused = matches!(answer, Err(CommitError::Refused(_)));
        assert_eq!(
            (answer.is_ok(), refused),
            (!wrong.contains(&place), wrong.contains(&place)),
            "{place}: {answer:?}"
        );
    }
    let dump = world.harness.dump().await;
    for (place, target) in targets.iter().enumerate() {
        let state = if wrong.contains(&place) { TargetState::Selected } else { TargetState::Queued };
        assert_eq!(dump.targets[&target.id].state, state, "{place}");
    }
    assert_eq!(dump.events.len(), 30);
    world.assert_sound().await;
}

pub(super) async fn a_fenced_transition_loses_only_its_own_writes<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 24).await;
    let lost = Shard::of_target(targets[7].id);
    let mut batch = vec![];
    for target in &targets {
        batch.push(world.moved(target, TargetState::Queued).await);
    }
    let old = world.fence(lost).await;
    let new = world.take_over(lost).await;
    // A new owner's transition in the same batch as one of the old owner's, in the same part.
    let mut of_new_owner = Transition::new(new, world.run.id);
    of_new_owner.events.push(event(Subject::Run(world.run.id), "run.noted"));
    batch.push(of_new_owner);
    let answers = world.harness.commit_batch(&batch).await;
    let dump = world.harness.dump().await;
    for (target, answer) in targets.iter().zip(&answers) {
        if Shard::of_target(target.id) == lost {
            assert_eq!(*answer, Err(CommitError::Fenced(old)));
            assert_eq!(dump.targets[&target.id], *target);
        } else {
            assert!(answer.is_ok(), "{answer:?}");
            assert_eq!(dump.targets[&target.id].state, TargetState::Queued);
        }
    }
    assert_eq!(answers.last().unwrap().as_ref().unwrap().sequence, 1);
    world.assert_sound().await;
}

pub(super) async fn one_row_changes_several_times_in_a_batch<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 2).await;
    let mut batch = vec![];
    let mut target = targets[0].clone();
    for state in [TargetState::Queued, TargetState::Executing, TargetState::Changed] {
        batch.push(world.moved(&target, state).await);
        target = moved(&target, state);
    }
    batch.insert(1, world.moved(&targets[1], TargetState::Queued).await);
    let answers = world.harness.commit_batch(&batch).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let dump = world.harness.dump().await;
    assert_eq!(dump.targets[&target.id], target);
    assert_eq!(dump.targets[&targets[1].id].state, TargetState::Queued);
    world.assert_sound().await;
}
