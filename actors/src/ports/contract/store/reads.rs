//! Reads: what was written comes back, in the order that the port promises.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World, moved, moved_changeset, moved_run, new_run, opened, spec},
};
use crate::ports::{AdmissionState, RowChange};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::{
        rollout::Pace,
        run::RunState,
        target::{Target, TargetState},
    },
    id::{CampaignId, Digest, Shard},
    spec::Publication,
};
use std::sync::Arc;
use uuid::Uuid;

pub(super) async fn a_run_is_read_with_its_admissions<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 5).await;
    let store = world.store();
    assert_eq!(store.run(world.run.id).await.unwrap(), Some(world.run.clone()));
    assert_eq!(store.spec(&world.run.spec).await.unwrap(), Some(spec()));
    assert_eq!(store.spec(&Digest::of(b"nothing")).await.unwrap(), None);
    let nowhere = new_run(world.run.campaign);
    assert_eq!(store.run(nowhere.id).await.unwrap(), None);
    assert_eq!(store.run_control(nowhere.id).await.unwrap(), None);

    let mut after = moved_run(&world.run, RunState::Running);
    after.reason = "all is well".to_owned();
    (after.window, after.total, after.next_position, after.ended) = (9, 5, 3, 2);
    (after.proposed, after.settled) = (2, 1);
    let mut transition = world.transition(Shard::of_run(world.run.id)).await;
    transition.changes.push(RowChange::Run(after.clone()));
    for (target, attempt, state) in [
        (3, 1, AdmissionState::Open),
        (1, 2, AdmissionState::Asked),
        (0, 2, AdmissionState::Asked),
        (2, 1, AdmissionState::Closed),
    ] {
        transition.changes.push(RowChange::Admission { target: targets[target].id, attempt, state });
    }
    world.commit(transition).await;
    after.open.insert((targets[3].id, 1));
    after.again = vec![(targets[1].id, 2), (targets[0].id, 2)];
    assert_eq!(store.run(world.run.id).await.unwrap(), Some(after.clone()));
    let control = store.run_control(world.run.id).await.unwrap().unwrap();
    assert_eq!((control.state, control.paused, control.pace), (RunState::Running, None, Pace::default()));

    // Admitted in its turn, and closed.
    let mut transition = world.transition(Shard::of_run(world.run.id)).await;
    for (target, attempt, state) in [(1, 2, AdmissionState::Open), (3, 1, AdmissionState::Closed)] {
        transition.changes.push(RowChange::Admission { target: targets[target].id, attempt, state });
    }
    world.commit(transition).await;
    after.open = [(targets[1].id, 2)].into();
    after.again = vec![(targets[0].id, 2)];
    assert_eq!(store.run(world.run.id).await.unwrap(), Some(after));
}

pub(super) async fn targets_are_read_by_position_and_end<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 6).await;
    let store = world.store();
    let skipped = Target { state: TargetState::Skipped, ..world.new_target(6) };
    let mut transition = world.transition(Shard::of_run(world.run.id)).await;
    transition.changes.push(RowChange::AddTargets(vec![skipped.clone()]));
    world.commit(transition).await;
    let ids =
        |range: std::ops::Range<usize>| targets[range].iter().map(|target| target.id).collect::<Vec<_>>();
    assert_eq!(store.targets_at(world.run.id, 0, 100).await.unwrap(), ids(0..6));
    assert_eq!(store.targets_at(world.run.id, 2, 3).await.unwrap(), ids(2..5));
    assert_eq!(store.targets_at(world.run.id, 6, 3).await.unwrap(), []);
    assert_eq!(store.target(skipped.id).await.unwrap(), Some(skipped));
    assert_eq!(store.target(world.new_target(99).id).await.unwrap(), None);
    for (target, to) in targets.iter().zip([TargetState::Queued, TargetState::Executing, TargetState::Failed])
    {
        world.commit(world.moved(target, to).await).await;
    }
    assert_eq!(store.target(targets[1].id).await.unwrap(), Some(moved(&targets[1], TargetState::Executing)));
    let mut unfinished = ids(0..2);
    unfinished.extend(ids(3..6));
    assert_eq!(store.unfinished_targets(world.run.id).await.unwrap(), unfinished);
}

pub(super) async fn changesets_are_read_by_turn_and_by_id<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 6).await;
    let store = world.store();
    let changesets: Vec<Changeset> =
        targets.iter().map(|target| world.new_changeset(target, Publication::Ready)).collect();
    for changeset in &changesets {
        world.propose(changeset).await;
        assert_eq!(store.changeset(changeset.id).await.unwrap(), Some(changeset.clone()));
    }
    let ids = async |limit| {
        let found = store.scheduled(&ORGANIZATION.to_uppercase(), limit).await.unwrap();
        found.into_iter().map(|changeset| changeset.id).collect::<Vec<_>>()
    };
    let all: Vec<_> = changesets.iter().map(|changeset| changeset.id).collect();
    assert_eq!(ids(100).await, all);
    assert_eq!(ids(2).await, all[..2]);
    let backlog = store.backlog(Shard::of_organization(ORGANIZATION)).await.unwrap();
    assert_eq!(backlog.organizations, [ORGANIZATION.to_lowercase()]);

    // A new content keeps its place; whoever was put off goes to the end.
    let renewed = moved_changeset(&changesets[1], ChangesetState::Scheduled);
    world.commit(world.moved_changeset(&changesets[1], renewed).await).await;
    let publishing = moved_changeset(&changesets[0], ChangesetState::Publishing);
    world.commit(world.moved_changeset(&changesets[0], publishing.clone()).await).await;
    assert_eq!(ids(100).await, all[1..]);
    let put_off = moved_changeset(&publishing, ChangesetState::Scheduled);
    world.commit(world.moved_changeset(&publishing, put_off.clone()).await).await;
    let mut turns = all[1..].to_vec();
    turns.push(all[0]);
    assert_eq!(ids(100).await, turns);

    let mut followed = vec![];
    for (changeset, number) in changesets[2..].iter().zip(1..) {
        let open = opened(changeset, number);
        world.commit(world.moved_changeset(changeset, open.clone()).await).await;
        assert_eq!(store.changeset(open.id).await.unwrap(), Some(open.clone()));
        followed.push(open);
    }
    let merged = moved_changeset(&followed[0], ChangesetState::Merged);
    world.commit(world.moved_changeset(&followed.remove(0), merged).await).await;
    let closed = moved_changeset(&followed[0], ChangesetState::Closed);
    world.commit(world.moved_changeset(&followed[0], closed.clone()).await).await;
    followed[0] = closed;
    followed.sort_by_key(|changeset| changeset.id);
    let page = async |campaign, after, limit| {
        let found = store.followed(campaign, ORGANIZATION, after, limit).await.unwrap();
        found.into_iter().map(|followed| followed.changeset).collect::<Vec<_>>()
    };
    let campaign = world.run.campaign;
    assert_eq!(page(campaign, None, 100).await, followed);
    assert_eq!(page(campaign, None, 2).await, followed[..2]);
    assert_eq!(page(campaign, Some(followed[1].id), 2).await, followed[2..]);
    assert_eq!(page(CampaignId(Uuid::new_v4()), None, 100).await, []);
    world.assert_sound().await;
}
