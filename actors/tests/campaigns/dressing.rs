//! What pull requests wear: put on once whatever happens, refused without harm, and people's choices stand.

use crate::support::{ACME, House, spec};
use campaigns_actors::ports::memory::{Fault, FaultEffect, Operation};
use campaigns_domain::{
    changeset::{ChangesetState, Worn},
    execution::run::RunOptions,
};

/// A published spec with this under `changesetTemplate`.
fn dressed(name: &str, dress: &str) -> String {
    format!("{}  {dress}\n", spec(name, ACME, "true"))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const ALL: &str = "labels: [automated, 'for: ${{ repository.name }}']\n  assignees: [maintainer]\n  reviewers: \
                   [reviewer]\n  teamReviewers: [acme/core, other/core]";

/// How often each write for what a pull request wears was made, or tried.
fn writes(house: &House) -> [usize; 3] {
    let count = |operation| house.host.calls().iter().filter(|call| call.operation == operation).count();
    [Operation::AddLabels, Operation::AddAssignees, Operation::RequestReviews].map(count)
}

#[tokio::test(start_paused = true)]
async fn a_pull_request_is_given_all_it_is_to_wear_in_three_writes() {
    let house = House::new().with_repositories(2);
    house.begin_spec(&dressed("worn", ALL), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2)].into());
    for name in ["r0", "r1"] {
        let wanted = Worn {
            labels: vec!["automated".to_owned(), format!("for: acme/{name}")],
            assignees: names(&["maintainer"]),
            reviewers: names(&["reviewer"]),
            teams: names(&["core"]),
        };
        assert_eq!(house.host.worn(&house.repository(name), 1), Some(wanted.clone()));
        let changeset = house.changeset(name);
        assert_eq!((changeset.shown.worn, changeset.shown.notes), (wanted.clone(), vec![]));
        assert_eq!(changeset.seen.unwrap().labels, Some(wanted.labels));
    }
    assert_eq!(writes(&house), [2, 2, 2]);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn lost_answers_put_nothing_on_twice() {
    let house = House::new().with_repositories(1);
    for operation in [Operation::AddLabels, Operation::AddAssignees, Operation::RequestReviews] {
        house.host.add_fault(Fault::next(operation, FaultEffect::LoseAnswer));
    }
    house.begin_spec(&dressed("lost", ALL), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Open);
    assert_eq!(writes(&house), [1, 1, 1], "what is seen to be there is not written again");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_asked_is_told_and_all_others_are_asked() {
    let house = House::new().with_repositories(1);
    let dress = format!(
        "labels: [good, '{}']\n  assignees: [nobody, reviewer]\n  reviewers: [stranger, reviewer]\n  teamReviewers: [core]",
        "x-${{ repository.name }}".repeat(8)
    );
    house.begin_spec(&dressed("refused", &dress), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    let changeset = house.changeset("r0");
    assert_eq!(changeset.state, ChangesetState::Open, "{}", changeset.reason);
    let wanted = Worn {
        labels: names(&["good"]),
        assignees: names(&["reviewer"]),
        reviewers: names(&["reviewer"]),
        teams: names(&["core"]),
    };
    assert_eq!(house.host.worn(&house.repository("r0"), 1), Some(wanted.clone()));
    assert_eq!(changeset.shown.worn, wanted);
    let told = changeset.shown.notes.join("\n");
    assert_eq!(changeset.shown.notes.len(), 3, "{told}");
    for of in [
        "label `x-acme/r0",
        "`nobody` cannot be assigned",
        "reviewer `stranger` not put on: Reviews may only",
    ] {
        assert!(told.contains(of), "{told}");
    }
    // Together first, then each alone.
    assert_eq!(writes(&house), [3, 1, 4]);
    let why = changeset.state.why(&changeset.reason, None, &changeset.shown.notes);
    assert!(why.contains("stranger"), "{why}");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_a_person_takes_off_stays_off_and_what_is_theirs_stays_on() {
    let house = House::new().with_repositories(1);
    let run = house
        .begin_spec(&dressed("people", "labels: [one, two]\n  reviewers: [reviewer]"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    house.host.dress(&house.repository("r0"), 1, |worn| {
        worn.labels = names(&["two", "mine"]);
        worn.reviewers.clear();
    });
    house.sync(run, 1);
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").seen.unwrap().labels, Some(names(&["mine", "two"])));
    // A further version adds what it has more than the last one, and nothing else.
    house.changes_again("more\n");
    let more = "labels: [one, two, three]\n  reviewers: [reviewer, maintainer]";
    house.begin_spec(&dressed("people", more), RunOptions::default());
    house.rest(&system).await;
    let worn = house.host.worn(&house.repository("r0"), 1).unwrap();
    assert_eq!((worn.labels, worn.reviewers), (names(&["two", "mine", "three"]), names(&["maintainer"])));
    let changeset = house.changeset("r0");
    assert_eq!(changeset.generation, 2);
    assert_eq!(changeset.seen.unwrap().labels, Some(names(&["two", "mine", "three"])));
    house.audit();
}
