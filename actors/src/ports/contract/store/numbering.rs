//! Events without gaps, and counters that are what a recount says.

use super::{
    StoreHarness,
    fixture::{World, event, moved, moved_changeset, new_run, spec},
};
use crate::ports::{RowChange, Subject};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::target::{Target, TargetState},
    id::Shard,
    spec::Publication,
};
use std::{sync::Arc, time::Instant};

pub(super) async fn events_are_numbered_in_order_without_gaps<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 1).await;
    let shard = Shard::of_target(targets[0].id);
    let subject = Subject::Target(targets[0].id);
    let (mut last, mut said) = (0, vec![]);
    for count in [3, 0, 1, 5] {
        let mut transition = world.transition(shard).await;
        for _ in 0..count {
            let mut event = event(subject, "target.moved");
            event.data = serde_json::json!({"place": said.len()});
            said.push(event.data.clone());
            transition.events.push(event);
        }
        last += count;
        assert_eq!(world.commit(transition).await.sequence, last);
    }
    // A refused transition uses up no number.
    let mut wrong = world.moved(&world.new_target(9), TargetState::Queued).await;
    wrong.fence = world.fence(Shard::of_target(world.new_target(9).id)).await;
    world.refused(wrong, "a target that is not there").await;
    let dump = world.harness.dump().await;
    let stored: Vec<_> = dump.events.values().filter(|event| event.shard == shard).collect();
    assert_eq!(stored.iter().map(|event| event.data.clone()).collect::<Vec<_>>(), said);
    assert!(stored.iter().all(|event| event.subject == subject && event.kind == "target.moved"));
    world.assert_sound().await;
}

pub(super) async fn counters_are_what_a_recount_says<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 12).await;
    let skipped = Target { state: TargetState::Skipped, ..world.new_target(12) };
    let mut transition = world.transition(Shard::of_run(world.run.id)).await;
    transition.changes.push(RowChange::AddTargets(vec![skipped]));
    world.commit(transition).await;
    world.assert_sound().await;
    let ends = [TargetState::Changed, TargetState::Unchanged, TargetState::Failed, TargetState::Cancelled];
    for (target, end) in targets.iter().zip(ends.into_iter().cycle()) {
        let mut target = target.clone();
        for state in [TargetState::Queued, TargetState::Executing, TargetState::Executing, end] {
            world.commit(world.moved(&target, state).await).await;
            target = moved(&target, state);
        }
        world.assert_sound().await;
    }
    for (target, end) in targets.iter().zip(ChangesetState::ALL) {
        let changeset = world.new_changeset(target, Publication::Draft);
        world.propose(&changeset).await;
        world.commit(world.moved_changeset(&changeset, moved_changeset(&changeset, end)).await).await;
        world.assert_sound().await;
    }
    let dump = world.harness.dump().await;
    let states: Vec<_> = dump.changesets.values().map(|changeset| changeset.state).collect();
    assert!(ChangesetState::ALL.iter().all(|state| states.contains(state)), "{states:?}");
    assert!(dump.parts.len() > 3, "several shards took part");
}

pub(super) async fn a_changeset_counts_for_the_run_that_proposed_last<H: StoreHarness>(harness: Arc<H>) {
    let (mut world, targets) = World::with_targets(harness, 1).await;
    let changeset = world.new_changeset(&targets[0], Publication::Ready);
    world.propose(&changeset).await;
    let second = new_run(world.run.campaign);
    world.harness.add_run(&spec(), &second).await;
    let first = std::mem::replace(&mut world.run, second.clone());
    let mut after = moved_changeset(&changeset, ChangesetState::Scheduled);
    after.wanted.run = second.id;
    after.generation += 1;
    world.commit(world.moved_changeset(&changeset, after.clone()).await).await;
    world.assert_sound().await;
    let dump = world.harness.dump().await;
    let scheduled = |run| -> i64 {
        let parts = dump.parts.iter().filter(|((of, _), _)| *of == run);
        parts.map(|(_, part)| part.counts.changesets[1]).sum()
    };
    assert_eq!((scheduled(first.id), scheduled(second.id)), (0, 1));
    world
        .commit(world.moved_changeset(&after, moved_changeset(&after, ChangesetState::Publishing)).await)
        .await;
    world.assert_sound().await;
}

pub(super) async fn ten_thousand_targets_are_added_at_once<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let (few, many) = (500, 10_000);
    let mut added = 0;
    // Twenty times as many cost four hundred times as much where the cost grows with the square. A machine that stands
    // still for a moment may look like that once, and not five times.
    let mut tries = 0..5;
    let linear = loop {
        let mut took = vec![];
        for count in [few, many] {
            let targets: Vec<Target> =
                (added..added + count).map(|position| world.new_target(position)).collect();
            added += count;
            let mut transition = world.transition(Shard::of_run(world.run.id)).await;
            transition
                .events
                .extend(targets.iter().map(|target| event(Subject::Target(target.id), "target.selected")));
            transition.changes.push(RowChange::AddTargets(targets));
            let began = Instant::now();
            assert_eq!(world.commit(transition).await.sequence, i64::from(added));
            took.push(began.elapsed());
        }
        let linear = took[1] < took[0] * 100;
        if linear || tries.next().is_none() {
            break linear;
        }
    };
    assert!(linear, "ten thousand targets take more than a hundred times as long as five hundred");
    assert_eq!(world.store().targets_at(world.run.id, 0, 100_000).await.unwrap().len(), added as usize);
    world.assert_sound().await;
}
