//! Branches of merged pull requests are deleted, where they still hold what we put there.

use crate::support::{
    ACME, House, spec,
    tap::{Break, Tap, What, When, Which},
};
use campaigns_actors::{
    System,
    ports::memory::{Fault, FaultEffect, Operation, SeedFile},
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::run::RunOptions,
    id::RunId,
};
use std::time::Duration;

/// A house whose pull request is open, and its run.
async fn open(house: &House, yaml: &str) -> (System, RunId) {
    let run = house.begin_spec(yaml, RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    (system, run)
}

fn yaml() -> String {
    spec("tidy", ACME, "true")
}

fn merge(house: &House, name: &str) {
    let number = house.changeset(name).pull_request.unwrap().number;
    house.host.merge(&house.repository(name), number);
}

fn has_branch(house: &House, name: &str) -> bool {
    let changeset = house.changeset(name);
    house.host.branches(&house.repository(name)).contains(&changeset.head_branch)
}

async fn is_seen_to(house: &House, name: &str) -> Changeset {
    let over = |house: &House| {
        let changeset = house.changeset(name);
        changeset.state == ChangesetState::Merged && !changeset.errand.branch
    };
    house.until("the branch is seen to", over).await;
    house.changeset(name)
}

fn deletions(house: &House) -> usize {
    house.host.calls().iter().filter(|call| call.operation == Operation::DeleteBranch).count()
}

#[tokio::test(start_paused = true)]
async fn the_branch_of_a_merged_pull_request_is_deleted() {
    let house = House::new().with_repositories(2);
    let (system, _) = open(&house, &yaml()).await;
    merge(&house, "r0");
    let merged = is_seen_to(&house, "r0").await;
    assert_eq!(merged.reason, "");
    assert!(!has_branch(&house, "r0"));
    assert!(has_branch(&house, "r1"), "an open one keeps its branch");
    assert_eq!(deletions(&house), 1);
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    house.rest(&system).await;
    assert_eq!(deletions(&house), 1, "once is enough");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_is_gone_already_is_done_with() {
    let house = House::new().with_repositories(1);
    let (system, _) = open(&house, &yaml()).await;
    merge(&house, "r0");
    house.host.delete_branch(&house.repository("r0"), &house.changeset("r0").head_branch);
    is_seen_to(&house, "r0").await;
    house.rest(&system).await;
    assert_eq!(deletions(&house), 0);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_somebody_went_on_with_stays() {
    let house = House::new().with_repositories(1);
    let (system, _) = open(&house, &yaml()).await;
    merge(&house, "r0");
    let branch = house.changeset("r0").head_branch;
    house.host.push(&house.repository("r0"), &branch, &[SeedFile::new("x", "mine")], "A human's").unwrap();
    let merged = is_seen_to(&house, "r0").await;
    house.rest(&system).await;
    assert!(has_branch(&house, "r0"));
    assert!(merged.reason.contains("holds what Campaigns did not put there"), "{}", merged.reason);
    assert_eq!(deletions(&house), 0);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_a_human_had_taken_over_is_theirs() {
    let house = House::new().with_repositories(1);
    let (system, run) = open(&house, &yaml()).await;
    let changeset = house.changeset("r0");
    let number = changeset.pull_request.unwrap().number;
    house.host.edit(&house.repository("r0"), number, "My own words", "");
    house.sync(run, 1);
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::HandedOver);
    merge(&house, "r0");
    is_seen_to(&house, "r0").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    house.rest(&system).await;
    assert!(has_branch(&house, "r0"));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_spec_may_keep_its_branches() {
    let house = House::new().with_repositories(1);
    let (system, _) = open(&house, &format!("{}  keepBranch: true\n", yaml())).await;
    merge(&house, "r0");
    is_seen_to(&house, "r0").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    house.rest(&system).await;
    assert!(has_branch(&house, "r0"));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_the_deletion_too() {
    let house = House::new().with_repositories(1);
    let (system, _) = open(&house, &yaml()).await;
    let campaign = house.changeset("r0").campaign;
    house.store.pause_campaign(campaign, Some("ada"));
    merge(&house, "r0");
    house.until("it is merged", |house| house.changeset("r0").state == ChangesetState::Merged).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(has_branch(&house, "r0") && house.changeset("r0").errand.branch, "it waits");
    house.store.pause_campaign(campaign, None);
    is_seen_to(&house, "r0").await;
    assert!(!has_branch(&house, "r0"));
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_deletion_whose_answer_was_lost_is_not_sent_again() {
    let house = House::new().with_repositories(1);
    let (system, _) = open(&house, &yaml()).await;
    house.host.add_fault(Fault::next(Operation::DeleteBranch, FaultEffect::LoseAnswer));
    merge(&house, "r0");
    let merged = is_seen_to(&house, "r0").await;
    house.rest(&system).await;
    assert_eq!((merged.reason.as_str(), deletions(&house)), ("", 1));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn killed_around_the_deletion_it_happens_once() {
    for when in [When::Before, When::After] {
        let house = House::new().with_repositories(1);
        let (first, _) = open(&house, &yaml()).await;
        drop(first);
        let tap = Tap::open(Some(Break { which: Which::HostWrites, nth: 0, when, what: What::Cut }));
        let second = System::start(tap.behind(house.ports()), house.settings.clone()).await.unwrap();
        merge(&house, "r0");
        tap.gone().await;
        drop(second);
        assert!(house.changeset("r0").errand.branch, "nobody has recorded it");
        let third = house.start().await;
        is_seen_to(&house, "r0").await;
        house.rest(&third).await;
        assert_eq!((has_branch(&house, "r0"), deletions(&house)), (false, 1), "killed {when:?}");
        house.audit();
    }
}
