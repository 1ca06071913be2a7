//! Pauses: what a run may do is read from its row, its campaign's, and what waits for its owner; what a pause holds
//! keeps its turn.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World, moved_changeset, moved_run, new_run},
};
use crate::ports::{Message, MessageBody, Recipient, RowChange, RunControl};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        rollout::Pace,
        run::{Run, RunState},
    },
    id::{CommandId, MessageId, Shard},
    spec::Publication,
};
use std::sync::Arc;
use uuid::Uuid;

fn message(run: &Run, nth: u32, body: impl Fn(String, CommandId) -> MessageBody) -> Message {
    let command = CommandId(Uuid::from_u128(u128::from(nth)));
    let id = MessageId::of(run.id.0, "steer", nth);
    Message { id, to: Recipient::Run(run.id), body: body("ada".to_owned(), command) }
}

fn pause(run: &Run, nth: u32) -> Message {
    message(run, nth, |by, command| MessageBody::PauseRun { by, command })
}

fn resume(run: &Run, nth: u32) -> Message {
    message(run, nth, |by, command| MessageBody::ResumeRun { by, command })
}

/// The run's owner takes a message up.
async fn take_up<H: StoreHarness>(world: &World<H>, run: &Run, message: &Message) {
    let mut transition = world.transition(Shard::of_run(run.id)).await;
    transition.changes.push(RowChange::Run(run.clone()));
    transition.consumed.push(message.id);
    world.commit(transition).await;
}

pub(super) async fn a_pause_holds_before_its_owner_has_heard_of_it<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let control = async || {
        let control = world.store().run_control(world.run.id).await.unwrap().unwrap();
        RunControl { at: None, ..control }
    };
    let free = RunControl { state: RunState::Running, paused: None, pace: Pace::default(), at: None };
    let paused = |by: &str| RunControl { paused: Some(by.to_owned()), ..free.clone() };
    let mut run = moved_run(&world.run, RunState::Running);
    take_up_nothing(&world, &run).await;
    assert_eq!(control().await, free);

    world.harness.send(Some(run.id), &pause(&run, 1)).await;
    assert_eq!(control().await, paused("ada"));
    run = Run { paused: Some("ada".to_owned()), ..moved_run(&run, RunState::Running) };
    take_up(&world, &run, &pause(&run, 1)).await;
    assert_eq!(control().await, paused("ada"));
    assert_eq!(world.store().run(run.id).await.unwrap(), Some(run.clone()));

    // The owner has not resumed it yet.
    world.harness.send(Some(run.id), &resume(&run, 2)).await;
    assert_eq!(control().await, paused("ada"));
    run = Run { paused: None, ..moved_run(&run, RunState::Running) };
    take_up(&world, &run, &resume(&run, 2)).await;
    assert_eq!(control().await, free);

    // Only the newest word counts.
    world.harness.send(Some(run.id), &pause(&run, 3)).await;
    world.harness.send(Some(run.id), &resume(&run, 4)).await;
    assert_eq!(control().await, free);
    world.harness.pause_campaign(run.campaign, Some("bea")).await;
    assert_eq!(control().await, paused("bea"));
    world.harness.pause_campaign(run.campaign, None).await;
    let cancel = message(&run, 5, |by, command| MessageBody::CancelRun { by, command });
    world.harness.send(Some(run.id), &cancel).await;
    assert_eq!(control().await.state, RunState::Cancelled);
}

async fn take_up_nothing<H: StoreHarness>(world: &World<H>, run: &Run) {
    let mut transition = world.transition(Shard::of_run(run.id)).await;
    transition.changes.push(RowChange::Run(run.clone()));
    world.commit(transition).await;
}

pub(super) async fn what_a_pause_holds_keeps_its_turn<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 3).await;
    let other = new_run(world.run.campaign);
    world.harness.add_run(&super::fixture::spec(), &other).await;
    let mut all = vec![];
    for (target, run) in targets.iter().zip([world.run.id, other.id, world.run.id]) {
        let changeset = world.changeset_of(target, Publication::Ready, run);
        world.propose(&changeset).await;
        all.push(changeset.id);
    }
    let turns = async || {
        let found = world.store().scheduled(ORGANIZATION, 100).await.unwrap();
        (
            found.into_iter().map(|changeset| changeset.id).collect::<Vec<_>>(),
            world.store().holds(ORGANIZATION).await.unwrap(),
        )
    };
    assert_eq!(turns().await, (all.clone(), false));
    let paused = Run { paused: Some("ada".to_owned()), ..moved_run(&world.run, RunState::Running) };
    take_up_nothing(&world, &paused).await;
    assert_eq!(turns().await, (vec![all[1]], true));
    world.harness.pause_campaign(world.run.campaign, Some("ada")).await;
    assert_eq!(turns().await, (vec![], true));
    assert_eq!(
        world.store().backlog(Shard::of_organization(ORGANIZATION)).await.unwrap().organizations,
        [ORGANIZATION.to_lowercase()],
        "a new owner looks after what is held"
    );
    world.harness.pause_campaign(world.run.campaign, None).await;
    take_up_nothing(&world, &Run { paused: None, ..moved_run(&paused, RunState::Running) }).await;
    assert_eq!(turns().await, (all.clone(), false));
    // One that is paused by itself has no turn, whatever else goes on; whoever resumes it gives it one.
    let before = world.store().changeset(all[1]).await.unwrap().unwrap();
    let mut after = moved_changeset(&before, ChangesetState::Scheduled);
    after.errand.paused = Some("anna".to_owned());
    world.commit(world.moved_changeset(&before, after.clone()).await).await;
    assert_eq!(world.store().changeset(all[1]).await.unwrap(), Some(after));
    assert_eq!(turns().await, (vec![all[0], all[2]], false));
    world.assert_sound().await;
}
