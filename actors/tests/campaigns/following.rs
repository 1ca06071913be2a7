//! What comes after: cancelling, syncing with what people did at the host, limits and turns.

use crate::support::{ACME, House, spec};
use campaigns_actors::{
    System,
    ports::{
        CodeHostError,
        memory::{Fault, FaultEffect, Operation, Script, SeedFile},
    },
};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        run::{RunOptions, RunState},
        target::TargetState,
    },
    id::RunId,
    publish::budget::{Budget, Cap, Counted},
};
use std::time::Duration;

/// One window over an organisation, and no other limit.
fn capped(counted: Counted, seconds: u32, cap: u32) -> Budget {
    Budget { organization: vec![Cap::new(counted, seconds, cap)], ..Budget::unlimited() }
}

/// Lets time go by until a run has ended.
async fn ended(house: &House, run: RunId) {
    let ends = async {
        while !house.run_state(run).is_end() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(48 * 3600), ends).await.expect("the run does not end");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_starts_nothing_more() {
    let mut house = House::new().with_repositories(40);
    house.window = 4;
    // Two pull requests an hour: most changesets wait when the run is cancelled.
    house.settings.budget = capped(Counted::PullRequests, 3600, 2);
    for n in 0..40 {
        let script = Script::writes("a.txt", "a").taking(Duration::from_secs(10));
        house.executor.script(&house.repository(&format!("r{n}")).name, script);
    }
    let run = house.begin("cancelled");
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(45)).await;
    let begun = house.executor.began().len();
    assert_eq!(house.pull_requests().values().sum::<usize>(), 2);
    house.cancel(run);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(house.run_state(run), RunState::Cancelled);
    assert_eq!(house.executor.began().len(), begun, "attempts were started after the cancellation");
    house.rest(&system).await;
    assert_eq!(
        house.pull_requests().values().sum::<usize>(),
        2,
        "pull requests were opened after the cancellation"
    );
    let targets = house.targets(run);
    assert!(targets[&TargetState::Cancelled] >= 20, "{targets:?}");
    let changesets = house.changesets();
    assert_eq!(
        changesets.keys().copied().collect::<Vec<_>>(),
        [ChangesetState::Open, ChangesetState::Blocked]
    );
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_run_is_cancelled_while_it_selects() {
    let house = House::new().with_repositories(3);
    let unavailable = FaultEffect::Refuse(CodeHostError::Unavailable("502".to_owned()));
    house.host.add_fault(Fault { times: 7, ..Fault::next(Operation::Repositories, unavailable) });
    let run = house.begin("early");
    let system = house.start().await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    house.cancel(run);
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Cancelled);
    assert!(house.targets(run).is_empty());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_people_did_is_seen() {
    let house = House::new().with_repositories(5);
    let run = house.begin("seen");
    let system = house.start().await;
    house.rest(&system).await;
    let number = |name: &str| house.changeset(name).pull_request.unwrap().number;
    house.host.merge(&house.repository("r0"), number("r0"));
    house.host.close(&house.repository("r1"), number("r1"));
    let branch = house.changeset("r2").head_branch;
    house.host.push(&house.repository("r2"), &branch, &[SeedFile::new("x", "mine")], "A human's").unwrap();
    house.host.merge(&house.repository("r3"), number("r3"));
    let unavailable = FaultEffect::Refuse(CodeHostError::Unavailable("502".to_owned()));
    house.host.add_fault(Fault::next(Operation::ReadPullRequests, unavailable).of("r3"));
    house.sync(run, 1);
    house.rest(&system).await;
    let state = |name: &str| house.changeset(name).state;
    assert_eq!(state("r0"), ChangesetState::Merged);
    assert_eq!(state("r1"), ChangesetState::Closed);
    assert_eq!(state("r2"), ChangesetState::HandedOver);
    assert_eq!(state("r3"), ChangesetState::Open, "an error is not an observation");
    assert_eq!(state("r4"), ChangesetState::Open);
    house.audit();
    let report = house.outcome(1);
    // That r4 can be merged was not known before.
    assert_eq!((report.read, report.changed, report.failed), (4, 4, 1), "{report:?}");
    assert_eq!(report.failures[0].repository, "acme/r3");
    assert!(report.failures[0].reason.contains("502"), "{report:?}");
    house.sync(run, 2);
    house.rest(&system).await;
    assert_eq!(house.outcome(2).failed, 0);
    assert_eq!(state("r3"), ChangesetState::Merged);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_closed_pull_request_is_not_opened_again() {
    let house = House::new().with_repositories(2);
    let run = house.begin("closed");
    let system = house.start().await;
    house.rest(&system).await;
    let number = house.changeset("r0").pull_request.unwrap().number;
    house.host.close(&house.repository("r0"), number);
    house.sync(run, 1);
    house.rest(&system).await;
    let second = house.begin("closed");
    house.rest(&system).await;
    assert_eq!(house.run_state(second), RunState::Completed);
    assert_eq!(house.changeset("r0").state, ChangesetState::Closed);
    assert_eq!(house.pull_requests()["acme/r0"], 1);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn campaigns_take_turns() {
    let mut house = House::new().with_repositories(30);
    house.settings.publish_at_once = 1;
    house.settings.budget = capped(Counted::Content, 60, 4);
    let large = house.begin("large");
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(house.targets(large), [(TargetState::Changed, 30)].into(), "all of them wait to be published");
    let options = RunOptions { only: Some("r[0-4]".to_owned()), ..RunOptions::default() };
    let small = house.begin_spec(&spec("small", ACME, "true"), options);
    ended(&house, small).await;
    let open = |run: RunId| {
        let changesets = house.store.dump().changesets.into_values();
        changesets.filter(|one| one.wanted.run == run && one.state == ChangesetState::Open).count()
    };
    assert_eq!(open(small), 5);
    assert!(open(large) <= 12, "{} of the large campaign went first", open(large));
    house.rest(&system).await;
    assert_eq!(open(large), 30);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_limit_stops_the_whole_organization_for_as_long_as_asked() {
    let house = House::new().with_repositories(6);
    let limited =
        CodeHostError::Limited { wait: Duration::from_secs(600), reason: "secondary limit".to_owned() };
    house.host.add_fault(Fault {
        after: 1,
        ..Fault::next(Operation::CreatePullRequest, FaultEffect::Refuse(limited))
    });
    let run = house.begin("limited");
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let writes = || house.host.calls().iter().filter(|call| call.operation.writes()).count();
    let before = writes();
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert_eq!(writes(), before, "something was written while GitHub asked to wait");
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.changesets(), [(ChangesetState::Open, 6)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_blocks_one_changeset_with_its_reason() {
    let house = House::new().with_repositories(3);
    let refused = CodeHostError::Refused("the branch is protected: ask its owner".to_owned());
    house.host.add_fault(Fault::next(Operation::CreateBranch, FaultEffect::Refuse(refused)).of("r1"));
    let run = house.begin("refused");
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    let blocked = house.changeset("r1");
    assert_eq!(blocked.state, ChangesetState::Blocked);
    assert!(blocked.reason.contains("protected"), "{}", blocked.reason);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_backlog_larger_than_memory_is_worked_off() {
    let mut house = House::new().with_repositories(40);
    house.settings.scheduled_page = 3;
    house.settings.inbox_page = 5;
    house.settings.followed_page = 7;
    let run = house.begin("pages");
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 40)].into());
    house.sync(run, 1);
    house.rest(&system).await;
    house.audit();
}

/// Two pull requests are open, and the second version's commit got to the branch of one before GitHub asked to wait.
async fn an_update_is_put_off_halfway(house: &House) -> (System, RunId) {
    house.begin("halfway");
    let system = house.start().await;
    house.rest(&system).await;
    let other = Script::writes("CAMPAIGN.md", "other\n");
    house.executor.script(&house.repository("r0").name, other);
    let wait = Duration::from_secs(600);
    let limited = FaultEffect::Refuse(CodeHostError::Limited { wait, reason: "secondary limit".to_owned() });
    house.host.add_fault(Fault::next(Operation::UpdatePullRequest, limited).of("r0"));
    let second = house.begin("halfway");
    let put_off = async {
        while house.changeset("r0").reason.is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), put_off).await.expect("nothing was put off");
    (system, second)
}

#[tokio::test(start_paused = true)]
async fn our_own_commit_is_not_taken_for_a_humans() {
    let house = House::new().with_repositories(1);
    let (system, second) = an_update_is_put_off_halfway(&house).await;
    let waits = house.changeset("r0");
    assert_eq!(waits.state, ChangesetState::Scheduled);
    let number = waits.pull_request.as_ref().unwrap().number;
    let (there, ..) = &house.host.pulls(&house.repository("r0"))[usize::try_from(number).unwrap() - 1];
    assert_eq!(waits.head.as_ref(), Some(&there.head), "the commit that got through is on record");
    house.sync(second, 1);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Scheduled, "{}", house.changeset("r0").reason);
    house.rest(&system).await;
    let sent = house.changeset("r0");
    assert_eq!((sent.state, sent.head), (ChangesetState::Open, waits.head));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_third_version_builds_on_the_commit_that_got_through() {
    let house = House::new().with_repositories(1);
    let (system, _) = an_update_is_put_off_halfway(&house).await;
    house.executor.script(&house.repository("r0").name, Script::writes("CAMPAIGN.md", "third\n"));
    let third = house.begin("halfway");
    house.rest(&system).await;
    assert_eq!(house.run_state(third), RunState::Completed);
    let sent = house.changeset("r0");
    assert_eq!((sent.state, sent.generation), (ChangesetState::Open, 3), "{}", sent.reason);
    house.audit();
}
