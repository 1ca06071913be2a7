//! Repositories that go, at every stage of a run: each ends with its exact reason, none holds the run up, and what comes
//! back goes on by itself.

use crate::support::{ACME, House, spec};
use campaigns_actors::ports::{
    CodeHostError,
    memory::{Fault, FaultEffect, Operation, Script},
};
use campaigns_domain::{
    changeset::{Ask, Away, AwayCause, ChangesetState},
    execution::{
        run::{RunOptions, RunState},
        target::TargetState,
    },
};
use std::time::Duration;

/// A house whose run has executed everything and published nothing.
async fn executed(name: &str, count: usize) -> (House, campaigns_actors::System) {
    let house = House::new().with_repositories(count);
    house.begin_spec(&spec(name, ACME, "false"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Unpublished, count)].into());
    (house, system)
}

fn publish(house: &House, name: &str) {
    house.ask(name, Ask::Publish { draft: false });
}

fn stands(house: &House, name: &str) -> (ChangesetState, Option<AwayCause>) {
    let changeset = house.changeset(name);
    (changeset.state, changeset.away)
}

fn missing(operation: Operation, name: &str, times: u32) -> Fault {
    let effect = FaultEffect::Refuse(CodeHostError::NotFound("what was asked for".to_owned()));
    Fault { times, ..Fault::next(operation, effect).of(name) }
}

#[tokio::test(start_paused = true)]
async fn between_selection_and_execution() {
    let mut house = House::new().with_repositories(5);
    house.window = 1;
    let slow = Script::writes("a.txt", "a").taking(Duration::from_secs(60));
    house.executor.script(&house.repository("r0").name, slow);
    let run = house.begin("early");
    let system = house.start().await;
    house.until("the first one executes", |house| !house.executor.began().is_empty()).await;
    house.host.delete(&house.repository("r1"));
    house.host.rename(&house.repository("r2"), &"acme/renamed".parse().unwrap());
    house.host.close_to_us(&house.repository("r3"), true);
    house.host.archive(&house.repository("r4"));
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    for name in ["r1", "r3"] {
        let targets = house.store.dump().targets;
        let target = targets.into_values().find(|target| target.repository.name() == name).unwrap();
        assert_eq!(target.state, TargetState::Failed);
        assert!(target.reason.contains("is gone, or Campaigns may no longer see it"), "{}", target.reason);
    }
    assert_eq!(stands(&house, "r2"), (ChangesetState::Open, None), "followed by its id");
    assert_eq!(stands(&house, "r4"), (ChangesetState::Blocked, Some(AwayCause::Archived)));
    house.host.unarchive(&house.repository("r4"));
    house.until("it goes on by itself", |house| house.changeset("r4").state == ChangesetState::Open).await;
    house.rest(&system).await;
    house.repositories.retain(|name, _| name != "acme/r1" && name != "acme/r3");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn between_execution_and_publishing() {
    let (mut house, system) = executed("late", 6).await;
    house.host.delete(&house.repository("r0"));
    house.host.rename(&house.repository("r1"), &"acme/renamed".parse().unwrap());
    house.host.archive(&house.repository("r2"));
    house.host.close_to_us(&house.repository("r3"), true);
    let replaced = house.repository("r4");
    house.host.delete(&replaced);
    let other = house.host.add_repository(&replaced.name, &[]);
    for name in ["r0", "r1", "r2", "r3", "r4", "r5"] {
        publish(&house, name);
    }
    house.rest(&system).await;
    use {AwayCause as C, ChangesetState as S};
    assert_eq!(stands(&house, "r0"), (S::Blocked, Some(C::Gone)));
    assert_eq!(stands(&house, "r1"), (S::Open, None));
    assert_eq!(stands(&house, "r2"), (S::Blocked, Some(C::Archived)));
    assert_eq!(stands(&house, "r3"), (S::Blocked, Some(C::Gone)));
    assert_eq!(stands(&house, "r4"), (S::Blocked, Some(C::Replaced)));
    assert_eq!(stands(&house, "r5"), (S::Open, None), "nobody waits for the others");
    assert!(
        house.host.pulls(&other).is_empty(),
        "nothing is published to another repository of the same name"
    );

    house.host.unarchive(&house.repository("r2"));
    house.host.close_to_us(&house.repository("r3"), false);
    for name in ["r2", "r3"] {
        house.until("it goes on by itself", |house| house.changeset(name).state == S::Open).await;
    }
    // Whoever is done with one that is gone closes it: there is nothing left to close at the code host.
    house.ask("r0", Ask::Close);
    house.rest(&system).await;
    assert_eq!(stands(&house, "r0"), (S::Closed, None));
    house.repositories.retain(|name, _| name != "acme/r0" && name != "acme/r4");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn one_bad_answer_is_no_absence() {
    let (house, system) = executed("doubted", 4).await;
    let gone = Away { cause: AwayCause::Gone, reason: "it is gone".to_owned() };
    // A thing is missing once; the repository is missing once; it cannot be said where it is.
    house.host.add_fault(missing(Operation::Branch, "r0", 1));
    house.host.add_fault(missing(Operation::Branch, "r1", 1));
    let once = FaultEffect::Refuse(CodeHostError::Away(gone));
    house.host.add_fault(Fault::next(Operation::Whereabouts, once).of("r1"));
    house.host.add_fault(missing(Operation::Branch, "r2", 1));
    let broken = FaultEffect::Refuse(CodeHostError::Unavailable("502".to_owned()));
    house.host.add_fault(Fault::next(Operation::Whereabouts, broken).of("r2"));
    // What is missing again while the repository is there is missing.
    house.host.add_fault(missing(Operation::PullRequests, "r3", 2));
    for name in ["r0", "r1", "r2", "r3"] {
        publish(&house, name);
    }
    house.rest(&system).await;
    for name in ["r0", "r1", "r2"] {
        assert_eq!(stands(&house, name), (ChangesetState::Open, None), "{name}");
    }
    assert_eq!(stands(&house, "r3"), (ChangesetState::Blocked, None));
    assert!(house.changeset("r3").reason.contains("what was asked for"));
    house.ask("r3", Ask::Retry);
    house.rest(&system).await;
    assert_eq!(stands(&house, "r3"), (ChangesetState::Open, None));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn while_its_pull_request_is_open() {
    let house = House::new().with_repositories(3);
    let run = house.begin("living");
    let system = house.start().await;
    house.rest(&system).await;
    house.host.archive(&house.repository("r0"));
    house.host.close_to_us(&house.repository("r1"), true);
    let comment = || Ask::Comment { body: "Please look.".to_owned() };
    house.ask("r0", comment());
    house.sync(run, 1);
    house.rest(&system).await;
    let (archived, closed) = (house.changeset("r0"), house.changeset("r1"));
    assert_eq!(archived.state, ChangesetState::Open, "{}", archived.reason);
    assert!(archived.reason.contains("archived and read-only"), "{}", archived.reason);
    assert_eq!(closed.state, ChangesetState::Blocked);
    assert!(closed.reason.contains("may no longer see it"), "{}", closed.reason);
    house.host.unarchive(&house.repository("r0"));
    house.host.close_to_us(&house.repository("r1"), false);
    for name in ["r0", "r1"] {
        house.until("it is open again", |house| house.changeset(name).state == ChangesetState::Open).await;
    }
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn while_a_new_version_is_on_its_way_to_it() {
    let house = House::new().with_repositories(2);
    house.begin("living");
    let system = house.start().await;
    house.rest(&system).await;
    let before = house.executor.began().len();
    for name in ["r0", "r1"] {
        let slow = Script::writes("a.txt", "more").taking(Duration::from_secs(60));
        house.executor.script(&house.repository(name).name, slow);
    }
    let second = house.begin("living");
    house.until("it executes", |house| house.executor.began().len() == before + 2).await;
    house.host.archive(&house.repository("r0"));
    house.host.close_to_us(&house.repository("r1"), true);
    house.rest(&system).await;
    assert_eq!(house.run_state(second), RunState::Completed, "nothing holds the run up");
    assert_eq!(stands(&house, "r0"), (ChangesetState::Blocked, Some(AwayCause::Archived)));
    assert_eq!(stands(&house, "r1"), (ChangesetState::Blocked, Some(AwayCause::Gone)));
    house.host.unarchive(&house.repository("r0"));
    house.host.close_to_us(&house.repository("r1"), false);
    // Nobody need wait: a hint has it looked at, and so has a person's ask.
    house.hint("r0", &[], 7);
    house.ask("r1", Ask::Retry);
    house.rest(&system).await;
    for name in ["r0", "r1"] {
        assert_eq!(stands(&house, name), (ChangesetState::Open, None), "{name}");
    }
    assert_eq!(house.pull_requests().values().sum::<usize>(), 2, "no second pull request");
    house.audit();
}
