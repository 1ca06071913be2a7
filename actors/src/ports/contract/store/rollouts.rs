//! Rollouts: what happened to each wave is counted, what is held is in no queue, and who is urgent is read first.
//!
//! Deliberately absent: what follows from the numbers.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World, event, moved, moved_changeset, moved_run, new_run, opened, spec},
};
use crate::ports::{Message, MessageBody, Recipient, RowChange, Subject, Wanted};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEvent, ChangesetState, Checks, News, Place, Review},
    execution::{
        rollout::Progress,
        run::{Run, RunState},
        target::TargetState,
    },
    id::{MessageId, Shard},
    publish::rollout::WaveCounts,
    spec::{Priority, Publication},
};
use chrono::TimeDelta;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// How long checks have to have stood as they are.
const LONG: Duration = Duration::from_secs(600);

fn gated(mut changeset: Changeset) -> Changeset {
    changeset.wanted.gated = true;
    changeset.held = changeset.state == ChangesetState::Scheduled;
    changeset
}

async fn record<H: StoreHarness>(world: &World<H>, run: &Run) {
    let mut transition = world.transition(Shard::of_run(run.id)).await;
    transition.changes.push(RowChange::Run(run.clone()));
    world.commit(transition).await;
}

pub(super) async fn waves_are_counted_and_what_is_held_is_in_no_queue<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 5).await;
    let (store, run) = (world.store(), world.run.id);
    let progress = Progress { ends: vec![2, 2, 5], ..Progress::default() };
    let running = Run { rollout: progress, total: 5, ..moved_run(&world.run, RunState::Running) };
    record(&world, &running).await;
    assert_eq!(store.run(run).await.unwrap(), Some(running.clone()));
    assert_eq!(store.backlog(Shard::of_run(run)).await.unwrap().rollouts, [run]);

    world.commit(world.moved(&targets[4], TargetState::Failed).await).await;
    let mut changesets = vec![];
    for target in &targets[..4] {
        let changeset = gated(world.new_changeset(target, Publication::Ready));
        world.propose(&changeset).await;
        assert_eq!(store.changeset(changeset.id).await.unwrap(), Some(changeset.clone()));
        changesets.push(changeset);
    }
    assert_eq!(store.scheduled(ORGANIZATION, 10).await.unwrap(), []);

    // One was opened, and one of the second wave is merged.
    let (released, _) = changesets[0].apply(&ChangesetEvent::Released).into_applied().unwrap();
    world.commit(world.moved_changeset(&changesets[0], released.clone()).await).await;
    assert_eq!(store.scheduled(ORGANIZATION, 10).await.unwrap(), std::slice::from_ref(&released));
    world.commit(world.moved_changeset(&released, opened(&released, 1)).await).await;
    let merged = Changeset { held: false, ..moved_changeset(&changesets[2], ChangesetState::Merged) };
    world.commit(world.moved_changeset(&changesets[2], merged).await).await;

    let none = BTreeSet::new();
    let counts = store.rollout_counts(run, &[2, 2, 5], &none, LONG).await.unwrap();
    let first =
        WaveCounts { targets: 2, unfinished: 2, waiting: 1, open: 1, pending: 1, ..WaveCounts::default() };
    let third = WaveCounts {
        targets: 3,
        unfinished: 2,
        failed: 1,
        waiting: 1,
        merged: 1,
        passed: 1,
        ..WaveCounts::default()
    };
    assert_eq!(counts.waves, [first, WaveCounts::default(), third]);
    assert_eq!(counts.releasing, none);

    // One that was let through and not taken note of counts as being on its way.
    let asked = BTreeSet::from([changesets[1].id, changesets[0].id]);
    let counts = store.rollout_counts(run, &[2, 2, 5], &asked, LONG).await.unwrap();
    assert_eq!(counts.waves[0], WaveCounts { waiting: 0, coming: 1, ..first });
    assert_eq!(counts.releasing, BTreeSet::from([changesets[1].id]));

    let held = async |before, opened, except: &BTreeSet<_>, limit| {
        let wanted = Wanted { before, opened, except: except.clone(), limit };
        let found = store.held(run, &wanted).await.unwrap();
        assert!(
            found.iter().all(|held| held.organization == ORGANIZATION.to_lowercase() && held.version == 1)
        );
        found.into_iter().map(|held| held.changeset).collect::<Vec<_>>()
    };
    assert_eq!(held(5, false, &none, 10).await, [changesets[1].id, changesets[3].id]);
    assert_eq!(held(2, false, &none, 10).await, [changesets[1].id]);
    assert_eq!(held(5, false, &asked, 10).await, [changesets[3].id]);
    assert_eq!(held(5, false, &none, 1).await, [changesets[1].id]);
    assert_eq!(held(5, true, &none, 10).await, []);

    // What a run that was cancelled holds is still to be seen to; one that completed holds nothing.
    let cancelled = Run { version: running.version + 1, state: RunState::Cancelled, ..running.clone() };
    record(&world, &cancelled).await;
    assert_eq!(store.backlog(Shard::of_run(run)).await.unwrap().rollouts, [run]);
    world.assert_sound().await;
}

pub(super) async fn what_is_proposed_and_not_taken_up_is_not_done<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 2).await;
    let (store, run) = (world.store(), world.run.id);
    let changeset = world.new_changeset(&targets[0], Publication::Ready);
    let message = Message {
        id: MessageId::of(targets[0].id.0, "proposed", 1),
        to: Recipient::Organization(ORGANIZATION.to_owned()),
        body: MessageBody::Proposed {
            place: Box::new(Place {
                campaign: changeset.campaign,
                repository_id: changeset.repository_id,
                repository: changeset.repository.clone(),
                base_branch: changeset.base_branch.clone(),
                head_branch: changeset.head_branch.clone(),
            }),
            proposal: Box::new(changeset.wanted.clone()),
        },
    };
    let mut ended = world.moved(&targets[0], TargetState::Changed).await;
    ended.messages.push(message.clone());
    world.commit(ended).await;
    world.commit(world.moved(&targets[1], TargetState::Unchanged).await).await;
    let count = async || {
        let counts = store.rollout_counts(run, &[1, 2], &BTreeSet::new(), LONG).await.unwrap();
        (counts.waves[0], counts.waves[1])
    };
    let one = WaveCounts { targets: 1, ..WaveCounts::default() };
    assert_eq!(count().await, (WaveCounts { unfinished: 1, ..one }, one));

    let mut taken_up = world.transition(Shard::of_organization(ORGANIZATION)).await;
    taken_up.consumed.push(message.id);
    taken_up.changes.push(RowChange::AddChangeset(changeset));
    world.commit(taken_up).await;
    assert_eq!(count().await, (WaveCounts { coming: 1, ..one }, one));
    world.assert_sound().await;
}

pub(super) async fn checks_are_counted_and_none_at_all_only_after_a_while<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 4).await;
    let (store, run) = (world.store(), world.run.id);
    let mut open = vec![];
    for (number, target) in (1..).zip(&targets) {
        let changeset = world.new_changeset(target, Publication::Ready);
        world.propose(&changeset).await;
        let after = opened(&changeset, number);
        world.commit(world.moved_changeset(&changeset, after.clone()).await).await;
        open.push(after);
    }
    let counts = async || {
        let counts = store.rollout_counts(run, &[4], &BTreeSet::new(), LONG).await.unwrap();
        let WaveCounts { passed, checks_failed, pending, .. } = counts.waves[0];
        ((passed, checks_failed, pending), counts.settles)
    };
    let mut notice = async |index: usize, news: News| {
        let (after, _) = open[index].apply(&ChangesetEvent::Noticed { news }).into_applied().unwrap();
        world.commit(world.moved_changeset(&open[index], after.clone()).await).await;
        open[index] = after;
    };
    // Nobody has read any of them.
    assert_eq!(counts().await, ((0, 0, 4), None));
    for (index, checks) in (0..).zip([Checks::Passed, Checks::Failed, Checks::Pending, Checks::None]) {
        notice(index, News::Checks(checks)).await;
    }
    let now = store.rollout_mark(run).await.unwrap().now;
    let ((passed, failed, pending), settles) = counts().await;
    assert_eq!((passed, failed, pending), (1, 1, 2));
    assert!((settles.unwrap() - LONG - now).abs() < TimeDelta::seconds(60), "{settles:?} at {now}");
    world.harness.move_clock(LONG / 2).await;
    // What else is read of it does not count from new.
    notice(3, News::Review(Review::Approved)).await;
    let (counted, later) = counts().await;
    assert_eq!(counted, (1, 1, 2));
    assert!((later.unwrap() - settles.unwrap()).abs() < TimeDelta::seconds(60), "{settles:?}, {later:?}");
    world.harness.move_clock(LONG).await;
    assert_eq!(counts().await, ((2, 1, 1), None));
    // They came late after all, and failed.
    notice(3, News::Checks(Checks::Failed)).await;
    assert_eq!(counts().await, ((1, 2, 1), None));
    world.assert_sound().await;
}

pub(super) async fn a_mark_moves_with_whatever_happens<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 2).await;
    let (store, run) = (world.store(), world.run.id);
    let before = store.rollout_mark(run).await.unwrap();
    assert_eq!(store.rollout_mark(run).await.unwrap().events, before.events);
    world.commit(world.moved(&targets[0], TargetState::Queued).await).await;
    let mut transition = world.moved(&moved(&targets[0], TargetState::Queued), TargetState::Executing).await;
    transition.events.push(event(Subject::Target(targets[0].id), "target.moved"));
    world.commit(transition).await;
    assert_eq!(store.rollout_mark(run).await.unwrap().events, before.events + 3);
    world.harness.move_clock(Duration::from_secs(3600)).await;
    assert!(store.rollout_mark(run).await.unwrap().now >= before.now + Duration::from_secs(3600));
    let control = store.run_control(run).await.unwrap().unwrap();
    assert!(control.at.unwrap() >= before.now + Duration::from_secs(3600));
}

pub(super) async fn who_is_urgent_is_read_first<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 3).await;
    let other = new_run(world.run.campaign);
    world.harness.add_run(&spec(), &other).await;
    let mut all = vec![];
    for (target, run) in targets.iter().zip([world.run.id, other.id, world.run.id]) {
        let changeset = world.changeset_of(target, Publication::Ready, run);
        world.propose(&changeset).await;
        all.push(changeset.id);
    }
    let read = async |limit| {
        let found = world.store().scheduled(ORGANIZATION, limit).await.unwrap();
        found.into_iter().map(|changeset| changeset.id).collect::<Vec<_>>()
    };
    assert_eq!(read(10).await, all);
    let mut urgent = moved_run(&other, RunState::Running);
    urgent.rollout.pace.priority = Some(Priority::Urgent);
    record(&world, &urgent).await;
    assert_eq!(read(10).await, [all[1], all[0], all[2]]);
    assert_eq!(read(2).await, [all[1], all[0]]);
    let pace = world.store().run_control(other.id).await.unwrap().unwrap().pace;
    assert_eq!(pace, urgent.rollout.pace);
}
