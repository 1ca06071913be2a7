//! Organisations that pause because the App's installation, or a credential, is out of use there: with their cause,
//! without holding anybody else up, and back by themselves.

use crate::support::{ACME, House, spec};
use campaigns_actors::ports::{
    CodeHostError,
    memory::{Fault, FaultEffect, Operation, Script},
};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        run::{RunOptions, RunState},
        target::TargetState,
    },
    publish::{
        installation::InstallationState::{self, Active, Removed, Suspended},
        standing::{OutOfUse, PauseCause},
    },
};
use std::time::Duration;

const GLOBEX: &str = "globex";

/// A house of two organisations, with `count` repositories each.
fn two(count: usize) -> House {
    let mut house = House::new().with_repositories(count);
    for n in 0..count {
        house.add(&format!("{GLOBEX}/g{n}"));
    }
    house
}

/// A spec over both.
fn over_both(name: &str) -> String {
    spec(name, ACME, "true").replace("steps:", &format!("  - organization: {GLOBEX}\nsteps:"))
}

/// How many changesets of an organisation stand so.
fn count(house: &House, organization: &str, state: ChangesetState) -> usize {
    let all = house.store.dump().changesets.into_values();
    all.filter(|each| each.repository.owner() == organization && each.state == state).count()
}

fn calls(house: &House) -> usize {
    house.host.calls().iter().filter(|call| call.operation.writes()).count()
}

fn refusal(cause: PauseCause) -> CodeHostError {
    CodeHostError::Unauthorized(OutOfUse { cause, reason: "have it mended".to_owned() })
}

/// From now on everything in these repositories is refused, so many times each.
fn refuse(house: &House, names: &[String], cause: PauseCause, times: u32) {
    for name in names {
        let effect = FaultEffect::Refuse(refusal(cause));
        house.host.add_fault(Fault {
            operation: None,
            repository: Some(name.clone()),
            after: 0,
            times,
            effect,
        });
    }
}

#[tokio::test(start_paused = true)]
async fn an_installation_that_is_suspended_or_removed_pauses_its_organisation_until_it_works_again() {
    for (state, cause) in [(Suspended, PauseCause::Suspended), (Removed, PauseCause::NotInstalled)] {
        let mut house = two(6);
        house.settings.writes_per_second = std::num::NonZeroU32::new(1);
        let run = house.begin_spec(&over_both("both"), RunOptions::default());
        let system = house.start().await;
        house.until("one is open", |house| count(house, ACME, ChangesetState::Open) > 0).await;
        house.installation(ACME, state);
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(house.pause_of(ACME).await, Some(cause));
        assert_eq!(house.pause_of(GLOBEX).await, None);
        // What GitHub would refuse is not even sent, until a probe is.
        refuse(&house, &(0..6).map(|n| format!("r{n}")).collect::<Vec<_>>(), cause, u32::MAX);
        let open = count(&house, ACME, ChangesetState::Open);
        assert!(open < 6, "{open} are open already");
        house.until("the other has all", |house| count(house, GLOBEX, ChangesetState::Open) == 6).await;
        let before = calls(&house);
        tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
        assert_eq!(count(&house, ACME, ChangesetState::Open), open);
        let probes = calls(&house) - before;
        assert!(probes <= 40, "{probes} calls in three hours");
        assert_eq!((house.run_state(run), house.pause_of(ACME).await), (RunState::Running, Some(cause)));

        house.host.clear_faults();
        house.installation(ACME, Active);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(count(&house, ACME, ChangesetState::Open), 6, "what waited is not opened at once");
        house.rest(&system).await;
        assert_eq!((house.run_state(run), house.pause_of(ACME).await), (RunState::Completed, None));
        assert!(house.pull_requests().values().all(|count| *count == 1), "{:?}", house.pull_requests());
        house.audit();
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_the_cause_a_refusal_pauses_and_a_probe_shows_that_it_is_mended() {
    for cause in [
        PauseCause::Suspended,
        PauseCause::NotInstalled,
        PauseCause::BadCredentials,
        PauseCause::SingleSignOn,
        PauseCause::PermissionMissing,
    ] {
        let house = two(3);
        let run = house.begin_spec(&over_both("both"), RunOptions::default());
        let operation =
            if cause == PauseCause::PermissionMissing { Operation::CreateTree } else { Operation::Branch };
        for n in 0..3 {
            let fault = Fault::next(operation, FaultEffect::Refuse(refusal(cause))).of(&format!("r{n}"));
            house.host.add_fault(Fault { times: u32::MAX, ..fault });
        }
        let system = house.start().await;
        house.until("the other has all", |house| count(house, GLOBEX, ChangesetState::Open) == 3).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!((house.pause_of(ACME).await, house.run_state(run)), (Some(cause), RunState::Running));
        assert_eq!(count(&house, ACME, ChangesetState::Open), 0);
        house.host.clear_faults();
        house.rest(&system).await;
        assert_eq!(
            (house.pause_of(ACME).await, house.run_state(run)),
            (None, RunState::Completed),
            "{cause:?}"
        );
        assert_eq!(house.changesets(), [(ChangesetState::Open, 6)].into());
        assert!(house.pull_requests().values().all(|count| *count == 1));
        house.audit();
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlives_its_process_and_word_that_it_is_over_reaches_the_next() {
    let house = two(4);
    house.installation(ACME, Suspended);
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.pause_of(ACME).await, Some(PauseCause::Suspended));
    drop(system);
    house.begin_spec(&over_both("both"), RunOptions::default());
    refuse(&house, &(0..4).map(|n| format!("r{n}")).collect::<Vec<_>>(), PauseCause::Suspended, u32::MAX);
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(1800)).await;
    drop(system);
    house.host.clear_faults();
    house.installation(ACME, Active);
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.pause_of(ACME).await, None);
    assert_eq!(house.changesets(), [(ChangesetState::Open, 8)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn targets_of_a_paused_organisation_wait_behind_the_others_and_none_fails() {
    let mut house = two(12);
    // Fewer places than there are targets in the organisation that is paused.
    house.window = 2;
    for n in 0..12 {
        let script = Script::writes("CAMPAIGN.md", "hello\n").taking(Duration::from_secs(2));
        house.executor.script(&house.repository(&format!("{GLOBEX}/g{n}")).name, script);
    }
    for n in 0..12 {
        let fault = Fault::next(Operation::Snapshot, FaultEffect::Refuse(refusal(PauseCause::Suspended)));
        house.host.add_fault(Fault { times: u32::MAX, ..fault.of(&format!("r{n}")) });
    }
    let run = house.begin_spec(&over_both("both"), RunOptions::default());
    let system = house.start().await;
    house
        .until("one attempt has been put off", |house| {
            house.targets(run).get(&TargetState::Changed).is_some_and(|changed| *changed > 0)
        })
        .await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(count(&house, GLOBEX, ChangesetState::Open), 12, "held up by an organisation that is paused");
    assert_eq!(house.pause_of(ACME).await, Some(PauseCause::Suspended));
    let events = || house.store.dump().events.len();
    let before = events();
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    assert_eq!(house.targets(run).get(&TargetState::Failed), None);
    // A probe every quarter of an hour, of one target: nothing for the others.
    let probes = (events() - before).div_ceil(4);
    assert!((1..=30).contains(&probes), "{probes} probes in six hours");
    assert_eq!(house.run_state(run), RunState::Running);
    house.host.clear_faults();
    house.installation(ACME, Active);
    house.rest(&system).await;
    assert_eq!(house.targets(run), [(TargetState::Changed, 24)].into());
    assert_eq!(house.changesets(), [(ChangesetState::Open, 24)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_selects_waits_for_a_suspended_organisation_and_says_what_else_is_wrong() {
    let selects = |cause| {
        let house = House::new().with_repositories(2);
        let fault = Fault::next(Operation::Repositories, FaultEffect::Refuse(refusal(cause)));
        house.host.add_fault(Fault { times: u32::MAX, ..fault });
        let run = house.begin("selects");
        (house, run)
    };
    let (house, run) = selects(PauseCause::Suspended);
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(house.run_state(run), RunState::Selecting);
    assert_eq!(house.pause_of(ACME).await, Some(PauseCause::Suspended));
    house.host.clear_faults();
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    for cause in [PauseCause::BadCredentials, PauseCause::NotInstalled] {
        let (house, run) = selects(cause);
        let system = house.start().await;
        house.rest(&system).await;
        assert_eq!(house.run_state(run), RunState::Failed);
        assert!(house.run(run).reason.contains("have it mended"), "{}", house.run(run).reason);
    }
}

#[tokio::test(start_paused = true)]
async fn an_installation_that_works_lets_a_probe_go_where_something_else_holds() {
    let house = House::new().with_repositories(1);
    let fault =
        Fault::next(Operation::CreateTree, FaultEffect::Refuse(refusal(PauseCause::PermissionMissing)));
    house.host.add_fault(Fault { times: u32::MAX, ..fault });
    house.begin("permission");
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(3000)).await;
    let tried = || house.host.calls().iter().filter(|call| call.operation == Operation::CreateTree).count();
    let before = tried();
    house.installation(ACME, Active);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(tried(), before + 1, "the next probe was waited for");
    assert_eq!(
        house.pause_of(ACME).await,
        Some(PauseCause::PermissionMissing),
        "nothing shows that it is mended"
    );
    house.host.clear_faults();
    house.installation(ACME, Active);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Open);
    house.rest(&system).await;
    assert_eq!(house.pause_of(ACME).await, None);
}

#[tokio::test(start_paused = true)]
async fn word_of_an_installation_is_consumed_whether_or_not_anything_follows() {
    let house = House::new().with_repositories(1);
    for state in [Active, Suspended, Suspended, Active] as [InstallationState; 4] {
        house.installation("initech", state);
    }
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.pause_of("initech").await, None);
    house.audit();
}
