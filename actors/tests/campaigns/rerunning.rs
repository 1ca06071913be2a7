//! Having failed checks run again: each failed attempt is asked for once, whatever gets lost in between.

use crate::support::{House, open};
use campaigns_actors::ports::{
    CodeHostError,
    memory::{Fault, FaultEffect, Operation},
};
use campaigns_domain::changeset::{Ask, ChangesetState, Checks};

fn asked(house: &House) -> usize {
    house.host.calls().iter().filter(|call| call.operation == Operation::RerunFailedJobs && call.done).count()
}

fn checks(house: &House) -> Checks {
    house.changeset("r0").seen.unwrap().checks
}

#[tokio::test(start_paused = true)]
async fn what_failed_runs_again_and_is_followed_until_it_is_green() {
    let (house, system, open) = open("again").await;
    let repository = house.repository("r0");
    house.ask("r0", Ask::Rerun);
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").version, open.version, "nothing of it has failed, so nothing is done");
    for name in ["build", "test"] {
        house.host.fail_workflow(&repository, 1, name);
    }
    house.sync(open.wanted.run, 1);
    house.rest(&system).await;
    assert_eq!(checks(&house), Checks::Failed);
    // The answer to one of them is lost after it was carried out.
    house.host.add_fault(Fault::next(Operation::RerunFailedJobs, FaultEffect::LoseAnswer));
    house.ask("r0", Ask::Rerun);
    house.rest(&system).await;
    let now = house.changeset("r0");
    assert_eq!(
        (now.state, now.reason.as_str()),
        (ChangesetState::Open, "failed jobs run again: build, test")
    );
    assert_eq!((checks(&house), asked(&house), now.errand.rerun), (Checks::Pending, 2, None));
    for name in ["build", "test"] {
        assert_eq!(house.host.workflow_attempt(&repository, name), 2, "{name}");
    }
    house.host.change(&repository, 1, |_, said| said.checks = Checks::Passed);
    house.sync(open.wanted.run, 2);
    house.rest(&system).await;
    assert_eq!((checks(&house), house.changeset("r0").reason.as_str()), (Checks::Passed, ""));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_said_and_the_others_run_again() {
    let (house, system, open) = open("refused").await;
    let repository = house.repository("r0");
    for name in ["build", "test"] {
        house.host.fail_workflow(&repository, 1, name);
    }
    house.sync(open.wanted.run, 1);
    house.rest(&system).await;
    let old = CodeHostError::Refused("the workflow run is over a month old".to_owned());
    house.host.add_fault(Fault::next(Operation::RerunFailedJobs, FaultEffect::Refuse(old)));
    house.ask("r0", Ask::Rerun);
    house.rest(&system).await;
    let said = "failed jobs run again: test; not run again: build: the workflow run is over a month old";
    let now = house.changeset("r0");
    assert_eq!((now.state, now.reason.as_str(), asked(&house)), (ChangesetState::Open, said, 1));
    let unreadable = CodeHostError::Refused("it needs the permission `actions: write`".to_owned());
    house.host.add_fault(Fault::next(Operation::FailedChecks, FaultEffect::Refuse(unreadable)));
    house.host.fail_workflow(&repository, 1, "test");
    house.sync(open.wanted.run, 2);
    house.rest(&system).await;
    house.ask("r0", Ask::Rerun);
    house.rest(&system).await;
    let now = house.changeset("r0");
    assert_eq!((now.state, asked(&house)), (ChangesetState::Open, 1));
    assert!(now.reason.contains("actions: write"), "{}", now.reason);
    house.audit();
}
