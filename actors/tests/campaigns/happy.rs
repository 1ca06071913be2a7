//! Campaigns that go as they should, and targets that end in every way there is.

use crate::support::{House, spec};
use campaigns_actors::ports::memory::Script;
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        run::{Again, RunOptions, RunState},
        target::TargetState,
    },
};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn fifty_repositories_become_fifty_open_pull_requests() {
    let house = House::new().with_repositories(50);
    let run = house.begin("hello");
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.targets(run), [(TargetState::Changed, 50)].into());
    assert_eq!(house.changesets(), [(ChangesetState::Open, 50)].into());
    assert!(house.pull_requests().values().all(|count| *count == 1));
    system.drain(Duration::from_secs(5)).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_target_reaches_its_end() {
    let mut house = House::new().with_repositories(6);
    house.add("acme/archived");
    house.host.archive(&house.repository("archived"));
    house.executor.script(&house.repository("r0").name, Script::changes_nothing());
    house.executor.script(&house.repository("r1").name, Script::fails("step 1 ended with exit code 2"));
    house.executor.script(&house.repository("r2").name, Script::writes("a.txt", "a").after_losing(2));
    house.executor.script(&house.repository("r3").name, Script::writes("a.txt", "a").after_losing(9));
    let run = house.begin("kinds");
    let system = house.start().await;
    house.rest(&system).await;
    let expected = [
        (TargetState::Unchanged, 1),
        (TargetState::Changed, 3),
        (TargetState::Failed, 2),
        (TargetState::Skipped, 1),
    ];
    assert_eq!(house.targets(run), expected.into());
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.changesets(), [(ChangesetState::Open, 3)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn the_window_bounds_attempts_retries_included() {
    let mut house = House::new().with_repositories(30);
    house.window = 3;
    for n in 0..30 {
        let script =
            Script::writes("a.txt", "a").taking(Duration::from_secs(7 + n % 5)).after_losing((n % 3) as u32);
        house.executor.script(&house.repository(&format!("r{n}")).name, script);
    }
    let run = house.begin("window");
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.targets(run), [(TargetState::Changed, 30)].into());
    assert_eq!(house.executor.most_at_once(), 3, "the window is used up and never exceeded");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_at_the_host() {
    let house = House::new().with_repositories(5);
    let options = RunOptions { dry_run: true, only: Some("r[0-2]".to_owned()), ..RunOptions::default() };
    let run = house.begin_spec(&spec("dry", "acme", "true"), options);
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.targets(run), [(TargetState::Changed, 3), (TargetState::Skipped, 2)].into());
    assert_eq!(house.changesets(), [(ChangesetState::Unpublished, 3)].into());
    assert!(house.host.calls().iter().all(|call| !call.operation.writes()));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_select_says_why() {
    let house = House::new();
    let run = house.begin_spec(&spec("nobody", "nobody-there", "true"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Failed);
    assert!(house.run(run).reason.contains("nobody-there"), "{}", house.run(run).reason);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_second_run_updates_the_same_pull_requests() {
    let house = House::new().with_repositories(4);
    house.begin("again");
    let system = house.start().await;
    house.rest(&system).await;
    let first = house.changeset("r0");
    for n in 0..4 {
        house
            .executor
            .script(&house.repository(&format!("r{n}")).name, Script::writes("CAMPAIGN.md", "other\n"));
    }
    let second = house.begin("again");
    house.rest(&system).await;
    assert_eq!(house.run_state(second), RunState::Completed);
    let updated = house.changeset("r0");
    assert_eq!((updated.state, updated.generation), (ChangesetState::Open, 2));
    assert_ne!(updated.head, first.head);
    assert_eq!(updated.pull_request, first.pull_request);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_leaves_open_pull_requests_as_they_are() {
    let house = House::new().with_repositories(3);
    house.begin("again");
    let system = house.start().await;
    house.rest(&system).await;
    let before = house.changeset("r0");
    let writes = house.host.calls().iter().filter(|call| call.operation.writes()).count();
    for n in 0..3 {
        house
            .executor
            .script(&house.repository(&format!("r{n}")).name, Script::writes("CAMPAIGN.md", "other\n"));
    }
    let options = RunOptions { dry_run: true, ..RunOptions::default() };
    let dry = house.begin_spec(&spec("again", "acme", "true"), options);
    house.rest(&system).await;
    assert_eq!(house.run_state(dry), RunState::Completed);
    assert_eq!(house.targets(dry), [(TargetState::Changed, 3)].into());
    assert_eq!(house.changeset("r0"), before);
    assert_eq!(house.host.calls().iter().filter(|call| call.operation.writes()).count(), writes);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_is_all_that_its_run_has() {
    let house = House::new().with_repositories(5);
    house.executor.script(&house.repository("r1").name, Script::fails("step 1 ended with exit code 2"));
    let first = house.begin("again");
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.targets(first), [(TargetState::Changed, 4), (TargetState::Failed, 1)].into());
    house.executor.script(&house.repository("r1").name, Script::writes("CAMPAIGN.md", "hello\n"));
    let again = vec![Again { repository: house.repository("r1").name, branch: "main".to_owned() }];
    let options = RunOptions { again, ..RunOptions::default() };
    let second = house.begin_spec(&spec("again", "acme", "true"), options);
    house.rest(&system).await;
    assert_eq!(house.targets(second), [(TargetState::Changed, 1)].into());
    assert_eq!(house.run_state(second), RunState::Completed);
    assert_eq!(house.changesets(), [(ChangesetState::Open, 5)].into());
    house.audit();
}
