//! The inbox: sent once however often, in order, consumed once.

use super::{
    StoreHarness,
    fixture::{World, admitted, moved_run},
};
use crate::ports::RowChange;
use campaigns_domain::{
    execution::{run::RunState, target::TargetState},
    id::{Shard, TargetId},
};
use std::sync::Arc;

async fn waiting<H: StoreHarness>(world: &World<H>, target: TargetId) -> Vec<u32> {
    let messages = world.store().inbox(&[Shard::of_target(target)], 1000).await.unwrap();
    let bodies = messages.into_iter().map(|message| serde_json::to_value(message.body).unwrap());
    bodies.map(|body| u32::try_from(body["attempt"].as_u64().unwrap()).unwrap()).collect()
}

pub(super) async fn messages_wait_in_order_until_consumed<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 200).await;
    let target = targets[0].id;
    let shard = Shard::of_target(target);
    let other = targets.iter().map(|other| other.id).find(|other| Shard::of_target(*other) != shard).unwrap();
    let mut transition = world.transition(Shard::of_run(world.run.id)).await;
    transition.messages.extend([admitted(target, 3), admitted(target, 1), admitted(other, 8)]);
    world.commit(transition).await;
    world.harness.send(Some(world.run.id), &admitted(target, 2)).await;
    assert_eq!(waiting(&world, target).await, [3, 1, 2]);
    assert_eq!(waiting(&world, other).await, [8]);
    let both = [shard, Shard::of_target(other)];
    let oldest = world.store().inbox(&both, 2).await.unwrap();
    assert_eq!(oldest, [admitted(target, 3), admitted(target, 1)]);
    assert!(world.store().inbox(&[], 10).await.unwrap().is_empty());
    let mut transition = world.transition(shard).await;
    transition.consumed.push(admitted(target, 1).id);
    world.commit(transition).await;
    assert_eq!(waiting(&world, target).await, [3, 2]);
}

pub(super) async fn a_message_sent_again_is_sent_once_even_after_it_was_consumed<H: StoreHarness>(
    harness: Arc<H>,
) {
    let (world, targets) = World::with_targets(harness, 1).await;
    let (target, shard) = (targets[0].id, Shard::of_target(targets[0].id));
    let send = async || {
        let mut transition = world.transition(Shard::of_run(world.run.id)).await;
        transition.messages.push(admitted(target, 1));
        world.commit(transition).await;
        world.harness.send(Some(world.run.id), &admitted(target, 1)).await;
    };
    send().await;
    send().await;
    assert_eq!(waiting(&world, target).await, [1]);
    let mut transition = world.transition(shard).await;
    transition.consumed.push(admitted(target, 1).id);
    world.commit(transition).await;
    send().await;
    assert!(waiting(&world, target).await.is_empty());
}

pub(super) async fn a_message_is_consumed_once<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 1).await;
    let target = &targets[0];
    world.harness.send(Some(world.run.id), &admitted(target.id, 1)).await;
    let mut transition = world.moved(target, TargetState::Queued).await;
    transition.consumed.push(admitted(target.id, 1).id);
    world.commit(transition).await;
    let mut again = world.transition(Shard::of_target(target.id)).await;
    again.consumed.push(admitted(target.id, 1).id);
    world.refused(again, "it was consumed").await;
}

pub(super) async fn what_a_run_consumed_is_forgotten_with_its_end<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 1).await;
    let (target, shard) = (targets[0].id, Shard::of_target(targets[0].id));
    for attempt in [1, 2] {
        world.harness.send(Some(world.run.id), &admitted(target, attempt)).await;
    }
    let mut transition = world.transition(shard).await;
    transition.consumed.push(admitted(target, 1).id);
    world.commit(transition).await;
    let mut transition = world.transition(Shard::of_run(world.run.id)).await;
    transition.changes.push(RowChange::Run(moved_run(&world.run, RunState::Cancelled)));
    world.commit(transition).await;
    // What waits stays; what was consumed is not known any more.
    assert_eq!(waiting(&world, target).await, [2]);
    world.harness.send(Some(world.run.id), &admitted(target, 1)).await;
    assert_eq!(waiting(&world, target).await, [2, 1]);
}
