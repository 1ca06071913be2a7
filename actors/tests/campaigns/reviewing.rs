//! Code owners are asked a few at a time, drafts ask nobody, and whoever had no room is asked once there is some.

use crate::support::{ACME, House, spec};
use campaigns_actors::ports::memory::{Fault, FaultEffect, Operation, SeedFile};
use campaigns_domain::{
    changeset::{Ask, ChangesetState},
    execution::run::RunOptions,
};

/// So many repositories with this CODEOWNERS file.
fn owned(count: usize, file: &str) -> House {
    let house = House::new().with_repositories(count);
    for nth in 0..count {
        let file = SeedFile::new(".github/CODEOWNERS", file.to_owned());
        house.host.push(&house.repository(&format!("r{nth}")), "main", &[file], "Owners").unwrap();
    }
    house
}

/// A spec published so, with this under `changesetTemplate`.
fn asking(name: &str, published: &str, dress: &str) -> String {
    format!("{}  {dress}\n", spec(name, ACME, published))
}

/// Everybody who is asked in all of these, teams included.
fn asked(house: &House, count: usize) -> Vec<String> {
    let mut all = vec![];
    for nth in 0..count {
        let worn = house.host.worn(&house.repository(&format!("r{nth}")), 1).unwrap();
        all.extend([worn.reviewers, worn.teams].concat());
    }
    all.sort();
    all
}

fn requests(house: &House) -> usize {
    house.host.calls().iter().filter(|call| call.operation == Operation::RequestReviews).count()
}

#[tokio::test(start_paused = true)]
async fn owners_are_asked_evenly_and_never_more_than_the_cap() {
    let house = owned(
        8,
        "* @maintainer @reviewer @acme/core @campaigns[bot] me@example.com\n* @maintainer @reviewer @acme/core me@example.com\n",
    );
    // Whose answer is lost is seen to be asked, and not asked again.
    house.host.add_fault(Fault::next(Operation::RequestReviews, FaultEffect::LoseAnswer));
    let run = house.begin_spec(
        &asking("capped", "true", "codeOwners: {atMost: 1, maxOpenEach: 2}"),
        RunOptions::default(),
    );
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 8)].into());
    let two_each = ["core", "core", "maintainer", "maintainer", "reviewer", "reviewer"];
    assert_eq!(asked(&house, 8), two_each);
    let waiting: Vec<String> =
        (0..8).map(|nth| format!("r{nth}")).filter(|name| owners(&house, name).waits()).collect();
    assert_eq!(waiting.len(), 2);
    for name in &waiting {
        let notes = owners(&house, name).notes().join("\n");
        assert!(notes.contains("`me@example.com` not asked: an address"), "{notes}");
        assert!(
            notes.contains("one of the code owners `acme/core`, `maintainer`, `reviewer` is asked once"),
            "{notes}"
        );
    }

    // One is merged: one of those that wait has its turn, and no more.
    let merged = (0..8).map(|nth| format!("r{nth}")).find(|name| !waiting.contains(name)).unwrap();
    let freed = owners(&house, &merged).asked;
    house.host.merge(&house.repository(&merged), 1);
    house.sync(run, 1);
    house.rest(&system).await;
    let now: Vec<&String> = waiting.iter().filter(|name| !owners(&house, name).waits()).collect();
    assert_eq!(now.len(), 1);
    assert_eq!(owners(&house, now[0]).asked, freed);
    // Somebody reviews: GitHub takes the request off.
    let other =
        (0..8).map(|nth| format!("r{nth}")).find(|name| *name != merged && !waiting.contains(name)).unwrap();
    house.host.dress(&house.repository(&other), 1, |worn| {
        worn.reviewers.clear();
        worn.teams.clear();
    });
    house.sync(run, 2);
    house.rest(&system).await;
    assert!(waiting.iter().all(|name| !owners(&house, name).waits()));
    assert_eq!(requests(&house), 8, "one for each, and nobody twice");
    house.audit();
}

fn owners(house: &House, name: &str) -> campaigns_domain::changeset::OwnersAsked {
    house.changeset(name).shown.owners.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_draft_asks_nobody_until_somebody_makes_it_ready() {
    let house = owned(3, "* @maintainer\n");
    let run = house.begin_spec(
        &asking("drafts", "draft", "labels: [one]\n  reviewers: [reviewer]\n  codeOwners: true"),
        RunOptions::default(),
    );
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Draft, 3)].into());
    assert_eq!((asked(&house, 3), requests(&house)), (vec![], 0));
    assert_eq!(house.host.worn(&house.repository("r0"), 1).unwrap().labels, ["one"]);
    // `campaigns ready`, a person who presses the button, and one that stays a draft.
    house.ask("r0", Ask::Ready);
    house.host.change(&house.repository("r1"), 1, |pull, _| pull.draft = false);
    house.sync(run, 1);
    house.rest(&system).await;
    for name in ["r0", "r1"] {
        let changeset = house.changeset(name);
        assert_eq!(
            (changeset.state, changeset.shown.worn.reviewers.len()),
            (ChangesetState::Open, 2),
            "{name}"
        );
        let worn = house.host.worn(&house.repository(name), 1).unwrap();
        assert_eq!(worn.reviewers, ["reviewer", "maintainer"]);
    }
    assert_eq!(asked(&house, 3).len(), 4);
    assert_eq!(requests(&house), 4, "once for the spec's and once for the file's");
    house.sync(run, 2);
    house.rest(&system).await;
    assert_eq!(requests(&house), 4);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn whoever_cannot_be_asked_is_passed_over_for_the_next() {
    let house = owned(2, "* @anybody @reviewer\n/CAMPAIGN.md @anybody @maintainer\n");
    house.begin_spec(&asking("next", "true", "codeOwners: {atMost: 1}"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(asked(&house, 2), ["maintainer", "maintainer"]);
    for name in ["r0", "r1"] {
        let owners = owners(&house, name);
        assert_eq!((owners.asked, owners.left_out.len()), (vec!["maintainer".to_owned()], 1));
        assert!(owners.left_out[0].why.contains("collaborators"), "{:?}", owners.left_out);
        assert_eq!(house.changeset(name).seen.unwrap().requested, Some(vec!["maintainer".to_owned()]));
    }
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn whoever_is_asked_already_is_left_alone_and_nobody_is_asked_without_a_file() {
    let house = owned(1, "* @reviewer @maintainer\n");
    let run = house.begin_spec(
        &asking("already", "true", "reviewers: [reviewer]\n  codeOwners: {atMost: 1}"),
        RunOptions::default(),
    );
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!((asked(&house, 1), requests(&house)), (vec!["reviewer".to_owned()], 1));
    assert_eq!(owners(&house, "r0").asked, ["reviewer"]);
    house.sync(run, 1);
    house.rest(&system).await;
    assert_eq!(requests(&house), 1);
    house.audit();

    let house = House::new().with_repositories(1);
    house.begin_spec(&asking("nobody", "true", "codeOwners: true"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!((asked(&house, 1), requests(&house)), (vec![], 0));
    assert_eq!(owners(&house, "r0").notes(), [""; 0]);
    house.audit();
}
