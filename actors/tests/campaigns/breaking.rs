//! Whatever breaks, wherever: the end is the same. Each call of each port fails in turn, the process is killed at
//! each commit and each write, each effect is performed twice, the database goes away, an actor keeps crashing.

use crate::support::{
    ACME, House, spec,
    tap::{Break, Tap, What, When, Which},
};
use campaigns_actors::{
    RestartPolicy, System,
    ports::{
        RowChange, Transition,
        memory::{Ending, Script},
    },
};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        run::{RunOptions, RunState},
        target::TargetState,
    },
    id::RunId,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

const REPOSITORIES: usize = 3;

fn house() -> House {
    let house = House::new().with_repositories(REPOSITORIES);
    house.executor.script(&house.repository("r0").name, Script::changes_nothing());
    house
}

/// Two writes more for each pull request.
fn dressed(name: &str) -> String {
    format!("{}  labels: [automated]\n  reviewers: [reviewer]\n", spec(name, ACME, "true"))
}

async fn behind(house: &House, tap: &Arc<Tap>) -> System {
    System::start(tap.behind(house.ports()), house.settings.clone()).await.unwrap()
}

/// The end that every one of these comes to.
#[track_caller]
fn same_end(house: &House, run: RunId, what: &str) {
    let targets = house.targets(run);
    assert_eq!(house.run_state(run), RunState::Completed, "{what}: {}", house.run(run).reason);
    assert_eq!(targets, [(TargetState::Unchanged, 1), (TargetState::Changed, 2)].into(), "{what}");
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2)].into(), "{what}");
    let opened: usize = house.pull_requests().values().sum();
    assert_eq!(opened, 2, "{what}: pull requests");
    house.audit();
}

/// Breaks the first call, the second, ... until there is none left to break.
async fn each_call(which: Which, when: When) {
    let mut nth = 0;
    loop {
        let house = house();
        let tap = Tap::open(Some(Break { which, nth, when, what: What::Fails }));
        let run = house.begin_spec(&dressed("sweep"), RunOptions::default());
        let system = behind(&house, &tap).await;
        house.rest(&system).await;
        if !tap.was_hit() {
            break;
        }
        same_end(&house, run, &format!("call {nth} fails {when:?}"));
        nth += 1;
    }
    assert!(nth > 20, "only {nth} calls were broken");
}

#[tokio::test(start_paused = true)]
async fn each_call_fails_before_it_is_carried_out() {
    each_call(Which::Every, When::Before).await;
}

#[tokio::test(start_paused = true)]
async fn each_call_fails_after_it_is_carried_out() {
    each_call(Which::Every, When::After).await;
}

/// Kills the process at the first call, the second, ... and starts another on what is there.
async fn killed_at_each(which: Which, when: When) {
    let mut nth = 0;
    loop {
        let house = house();
        let tap = Tap::open(Some(Break { which, nth, when, what: What::Cut }));
        let run = house.begin_spec(&dressed("killed"), RunOptions::default());
        let first = behind(&house, &tap).await;
        tokio::select! {
            () = tap.gone() => {}
            () = house.rest(&first) => {}
        }
        drop(first);
        let second = house.start().await;
        house.rest(&second).await;
        same_end(&house, run, &format!("killed {when:?} call {nth} of {which:?}"));
        if !tap.was_hit() {
            break;
        }
        nth += 1;
    }
    assert!(nth >= 8, "it was killed only {nth} times");
}

#[tokio::test(start_paused = true)]
async fn killed_before_each_commit() {
    killed_at_each(Which::Commits, When::Before).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_each_commit() {
    killed_at_each(Which::Commits, When::After).await;
}

#[tokio::test(start_paused = true)]
async fn killed_before_each_write_to_the_host() {
    killed_at_each(Which::HostWrites, When::Before).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_each_write_to_the_host() {
    killed_at_each(Which::HostWrites, When::After).await;
}

#[tokio::test(start_paused = true)]
async fn each_effect_is_performed_twice() {
    // Many times over, since what runs beside what is drawn by lot.
    for round in 0..30 {
        let house = house();
        let tap = Tap::open(None);
        tap.forgetful.store(true, Ordering::SeqCst);
        let run = house.begin("twice");
        let system = behind(&house, &tap).await;
        house.rest(&system).await;
        same_end(&house, run, &format!("each effect twice, round {round}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_goes_away_is_waited_for() {
    let house = house();
    for n in 0..REPOSITORIES {
        let name = house.repository(&format!("r{n}")).name;
        let script = if n == 0 { Script::changes_nothing() } else { Script::writes("a.txt", "a") };
        house.executor.script(&name, script.taking(Duration::from_secs(20)));
    }
    let tap = Tap::open(None);
    let run = house.begin("outage");
    let system = behind(&house, &tap).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    tap.store_down.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(house.run_state(run), RunState::Running);
    tap.store_down.store(false, Ordering::SeqCst);
    house.rest(&system).await;
    same_end(&house, run, "after the database was away");
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_actor_keeps_crashing_fails_alone() {
    let mut house = House::new().with_repositories(4);
    house.settings.restarts = RestartPolicy { most: 3, ..house.settings.restarts };
    let tap = Tap::open(None);
    let poisoned = house.repository("r2").id;
    *tap.poison.lock().unwrap() = Some(Box::new(move |transition: &Transition| {
        transition.changes.iter().any(|change| {
            let RowChange::Target { after, .. } = change else { return false };
            after.repository_id == poisoned && after.state == TargetState::Changed
        })
    }));
    let run = house.begin("poison");
    let system = behind(&house, &tap).await;
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.targets(run), [(TargetState::Changed, 3), (TargetState::Failed, 1)].into());
    let dump = house.store.dump();
    let failed = dump.targets.values().find(|target| target.repository_id == poisoned).unwrap();
    assert!(failed.reason.contains("crashed 4 times"), "{}", failed.reason);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn an_organization_whose_actor_crashes_now_and_then_goes_on() {
    let house = House::new().with_repositories(6);
    let tap = Tap::open(None);
    let left = std::sync::Mutex::new(3);
    *tap.poison.lock().unwrap() = Some(Box::new(move |transition: &Transition| {
        let published = transition.events.iter().any(|event| event.kind == "changeset.published");
        let mut left = left.lock().unwrap();
        let crash = published && *left > 0;
        *left -= i32::from(crash);
        crash
    }));
    let run = house.begin("crashes");
    let system = behind(&house, &tap).await;
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.changesets(), [(ChangesetState::Open, 6)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_panics_is_the_machinerys_failure() {
    let house = House::new().with_repositories(2);
    house.executor.script(&house.repository("r1").name, Script::ends(Ending::Panics));
    let run = house.begin("panics");
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.targets(run), [(TargetState::Changed, 1), (TargetState::Failed, 1)].into());
    house.audit();
}
