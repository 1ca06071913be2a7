//! Having pull requests merged by GitHub's own rules, and never past them.

use crate::support::{ACME, House, spec};
use campaigns_actors::{
    System,
    ports::memory::{Fault, FaultEffect, Operation, SeedFile},
};
use campaigns_domain::{
    changeset::{Ask, Changeset, ChangesetState, Stands},
    execution::run::RunOptions,
    publish::{Bound, Checks, MergeMethod, MergeState, PullRequestState, QueueState},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

const MERGE: Ask = Ask::Merge { method: None };

/// A campaign with one open pull request, whose required checks run.
async fn blocked() -> (House, System) {
    let house = House::new().with_repositories(1);
    house.begin("land");
    let system = house.start().await;
    house.rest(&system).await;
    say(&house, MergeState::Blocked, Checks::Pending);
    (house, system)
}

/// Lets checks and merge button say so.
fn say(house: &House, state: MergeState, checks: Checks) {
    house
        .host
        .change(&house.repository("r0"), 1, |_, said| (said.merge_state, said.checks) = (state, checks));
}

fn stands(changeset: &Changeset) -> &Stands {
    &changeset.errand.merge.as_ref().unwrap().stands
}

fn written(house: &House, operation: Operation) -> usize {
    house.host.calls().iter().filter(|call| call.operation == operation).count()
}

fn is_merged(house: &House) -> bool {
    house.host.pulls(&house.repository("r0"))[0].0.state == PullRequestState::Merged
}

async fn sync(house: &House, system: &System, nth: u32) -> Changeset {
    house.sync(house.changeset("r0").wanted.run, nth);
    house.rest(system).await;
    house.changeset("r0")
}

#[tokio::test(start_paused = true)]
async fn auto_merge_is_turned_on_once_and_merges_by_itself() {
    let (house, system) = blocked().await;
    let repository = house.repository("r0");
    house.host.rule(&repository, |rules| rules.auto_merge = true);
    house.host.add_fault(Fault::next(Operation::EnableAutoMerge, FaultEffect::LoseAnswer));
    house.ask("r0", Ask::Merge { method: Some(MergeMethod::Squash) });
    house.rest(&system).await;
    let on = house.changeset("r0");
    let head = on.head.clone().unwrap();
    assert_eq!(
        (on.state, stands(&on)),
        (ChangesetState::Open, &Stands::Arranged { head, method: MergeMethod::Squash })
    );
    assert_eq!(written(&house, Operation::EnableAutoMerge), 1, "its answer was lost, and it was looked at");
    // A commit of ours leaves it on, and it is known for the new head.
    house.changes_again("other\n");
    house.begin("land");
    house.rest(&system).await;
    let next = house.changeset("r0");
    let head = next.head.clone().unwrap();
    assert_ne!(Some(&head), on.head.as_ref());
    assert_eq!(stands(&next), &Stands::Arranged { head, method: MergeMethod::Squash });
    assert_eq!(written(&house, Operation::EnableAutoMerge), 1);
    house.host.merge(&repository, 1);
    let merged = sync(&house, &system, 1).await;
    assert_eq!((merged.state, merged.errand.merge), (ChangesetState::Merged, None));
    assert_eq!(written(&house, Operation::Merge), 0, "nothing of ours merged it");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_a_person_turns_off_is_not_turned_on_again() {
    let house = House::new().with_repositories(1);
    let repository = house.repository("r0");
    house.host.rule(&repository, |rules| rules.auto_merge = true);
    let wanted = format!("{}  autoMerge: true\n", spec("land", ACME, "draft"));
    house.begin_spec(&wanted, RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert!(matches!(stands(&house.changeset("r0")), Stands::Waits { .. }), "a draft is not merged");
    say(&house, MergeState::Blocked, Checks::Pending);
    house.ask("r0", Ask::Ready);
    house.rest(&system).await;
    let on = house.changeset("r0");
    assert!(matches!(stands(&on), Stands::Arranged { .. }), "the spec wants it: {:?}", on.errand);
    house.host.change(&repository, 1, |_, said| said.auto_merge = None);
    let off = sync(&house, &system, 1).await;
    assert!(matches!(stands(&off), Stands::Stopped { theirs: true, .. }), "{:?}", off.errand);
    house.changes_again("other\n");
    house.begin_spec(&wanted, RunOptions::default());
    house.rest(&system).await;
    assert!(matches!(stands(&house.changeset("r0")), Stands::Stopped { theirs: true, .. }));
    assert_eq!(written(&house, Operation::EnableAutoMerge), 1);
    house.ask("r0", MERGE);
    house.rest(&system).await;
    assert!(matches!(stands(&house.changeset("r0")), Stands::Arranged { .. }));
    assert_eq!(written(&house, Operation::EnableAutoMerge), 2);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn whoever_may_pass_the_rules_merges_nothing_directly() {
    let may_pass = Bound::MayPass("the ruleset \"main\"".to_owned());
    for bound in [may_pass, Bound::Unread("the token may not read the rules".to_owned())] {
        let (house, system) = blocked().await;
        house.host.rule(&house.repository("r0"), |rules| rules.bound = bound.clone());
        say(&house, MergeState::Blocked, Checks::Failed);
        house.ask("r0", MERGE);
        house.rest(&system).await;
        let red = house.changeset("r0");
        assert!(
            matches!(stands(&red), Stands::Waits { reason } if reason.contains("a check failed")),
            "{red:?}"
        );
        // Not even once it is green: what holds then may not hold a moment later.
        say(&house, MergeState::Clean, Checks::Passed);
        let green = sync(&house, &system, 1).await;
        assert!(matches!(stands(&green), Stands::Stopped { theirs: false, .. }), "{green:?}");
        assert_eq!((written(&house, Operation::Merge), is_merged(&house)), (0, false));
        house.audit();
    }
}

#[tokio::test(start_paused = true)]
async fn where_auto_merge_is_not_allowed_it_is_merged_once_everything_is_green() {
    let (house, system) = blocked().await;
    house.ask("r0", MERGE);
    house.rest(&system).await;
    let waits = house.changeset("r0");
    let Stands::Waits { reason } = stands(&waits) else { panic!("{waits:?}") };
    assert!(reason.contains("checks are running") && reason.contains("allow auto-merge"), "{reason}");
    // A check that is not required is no matter to GitHub, and is one to us.
    say(&house, MergeState::Unstable, Checks::Failed);
    sync(&house, &system, 1).await;
    assert!(!is_merged(&house));
    say(&house, MergeState::Clean, Checks::Passed);
    // The answer is lost, and what came of it is looked at.
    house.host.add_fault(Fault::next(Operation::Merge, FaultEffect::LoseAnswer));
    assert_eq!(sync(&house, &system, 2).await.state, ChangesetState::Merged);
    assert_eq!((written(&house, Operation::Merge), is_merged(&house)), (1, true));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_push_between_looking_and_merging_leaves_it_open() {
    let (house, system) = blocked().await;
    let repository = house.repository("r0");
    say(&house, MergeState::Clean, Checks::Passed);
    let held = Arc::new(Semaphore::new(0));
    house.host.add_fault(Fault::next(Operation::MergeRules, FaultEffect::HoldAnswer(held.clone())));
    house.ask("r0", MERGE);
    while written(&house, Operation::MergeRules) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let branch = house.changeset("r0").head_branch;
    house.host.push(&repository, &branch, &[SeedFile::new("x", "mine")], "Mine").unwrap();
    held.add_permits(1);
    house.rest(&system).await;
    assert_eq!(
        (written(&house, Operation::Merge), is_merged(&house)),
        (1, false),
        "the head was not ours any more"
    );
    assert_eq!(sync(&house, &system, 1).await.state, ChangesetState::HandedOver);
    assert_eq!(house.changeset("r0").errand.merge, None);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_entered_at_its_end_and_never_passed() {
    let (house, system) = blocked().await;
    let repository = house.repository("r0");
    house.host.rule(&repository, |rules| rules.queue = true);
    house.ask("r0", MERGE);
    house.rest(&system).await;
    assert_eq!(written(&house, Operation::Enqueue), 0, "something is missing yet");
    say(&house, MergeState::Clean, Checks::Passed);
    let queued = sync(&house, &system, 1).await;
    assert!(matches!(stands(&queued), Stands::Queued { .. }), "{queued:?}");
    house.host.change(&repository, 1, |_, said| {
        (said.queue, said.queue_position) = (Some(QueueState::AwaitingChecks), Some(1));
    });
    let moved = sync(&house, &system, 2).await.seen.unwrap();
    assert_eq!((moved.queue, moved.queue_position), (Some(QueueState::AwaitingChecks), Some(1)));
    // Thrown out: that is GitHub's word, or a person's.
    house.host.change(&repository, 1, |_, said| (said.queue, said.queue_position) = (None, None));
    let out = sync(&house, &system, 3).await;
    assert!(matches!(stands(&out), Stands::Stopped { theirs: true, .. }), "{out:?}");
    assert_eq!((written(&house, Operation::Enqueue), written(&house, Operation::Merge)), (1, 0));
    house.audit();
}
