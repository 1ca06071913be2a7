//! A newer version of a spec closes what it leaves out or leaves unchanged, says so, and takes nobody's work away.

use crate::support::{
    ACME, House, spec,
    tap::{Break, Tap, What, When, Which},
};
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
        prune::Pruned,
        run::{RunOptions, RunState},
    },
    id::RunId,
};

/// A version that leaves these repositories out.
fn without(names: &[&str]) -> String {
    let list: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let entry = format!("  - organization: {ACME}\n");
    spec("prune", ACME, "true").replace(&entry, &format!("{entry}    exclude: [{}]\n", list.join(", ")))
}

/// The first version is carried out in all of `count` repositories.
async fn first(count: usize) -> (House, System) {
    let house = House::new().with_repositories(count);
    house.begin("prune");
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, count)].into());
    (house, system)
}

async fn then(house: &House, system: &System, yaml: &str, options: RunOptions) -> (RunId, Pruned) {
    let run = house.begin_spec(yaml, options);
    house.rest(system).await;
    (run, pruned(house, run).expect("the run says what it closes"))
}

/// What a run said that it closes.
fn pruned(house: &House, run: RunId) -> Option<Pruned> {
    let dump = house.store.dump();
    let mut told = dump.events.values().filter(|event| event.run == run && event.kind == "run.pruned");
    let one = told.next().map(|event| serde_json::from_value(event.data.clone()).unwrap());
    assert!(told.next().is_none(), "it is told once");
    one
}

fn comments(house: &House, name: &str) -> Vec<String> {
    let number = house.changeset(name).pull_request.unwrap().number;
    house.host.comments_of(&house.repository(name), number)
}

fn has_branch(house: &House, name: &str) -> bool {
    let changeset = house.changeset(name);
    house.host.branches(&house.repository(name)).contains(&changeset.head_branch)
}

#[track_caller]
fn is_closed(house: &House, name: &str, why: &str) {
    let changeset = house.changeset(name);
    assert_eq!(changeset.state, ChangesetState::Closed, "{name}: {}", changeset.reason);
    assert!(changeset.reason.contains(why), "{name}: {}", changeset.reason);
    let said = comments(house, name);
    assert!(said.len() == 1 && said[0].contains(why), "{name}: {said:?}");
    assert!(!has_branch(house, name), "{name}");
}

#[tokio::test(start_paused = true)]
async fn what_a_version_leaves_out_or_unchanged_is_closed_with_a_word() {
    let (house, system) = first(4).await;
    house.executor.script(&house.repository("r1").name, Script::changes_nothing());
    let (run, told) = then(&house, &system, &without(&["r0"]), RunOptions::default()).await;
    assert_eq!((told.closing, told.left, told.held.as_str()), (2, 0, ""), "{told:?}");
    assert_eq!(house.run_state(run), RunState::Completed);
    is_closed(&house, "r0", "leaves it out");
    is_closed(&house, "r1", "changes nothing here any more");
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2), (ChangesetState::Closed, 2)].into());
    house.audit();
    // The same version again has nothing more to close.
    let (_, told) = then(&house, &system, &without(&["r0"]), RunOptions::default()).await;
    assert_eq!(told, Pruned::default());
    assert_eq!(comments(&house, "r0").len(), 1);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_and_closes_nothing() {
    let (house, system) = first(3).await;
    let options = RunOptions { dry_run: true, ..RunOptions::default() };
    let (_, told) = then(&house, &system, &without(&["r0"]), options).await;
    assert_eq!((told.closing, told.closed[0].repository.to_string()), (1, "acme/r0".to_owned()));
    assert_eq!(house.changesets(), [(ChangesetState::Open, 3)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_run_of_a_part_closes_nothing() {
    let (house, system) = first(3).await;
    let options = RunOptions { only: Some("r1".to_owned()), ..RunOptions::default() };
    let run = house.begin_spec(&without(&["r0"]), options);
    house.rest(&system).await;
    assert_eq!((house.run_state(run), pruned(&house, run)), (RunState::Completed, None));
    assert_eq!(house.changesets(), [(ChangesetState::Open, 3)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_a_human_has_touched_stays() {
    let (house, system) = first(4).await;
    let branch = house.changeset("r0").head_branch;
    house.host.push(&house.repository("r0"), &branch, &[SeedFile::new("x", "mine")], "A human's").unwrap();
    let number = house.changeset("r1").pull_request.unwrap().number;
    house.host.edit(&house.repository("r1"), number, "My own words", "");
    let number = house.changeset("r2").pull_request.unwrap().number;
    house.host.close(&house.repository("r2"), number);
    then(&house, &system, &without(&["r0", "r1", "r2"]), RunOptions::default()).await;
    for name in ["r0", "r1"] {
        assert_eq!(house.changeset(name).state, ChangesetState::HandedOver, "{name}");
        assert_eq!(
            house.host.pulls(&house.repository(name))[0].0.state,
            campaigns_domain::publish::PullRequestState::Open
        );
    }
    for name in ["r0", "r1", "r2"] {
        assert!(has_branch(&house, name) && comments(&house, name).is_empty(), "{name}");
    }
    house.audit();
    // And where that is known already, it is told.
    let (_, told) = then(&house, &system, &without(&["r0", "r1", "r2", "x"]), RunOptions::default()).await;
    assert_eq!((told.closing, told.left), (0, 2), "{told:?}");
    assert!(told.stay.iter().all(|named| named.why.contains("a human has taken it over")), "{told:?}");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_failed_or_cannot_be_seen_says_nothing() {
    let (house, system) = first(3).await;
    house.executor.script(&house.repository("r0").name, Script::fails("no"));
    house.host.delete(&house.repository("r1"));
    let gone = FaultEffect::Refuse(CodeHostError::Refused("it is disabled".to_owned()));
    house.host.add_fault(Fault { times: 99, ..Fault::next(Operation::Base, gone) }.of("r2"));
    let (_, told) = then(&house, &system, &without(&["x"]), RunOptions::default()).await;
    assert_eq!((told.closing, told.left), (0, 3), "{told:?}");
    let why = |name: &str| {
        let full = format!("{ACME}/{name}");
        told.stay.iter().find(|named| named.repository.to_string() == full).unwrap().why.clone()
    };
    assert!(why("r0").contains("failed"), "{told:?}");
    assert!(why("r1").contains("cannot be seen"), "{told:?}");
    assert!(why("r2").contains("kept it out"), "{told:?}");
    assert!(house.changesets().keys().all(|state| *state != ChangesetState::Closed));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn many_at_once_wait_for_somebodys_word() {
    let (house, system) = first(8).await;
    let version = without(&["r0", "r1", "r2", "r3", "r4", "r5"]);
    let (_, told) = then(&house, &system, &version, RunOptions::default()).await;
    assert_eq!(told.closing, 6);
    assert!(told.held.contains("more than 20 % of 8"), "{told:?}");
    assert_eq!(house.changesets(), [(ChangesetState::Open, 8)].into());
    let agreed = RunOptions { prune: true, ..RunOptions::default() };
    let (_, told) = then(&house, &system, &version, agreed).await;
    assert_eq!((told.closing, told.held.as_str()), (6, ""));
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2), (ChangesetState::Closed, 6)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_version_without_targets_closes_nothing_by_itself() {
    let (house, system) = first(2).await;
    let (run, told) = then(&house, &system, &without(&["*"]), RunOptions::default()).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert!(told.closing == 2 && told.held.contains("no targets at all"), "{told:?}");
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_again_is_opened_again_when_somebody_asks() {
    let (house, system) = first(2).await;
    then(&house, &system, &without(&["r0"]), RunOptions::default()).await;
    is_closed(&house, "r0", "leaves it out");
    then(&house, &system, &without(&["x"]), RunOptions::default()).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Closed, "nobody has asked");
    house.ask("r0", campaigns_domain::changeset::Ask::Reopen);
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Open);
    assert!(has_branch(&house, "r0"));
    assert_eq!(house.pull_requests()["acme/r0"], 1);
    house.audit();
}

/// Kills the process at each call from when the second version begins, and starts another on what is there.
async fn killed_at_each(which: Which, when: When) {
    for nth in 0.. {
        let (house, before) = first(3).await;
        drop(before);
        house.executor.script(&house.repository("r1").name, Script::changes_nothing());
        let tap = Tap::open(Some(Break { which, nth, when, what: What::Cut }));
        let run = house.begin_spec(&without(&["r0"]), RunOptions::default());
        let second = System::start(tap.behind(house.ports()), house.settings.clone()).await.unwrap();
        tokio::select! {
            () = tap.gone() => {}
            () = house.rest(&second) => {}
        }
        drop(second);
        let third = house.start().await;
        house.rest(&third).await;
        let what = format!("killed {when:?} call {nth} of {which:?}");
        assert_eq!(pruned(&house, run).map(|told| told.closing), Some(2), "{what}");
        is_closed(&house, "r0", "leaves it out");
        is_closed(&house, "r1", "changes nothing here any more");
        house.audit();
        if !tap.was_hit() {
            assert!(nth >= 4, "it was killed only {nth} times");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_anywhere_each_is_closed_once() {
    for when in [When::Before, When::After] {
        killed_at_each(Which::Commits, when).await;
        killed_at_each(Which::HostWrites, when).await;
    }
}
