//! Following: what is due to be read, by the store's clock, and what came of a command.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World, moved_changeset, opened},
};
use crate::ports::{Outcome, RowChange, SyncReport, Transition};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    id::{ChangesetId, CommandId, Shard},
    publish::{Checks, Seen},
    reconcile::Due,
    spec::Publication,
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3_600);
const TICK: Duration = Duration::from_millis(1);

fn home() -> Shard {
    Shard::of_organization(ORGANIZATION)
}

/// Open pull requests of as many repositories.
async fn opened_in<H: StoreHarness>(world: &World<H>, count: u64) -> Vec<Changeset> {
    let mut all = vec![];
    for (target, number) in (0..).map(|position| world.new_target(position)).zip(1..=count) {
        let changeset = world.new_changeset(&target, Publication::Ready);
        world.propose(&changeset).await;
        let open = opened(&changeset, number);
        world.commit(world.moved_changeset(&changeset, open.clone()).await).await;
        all.push(open);
    }
    all
}

/// A transition that says nothing but when pull requests are to be read.
async fn due_at<H: StoreHarness>(world: &World<H>, due: &[(ChangesetId, Due)]) -> Transition {
    let mut transition = world.transition(home()).await;
    transition.due = due.to_vec();
    transition
}

async fn due<H: StoreHarness>(world: &World<H>, limit: u32) -> Vec<(ChangesetId, Duration)> {
    let found = world.store().due(&ORGANIZATION.to_uppercase(), limit).await.unwrap();
    found.into_iter().map(|followed| (followed.changeset.id, followed.quiet)).collect()
}

async fn told<H: StoreHarness>(world: &World<H>, shards: &[Shard]) -> Vec<String> {
    world.store().due_organizations(shards).await.unwrap()
}

pub(super) async fn what_is_due_is_told_in_its_order_and_not_before<H: StoreHarness>(harness: Arc<H>) {
    let (world, _) = World::with_targets(harness, 4).await;
    let all = opened_in(&world, 4).await;
    assert_eq!(due(&world, 10).await, [], "nothing has a time yet");
    let times = [(all[0].id, Due::In(2 * HOUR)), (all[1].id, Due::In(HOUR)), (all[2].id, Due::In(3 * HOUR))];
    world.commit(due_at(&world, &times).await).await;
    world.harness.move_clock(HOUR - TICK).await;
    assert_eq!((due(&world, 10).await, told(&world, &[home()]).await), (vec![], vec![]));
    world.harness.move_clock(TICK).await;
    assert_eq!(due(&world, 10).await, [(all[1].id, HOUR)]);
    world.harness.move_clock(2 * HOUR).await;
    let quiet = 3 * HOUR;
    assert_eq!(due(&world, 10).await, [(all[1].id, quiet), (all[0].id, quiet), (all[2].id, quiet)]);
    assert_eq!(due(&world, 2).await, [(all[1].id, quiet), (all[0].id, quiet)]);
    let everywhere: Vec<Shard> = Shard::all().collect();
    assert_eq!(told(&world, &everywhere).await, [ORGANIZATION.to_lowercase()]);
    assert_eq!(told(&world, &[home()]).await, [ORGANIZATION.to_lowercase()]);
    let elsewhere: Vec<Shard> = Shard::all().filter(|shard| *shard != home()).collect();
    assert_eq!(told(&world, &elsewhere).await, Vec::<String>::new());
    assert_eq!(world.store().due("somebody-else", 10).await.unwrap(), []);

    // Reading what did not change moves the time alone.
    let times = [(all[1].id, Due::In(HOUR)), (all[0].id, Due::Never), (all[2].id, Due::In(Duration::ZERO))];
    world.commit(due_at(&world, &times).await).await;
    assert_eq!(due(&world, 10).await, [(all[2].id, quiet)]);
    assert_eq!(world.store().changeset(all[1].id).await.unwrap(), Some(all[1].clone()));
    world.harness.move_clock(1_000 * HOUR).await;
    let left: Vec<_> = due(&world, 10).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, [all[2].id, all[1].id]);
    world.assert_sound().await;
}

pub(super) async fn a_change_sets_the_time_of_the_next_read<H: StoreHarness>(harness: Arc<H>) {
    let (world, _) = World::with_targets(harness, 2).await;
    let all = opened_in(&world, 2).await;
    world.harness.move_clock(HOUR).await;
    let seen = Seen { checks: Checks::Failed, title: "Add a \"licence\"".to_owned(), ..Seen::default() };
    let after = Changeset { seen: Some(seen), ..moved_changeset(&all[0], ChangesetState::Conflicted) };
    let mut transition = world.moved_changeset(&all[0], after.clone()).await;
    transition.due = vec![(after.id, Due::In(HOUR)), (all[1].id, Due::In(2 * HOUR))];
    world.commit(transition).await;
    assert_eq!(world.store().changeset(after.id).await.unwrap(), Some(after.clone()));
    world.harness.move_clock(HOUR).await;
    // What changed has been quiet since it did; what did not has been so since it was opened.
    assert_eq!(due(&world, 10).await, [(after.id, HOUR)]);
    // A change that says nothing of it keeps the time.
    let back = moved_changeset(&after, ChangesetState::Open);
    world.commit(world.moved_changeset(&after, back.clone()).await).await;
    assert_eq!(due(&world, 10).await, [(after.id, Duration::ZERO)]);
    let merged = moved_changeset(&back, ChangesetState::Merged);
    let mut transition = world.moved_changeset(&back, merged).await;
    transition.due = vec![(after.id, Due::Never)];
    world.commit(transition).await;
    world.harness.move_clock(HOUR).await;
    assert_eq!(due(&world, 10).await, [(all[1].id, 3 * HOUR)]);
    world.assert_sound().await;
}

pub(super) async fn only_the_owner_says_when<H: StoreHarness>(harness: Arc<H>) {
    let (world, _) = World::with_targets(harness, 1).await;
    let all = opened_in(&world, 1).await;
    let times = [(all[0].id, Due::In(Duration::ZERO))];
    let stale = due_at(&world, &times).await;
    world.take_over(home()).await;
    world.store().commit(stale).await.unwrap_err();
    let other = Shard((home().0 + 1) % 64);
    let mut foreign = world.transition(other).await;
    foreign.due = times.to_vec();
    world.commit(foreign).await;
    assert_eq!(due(&world, 10).await, []);
    let mut twice = due_at(&world, &times).await;
    twice.due.push((all[0].id, Due::Never));
    world.refused(twice, "two times for one changeset").await;
    world.commit(due_at(&world, &times).await).await;
    assert_eq!(due(&world, 10).await, [(all[0].id, Duration::ZERO)]);
}

pub(super) async fn hints_find_what_is_followed_in_a_repository<H: StoreHarness>(harness: Arc<H>) {
    let (world, _) = World::with_targets(harness, 3).await;
    let all = opened_in(&world, 2).await;
    let unpublished = world.new_changeset(&world.new_target(2), Publication::Ready);
    world.propose(&unpublished).await;
    let found = async |of: &Changeset| {
        world.store().followed_in(&ORGANIZATION.to_uppercase(), of.repository_id).await.unwrap()
    };
    assert_eq!(found(&all[1]).await, [all[1].clone()]);
    assert_eq!(found(&unpublished).await, []);
    let merged = moved_changeset(&all[0], ChangesetState::Merged);
    world.commit(world.moved_changeset(&all[0], merged).await).await;
    assert_eq!(found(&all[0]).await, []);
    assert_eq!(world.store().followed_in("somebody-else", all[1].repository_id).await.unwrap(), []);
}

pub(super) async fn an_outcome_is_written_once<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let command = CommandId(Uuid::new_v4());
    let outcome = |read| Outcome {
        command,
        organization: ORGANIZATION.to_lowercase(),
        report: SyncReport { read, ..SyncReport::default() },
    };
    for read in [3, 5] {
        let mut transition = world.transition(home()).await;
        transition.changes.push(RowChange::Outcome(outcome(read)));
        world.commit(transition).await;
    }
    let told = world.harness.outcome(command, &ORGANIZATION.to_lowercase()).await;
    assert_eq!(told.map(|report| report.read), Some(3), "the first word stands");
    let mut foreign = world.transition(Shard((home().0 + 1) % 64)).await;
    foreign.changes.push(RowChange::Outcome(outcome(7)));
    world.refused(foreign, "an outcome of an organisation of another shard").await;
}
