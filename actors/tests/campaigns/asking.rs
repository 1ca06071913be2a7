//! What people ask of a changeset after its run has ended, carried out at the host.

use crate::support::{ACME, House, spec};
use campaigns_actors::ports::{
    CodeHostError,
    memory::{Fault, FaultEffect, Operation},
};
use campaigns_domain::{
    changeset::{Ask, ChangesetState},
    execution::run::{RunOptions, RunState},
    publish::budget::{Budget, Cap, Counted},
};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn what_was_kept_back_is_published_when_somebody_asks() {
    let house = House::new().with_repositories(3);
    let run = house.begin_spec(&spec("kept", ACME, "false"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.changesets(), [(ChangesetState::Unpublished, 3)].into());
    house.ask("r0", Ask::Publish { draft: true });
    house.ask("r1", Ask::Publish { draft: false });
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Draft);
    assert_eq!(house.changeset("r1").state, ChangesetState::Open);
    assert_eq!(house.changeset("r2").state, ChangesetState::Unpublished);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_tried_again_when_somebody_asks() {
    let house = House::new().with_repositories(2);
    let refused = CodeHostError::Refused("the branch is protected: ask its owner".to_owned());
    house.host.add_fault(Fault::next(Operation::CreateBranch, FaultEffect::Refuse(refused)).of("r1"));
    house.begin("refused");
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changeset("r1").state, ChangesetState::Blocked);
    house.ask("r1", Ask::Retry);
    house.ask("r0", Ask::Retry);
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2)].into());
    assert_eq!(house.changeset("r0").generation, 1, "nothing stood in its way, so nothing was done");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_after_a_cancellation_is_done() {
    let mut house = House::new().with_repositories(2);
    house.window = 1;
    house.settings.budget =
        Budget { organization: vec![Cap::new(Counted::PullRequests, 3600, 1)], ..Budget::unlimited() };
    let run = house.begin("cancelled");
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    house.cancel(run);
    house.rest(&system).await;
    let blocked = |name: &str| house.changeset(name).state == ChangesetState::Blocked;
    let name = ["r0", "r1"].into_iter().find(|name| blocked(name)).expect("one of them had to wait");
    house.ask(name, Ask::Retry);
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2)].into());
    house.audit();
}
