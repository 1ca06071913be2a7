//! Pull requests whose branch or base moves without a human's hand: what is told apart from one, and what the next
//! version makes of it.

use crate::support::{House, number, open};
use campaigns_actors::{
    System,
    ports::memory::{Script, SeedFile},
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::{run::RunState, target::TargetState},
};
use std::time::Duration;

/// Two open pull requests, whose spec trusts somebody.
async fn trusting(name: &str) -> (House, System, Changeset) {
    let house = House::new().with_repositories(2);
    let spec = crate::support::spec(name, crate::support::ACME, "true")
        + "policy:\n  trustedCommitters: [\"format[bot]\"]\n";
    house.begin_spec(&spec, Default::default());
    let system = house.start().await;
    house.rest(&system).await;
    let changeset = house.changeset("r0");
    (house, system, changeset)
}

#[tokio::test(start_paused = true)]
async fn the_update_branch_button_is_no_humans_hand() {
    for synced in [true, false] {
        let (house, system, first) = open("button").await;
        let repository = house.repository("r0");
        let base = house.host.push(&repository, "main", &[SeedFile::new("other", "x")], "Theirs").unwrap();
        let merged = house.host.update_branch(&repository, number(&first)).unwrap();
        if synced {
            house.sync(first.wanted.run, 1);
            house.rest(&system).await;
            let after = house.changeset("r0");
            assert_eq!((after.state, &after.head), (ChangesetState::Open, &Some(merged.clone())));
            assert_eq!(after.shown.base, Some(base));
            assert_eq!(house.host.head_of(&repository, &after.head_branch).unwrap().commit, merged);
        }
        house.changes_again("other\n");
        house.begin("button");
        house.rest(&system).await;
        let next = house.changeset("r0");
        let head = house.host.head_of(&repository, &next.head_branch).unwrap();
        assert_eq!(
            (next.state, head.parents.clone()),
            (ChangesetState::Open, vec![merged]),
            "on top of the button's"
        );
        assert_eq!(house.host.file(&repository, &head, "other").as_deref(), Some("x"));
        assert_eq!(house.host.file(&repository, &head, "CAMPAIGN.md").as_deref(), Some("other\n"));
        house.audit();
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_on_an_older_base_takes_nothing_of_a_newer_one_back() {
    for (theirs, state) in [("other", ChangesetState::Open), ("more", ChangesetState::Blocked)] {
        let (house, system, first) = open("older").await;
        let repository = house.repository("r0");
        let slow = Script::writes("more", "ours").taking(Duration::from_secs(60));
        house.executor.script(&repository.name, slow);
        let run = house.begin("older");
        house.until("it executes", |house| house.targets(run).contains_key(&TargetState::Executing)).await;
        house.host.push(&repository, "main", &[SeedFile::new(theirs, "x")], "Theirs").unwrap();
        let merged = house.host.update_branch(&repository, number(&first)).unwrap();
        house.rest(&system).await;
        let after = house.changeset("r0");
        let head = house.host.head_of(&repository, &after.head_branch).unwrap();
        assert_eq!(after.state, state, "{}", after.reason);
        if state == ChangesetState::Open {
            assert_eq!(head.parents, [merged]);
            assert_eq!(house.host.file(&repository, &head, theirs).as_deref(), Some("x"));
            assert_eq!(house.host.file(&repository, &head, "more").as_deref(), Some("ours"));
        } else {
            assert_eq!(head.commit, merged, "nothing is put on top of it");
            assert!(after.reason.contains("`rebase`"), "{}", after.reason);
        }
        house.audit();
    }
}

#[tokio::test(start_paused = true)]
async fn a_merge_with_more_in_it_is_a_humans_hand() {
    let (house, system, first) = open("more").await;
    let repository = house.repository("r0");
    house.host.push(&repository, "main", &[SeedFile::new("other", "x")], "Theirs").unwrap();
    house.host.update_branch(&repository, number(&first)).unwrap();
    house.host.push(&repository, &first.head_branch, &[SeedFile::new("x", "mine")], "Mine").unwrap();
    house.sync(first.wanted.run, 1);
    house.rest(&system).await;
    let after = house.changeset("r0");
    assert_eq!(after.state, ChangesetState::HandedOver);
    assert!(after.reason.contains("somebody pushed"), "{}", after.reason);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_commit_by_somebody_trusted_becomes_ours() {
    let (house, system, first) = trusting("trusted").await;
    let push = |name: &str, by: &str| {
        let (repository, changeset) = (house.repository(name), house.changeset(name));
        let files = [SeedFile::new("x", "formatted")];
        let commit = house.host.push(&repository, &changeset.head_branch, &files, "Format").unwrap();
        house.host.sign(&repository, &commit, by);
        commit
    };
    let (bot, _) = (push("r0", "format[bot]"), push("r1", "eve"));
    house.sync(first.wanted.run, 1);
    house.rest(&system).await;
    let after = house.changeset("r0");
    assert_eq!((after.state, after.head), (ChangesetState::Open, Some(bot)));
    assert_eq!(house.changeset("r1").state, ChangesetState::HandedOver);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_rebase_appends_a_merge_of_the_base_as_it_is_now() {
    let (house, system, first) = open("rebased").await;
    let repository = house.repository("r0");
    let base =
        house.host.push(&repository, "main", &[SeedFile::new("CAMPAIGN.md", "theirs")], "Theirs").unwrap();
    house.changes_again("on top of theirs\n");
    let run = house.rebase("r0").await;
    house.rest(&system).await;
    let after = house.changeset("r0");
    let head = house.host.head_of(&repository, &after.head_branch).unwrap();
    assert_eq!(
        head.parents,
        [first.head.clone().unwrap(), base.clone()],
        "our head, and the base as it is now"
    );
    assert_eq!(
        (after.state, &after.head, &after.shown.base),
        (ChangesetState::Open, &Some(head.commit.clone()), &Some(base))
    );
    assert_eq!(house.host.file(&repository, &head, "CAMPAIGN.md").as_deref(), Some("on top of theirs\n"));
    assert_eq!(
        (after.wanted.run, after.wanted.target),
        (first.wanted.run, first.wanted.target),
        "it stays its run's"
    );
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.pull_requests().values().sum::<usize>(), 1);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_rebase_that_has_nothing_left_to_propose_says_so() {
    for (script, word) in [
        (Script::changes_nothing(), "the base has it already"),
        (Script::fails("no such file"), "no such file"),
    ] {
        let (house, system, first) = open("nothing").await;
        let repository = house.repository("r0");
        house.host.push(&repository, "main", &[SeedFile::new("CAMPAIGN.md", "hello\n")], "Theirs").unwrap();
        house.executor.script(&repository.name, script);
        let run = house.rebase("r0").await;
        house.rest(&system).await;
        let after = house.changeset("r0");
        assert_eq!(
            (after.state, after.head),
            (ChangesetState::Open, first.head),
            "nothing is put on the branch"
        );
        assert!(after.reason.contains(word), "{}", after.reason);
        assert_eq!(house.run_state(run), RunState::Completed);
        house.audit();
    }
}

#[tokio::test(start_paused = true)]
async fn a_rebase_gives_way_to_a_newer_version_and_to_a_humans_hand() {
    let (house, system, _) = open("gives-way").await;
    let repository = house.repository("r0");
    let slow = Script::writes("CAMPAIGN.md", "old, on the new base\n").taking(Duration::from_secs(60));
    house.executor.script(&repository.name, slow);
    let run = house.rebase("r0").await;
    house.until("it executes", |house| house.targets(run).contains_key(&TargetState::Executing)).await;
    house.changes_again("new\n");
    house.begin("gives-way");
    house.rest(&system).await;
    let after = house.changeset("r0");
    let head = house.host.head_of(&repository, &after.head_branch).unwrap();
    assert_eq!(house.host.file(&repository, &head, "CAMPAIGN.md").as_deref(), Some("new\n"));
    assert_eq!(house.run_state(run), RunState::Completed);
    // And once somebody has pushed, nothing comes of it either.
    let theirs =
        house.host.push(&repository, &after.head_branch, &[SeedFile::new("x", "mine")], "Mine").unwrap();
    let run = house.rebase("r0").await;
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::HandedOver);
    assert_eq!(house.host.head_of(&repository, &after.head_branch).unwrap().commit, theirs);
    assert_eq!(house.run_state(run), RunState::Completed);
    house.audit();
}
