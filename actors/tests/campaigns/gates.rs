//! What checks say decides how a rollout goes on: gates, the cap on those under way, and the halt.

use crate::support::{
    House,
    rollouts::{begin, opened, stays_at, until},
};
use campaigns_domain::{
    changeset::{ChangesetState, Checks},
    execution::run::RunState,
};

/// What the checks of a pull request say from now on. It is read on schedule, and nobody is told.
fn report(house: &House, name: &str, checks: Checks) {
    let number = house.changeset(name).pull_request.unwrap().number;
    house.host.change(&house.repository(name), number, |_, said| said.checks = checks);
}

#[tokio::test(start_paused = true)]
async fn a_wave_opens_once_the_checks_of_the_one_before_it_have_passed() {
    let house = House::new().with_repositories(5);
    let run = begin(
        &house,
        "checked",
        "rollout: {waves: [{name: canary, targets: 2, gate: {checksPassed: 100%}}]}",
    );
    let system = house.start().await;
    until("opened", || opened(&house) == 2).await;
    report(&house, "r0", Checks::Pending);
    report(&house, "r1", Checks::Pending);
    stays_at(&house, 2, 30).await;
    report(&house, "r0", Checks::Passed);
    stays_at(&house, 2, 30).await;
    let waits = house.run(run).rollout.waits;
    assert_eq!(
        waits,
        ["", "wave `rest` waits until 100 % of wave `canary` have passed their checks: 1 of 2 so far"]
    );
    // One that fails may be run again by people.
    report(&house, "r1", Checks::Failed);
    stays_at(&house, 2, 30).await;
    report(&house, "r1", Checks::Passed);
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 5)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_repository_without_checks_holds_a_gate_up_only_for_a_while() {
    let house = House::new().with_repositories(3);
    let run =
        begin(&house, "bare", "rollout: {waves: [{name: canary, targets: 1, gate: {checksPassed: 1}}]}");
    let system = house.start().await;
    until("opened", || opened(&house) == 1).await;
    let took = until("completed", || house.run_state(run) == RunState::Completed).await;
    // What reports late is waited for: ten minutes from the first read, which comes after one.
    assert!((600..900).contains(&took.as_secs()), "{took:?}");
    house.rest(&system).await;
    assert_eq!(opened(&house), 3);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn never_are_more_checks_under_way_than_may_be() {
    let house = House::new().with_repositories(3);
    let run = begin(&house, "few", "rollout: {maxPendingChecks: 1}");
    let system = house.start().await;
    for (done, name) in (1..).zip(["r0", "r1"]) {
        until("opened", || opened(&house) == done).await;
        report(&house, name, Checks::Pending);
        stays_at(&house, done, 30).await;
        let waits = house.run(run).rollout.waits;
        assert_eq!(
            waits,
            ["the checks of 1 pull requests have not ended, at most 1 may be under way"],
            "{name}"
        );
        report(&house, name, if done == 1 { Checks::Failed } else { Checks::Passed });
    }
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn it_halts_where_checks_fail_until_a_person_resumes_it() {
    let house = House::new().with_repositories(3);
    let run = begin(
        &house,
        "red",
        "rollout: {waves: [{name: canary, targets: 1, gate: {checksPassed: 1}}], haltOn: {checksFailed: 0}}",
    );
    let system = house.start().await;
    until("opened", || opened(&house) == 1).await;
    report(&house, "r0", Checks::Failed);
    until("halted", || house.run(run).paused.is_some()).await;
    assert_eq!(house.run(run).reason, "halted: 1 pull requests have failing checks, more than 0");
    stays_at(&house, 1, 30).await;
    // Accepted, and the gate still waits for it.
    house.resume(run, 1);
    until("resumed", || house.run(run).paused.is_none()).await;
    stays_at(&house, 1, 30).await;
    report(&house, "r0", Checks::Passed);
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}
