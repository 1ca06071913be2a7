//! Fences: a commit under an epoch that is over changes nothing.

use super::{
    StoreHarness,
    fixture::{
        ORGANIZATION, World, admitted, begin, event, execute, execution, moved, moved_changeset, moved_run,
        new_run, settled,
    },
};
use crate::ports::{AdmissionState, CommitError, EffectChange, EffectState, RowChange, Subject, Transition};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        run::RunState,
        target::{Target, TargetState},
    },
    id::{ChangesetId, Shard},
    spec::Publication,
};
use std::sync::Arc;
use uuid::Uuid;

/// One transition for each kind of row, all of which would hold.
async fn of_every_kind<H: StoreHarness>(world: &World<H>) -> Vec<(&'static str, Transition)> {
    let (run_shard, organization) = (Shard::of_run(world.run.id), Shard::of_organization(ORGANIZATION));
    let targets: Vec<_> = (0..4).map(|position| world.new_target(position)).collect();
    let mut transition = world.transition(run_shard).await;
    transition.changes.push(RowChange::AddTargets(targets.clone()));
    world.commit(transition).await;
    let mut transition = world.transition(Shard::of_target(targets[0].id)).await;
    transition.effects.push(begin(&execute(&targets[0], 7)));
    world.commit(transition).await;
    let standing = world.new_changeset(&targets[1], Publication::Ready);
    world.propose(&standing).await;
    let waiting = admitted(targets[2].id, 1);
    world.harness.send(Some(world.run.id), &waiting).await;

    let mut all = vec![];
    let mut case = |name, mut transition: Transition, fill: &dyn Fn(&mut Transition)| {
        fill(&mut transition);
        all.push((name, transition));
    };
    case("run", world.transition(run_shard).await, &|t| {
        t.changes.push(RowChange::Run(moved_run(&world.run, RunState::Running)));
    });
    case("new run", world.transition(organization).await, &|t| {
        t.changes.push(RowChange::AddRun(Box::new(new_run(world.run.campaign))));
    });
    case("new targets", world.transition(run_shard).await, &|t| {
        t.changes.push(RowChange::AddTargets(vec![world.new_target(9)]));
    });
    case("admission", world.transition(run_shard).await, &|t| {
        let target = targets[0].id;
        t.changes.push(RowChange::Admission { target, attempt: 1, state: AdmissionState::Open });
    });
    case("target", world.transition(Shard::of_target(targets[0].id)).await, &|t| {
        let after = moved(&targets[0], TargetState::Queued);
        t.changes.push(RowChange::Target { before: targets[0].state, after });
    });
    case("execution", world.transition(Shard::of_target(targets[0].id)).await, &|t| {
        t.changes.push(RowChange::Execution(execution(&targets[0], 1, TargetState::Executing)));
    });
    case("new changeset", world.transition(organization).await, &|t| {
        t.changes.push(RowChange::AddChangeset(world.new_changeset(&targets[3], Publication::Ready)));
    });
    case("changeset", world.transition(organization).await, &|t| {
        let after = Box::new(moved_changeset(&standing, ChangesetState::Publishing));
        t.changes.push(RowChange::Changeset { before: standing.state, after });
    });
    case("event", world.transition(run_shard).await, &|t| {
        t.events.push(event(Subject::Run(world.run.id), "run.created"));
    });
    case("effect begun", world.transition(Shard::of_target(targets[1].id)).await, &|t| {
        t.effects.push(begin(&execute(&targets[1], 1)));
    });
    case("effect done", world.transition(Shard::of_target(targets[0].id)).await, &|t| {
        t.effects.push(EffectChange::Done(execute(&targets[0], 7).id));
    });
    case("message sent", world.transition(organization).await, &|t| {
        t.messages.push(settled(world.run.id, ChangesetId(Uuid::nil()), 1));
    });
    case("message consumed", world.transition(Shard::of_target(targets[2].id)).await, &|t| {
        t.consumed.push(waiting.id);
    });
    all
}

pub(super) async fn an_old_epoch_changes_nothing_of_any_kind<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let cases = of_every_kind(&world).await;
    for (name, old) in &cases {
        let new = world.take_over(old.fence.shard).await;
        assert!(new.epoch > old.fence.epoch, "{name}");
        let before = world.harness.dump().await;
        let answer = world.store().commit(old.clone()).await;
        assert_eq!(answer, Err(CommitError::Fenced(old.fence)), "{name}");
        assert_eq!(world.harness.dump().await, before, "{name}");
    }
    // Under the epochs that hold, each of them does change something.
    for (name, old) in cases {
        let before = world.harness.dump().await;
        let fence = world.fence(old.fence.shard).await;
        world.commit(Transition { fence, ..old }).await;
        assert_ne!(world.harness.dump().await, before, "{name}");
    }
    world.assert_sound().await;
}

pub(super) async fn a_takeover_mints_a_higher_epoch_and_doubts_what_was_in_flight<H: StoreHarness>(
    harness: Arc<H>,
) {
    let (world, targets) = World::with_targets(harness, 200).await;
    // Ids are random: among more targets than there are shards two share one, whichever it is.
    let pair = targets.iter().enumerate().find_map(|(at, one)| {
        let same = |other: &&Target| Shard::of_target(other.id) == Shard::of_target(one.id);
        targets[at + 1..].iter().find(same).map(|other| (one, other))
    });
    let (one, same) = pair.expect("more targets than shards");
    let shard = Shard::of_target(one.id);
    let other = targets.iter().find(|target| Shard::of_target(target.id) != shard).expect("two shards");
    for target in [one, same, other] {
        let mut transition = world.transition(Shard::of_target(target.id)).await;
        transition.effects.push(begin(&execute(target, 1)));
        world.commit(transition).await;
    }
    let mut transition = world.transition(shard).await;
    transition.effects.push(EffectChange::Done(execute(same, 1).id));
    world.commit(transition).await;

    let first = world.fence(shard).await;
    let second = world.take_over(shard).await;
    assert_eq!(second.epoch.0, first.epoch.0 + 1);
    let dump = world.harness.dump().await;
    let state = |target| dump.effects[&execute(target, 1).id].effect.state;
    assert_eq!(state(one), EffectState::Unknown);
    assert_eq!(state(same), EffectState::Done);
    assert_eq!(state(other), EffectState::InFlight);
    let backlog = world.store().backlog(shard).await.unwrap();
    assert_eq!(backlog.effects.iter().map(|effect| effect.id).collect::<Vec<_>>(), [execute(one, 1).id]);
    assert_eq!(backlog.effects[0].state, EffectState::Unknown);

    // Another takeover leaves the doubt, and a new beginning ends it.
    world.take_over(shard).await;
    let mut transition = world.transition(shard).await;
    transition.effects.push(begin(&execute(one, 1)));
    world.commit(transition).await;
    let backlog = world.store().backlog(shard).await.unwrap();
    assert_eq!(backlog.effects[0].state, EffectState::InFlight);
}

pub(super) async fn a_row_of_another_shard_is_refused<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    for (name, transition) in of_every_kind(&world).await {
        // Events, messages to others, and runs that others will own belong to whoever says them.
        if matches!(name, "event" | "message sent" | "new run") {
            continue;
        }
        let elsewhere = Shard((transition.fence.shard.0 + 1) % campaigns_domain::id::SHARDS);
        let fence = world.fence(elsewhere).await;
        world.refused(Transition { fence, ..transition }, name).await;
    }
}
