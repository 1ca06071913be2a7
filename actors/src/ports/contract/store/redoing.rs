//! Carrying out again: runs that an owner of something else begins, and how many changesets wait for such runs.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World, event, moved_changeset, new_run},
};
use crate::ports::{Message, MessageBody, Recipient, RowChange, Subject};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState, Errand},
    execution::run::{Again, Run, RunOptions, RunState},
    id::{MessageId, RunId, Shard},
    spec::Publication,
};
use std::sync::Arc;

pub(super) async fn a_run_begun_by_another_owner_is_there_once<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let again = Again { repository: "acme/tool".parse().unwrap(), branch: "main".to_owned() };
    let options = RunOptions { again: vec![again], rebase: true, ..RunOptions::default() };
    let new =
        || Run { spec: world.run.spec.clone(), options: options.clone(), ..new_run(world.run.campaign) };
    let begin = async |run: &Run| {
        let mut transition = world.transition(Shard::of_organization(ORGANIZATION)).await;
        transition.changes.push(RowChange::AddRun(Box::new(run.clone())));
        transition.events.push(event(Subject::Run(world.run.id), "run.begun"));
        let (id, to) = (MessageId::of(run.id.0, "start", 0), Recipient::Run(run.id));
        transition.messages.push(Message { id, to, body: MessageBody::Start });
        transition
    };
    let stored = async |run: RunId| world.store().run(run).await.unwrap();
    let first = new();
    world.commit(begin(&first).await).await;
    assert_eq!(stored(first.id).await, Some(first.clone()));
    let home = Shard::of_run(first.id);
    let waiting = world.store().inbox(&[home], 10).await.unwrap();
    assert!(waiting.iter().any(|message| message.to == Recipient::Run(first.id)), "{waiting:?}");

    // Whatever has become of it, it is not begun again.
    let mut running = crate::ports::Transition::new(world.fence(home).await, first.id);
    let moved = Run { state: RunState::Running, version: 2, ..first.clone() };
    running.changes.push(RowChange::Run(moved.clone()));
    world.commit(running).await;
    world.commit(begin(&first).await).await;
    assert_eq!(stored(first.id).await, Some(moved));

    world.harness.pause_campaign(world.run.campaign, Some("ada")).await;
    let held = new();
    world.commit(begin(&held).await).await;
    assert_eq!(stored(held.id).await, Some(held.clone().of_paused(Some("ada"))));
    world.refused(begin(&Run { state: RunState::Running, ..new() }).await, "it is under way already").await;
    let two = Run { id: RunId(uuid::Uuid::new_v4()), ..new() };
    let mut both = begin(&two).await;
    both.changes.push(RowChange::AddRun(Box::new(new())));
    both.changes.push(RowChange::AddRun(Box::new(two.clone())));
    world.refused(both, "the same run twice").await;
    world.assert_sound().await;
}

pub(super) async fn what_is_carried_out_again_is_counted<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 3).await;
    let counted = async || world.store().redoing(&ORGANIZATION.to_uppercase()).await.unwrap();
    let mut all = vec![];
    for target in &targets {
        let changeset = world.new_changeset(target, Publication::Ready);
        world.propose(&changeset).await;
        all.push(changeset);
    }
    assert_eq!(counted().await, 0);
    let with = |row: &Changeset, redo| {
        let errand = Errand { redo, ..row.errand.clone() };
        Changeset { errand, ..moved_changeset(row, ChangesetState::Open) }
    };
    for row in &all[..2] {
        let after = with(row, Some(world.run.id));
        world.commit(world.moved_changeset(row, after).await).await;
    }
    assert_eq!((counted().await, world.store().redoing("other").await.unwrap()), (2, 0));
    let before = world.store().changeset(all[0].id).await.unwrap().unwrap();
    world.commit(world.moved_changeset(&before, with(&before, None)).await).await;
    assert_eq!(counted().await, 1);
}
