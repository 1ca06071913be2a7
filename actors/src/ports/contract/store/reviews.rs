//! Places for review requests: fair, counted over everything that is open, and never more than the cap.
//!
//! Deliberately absent: who may be asked at all.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World, moved_changeset, opened},
};
use crate::ports::{CommitError, ReviewRequest};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState as State, OwnersAsked, Seen, Shown},
    id::Shard,
    spec::Publication,
};
use std::{collections::BTreeMap, sync::Arc};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn request(of: &Changeset, candidates: &[&str], at_most: u32, max_open_each: u32) -> ReviewRequest {
    ReviewRequest {
        campaign: of.campaign,
        changeset: of.id,
        organization: ORGANIZATION.to_owned(),
        generation: of.generation,
        candidates: names(candidates),
        at_most,
        max_open_each,
    }
}

/// A world with so many changesets that are scheduled.
async fn world<H: StoreHarness>(harness: Arc<H>, count: u32) -> (World<H>, Vec<Changeset>) {
    let (world, targets) = World::with_targets(harness, count).await;
    let changesets: Vec<Changeset> =
        targets.iter().map(|target| world.new_changeset(target, Publication::Ready)).collect();
    for changeset in &changesets {
        world.propose(changeset).await;
    }
    (world, changesets)
}

/// One version on: open, with these asked for a review, as this generation found out.
fn asked(before: &Changeset, requested: &[&str], generation: u32) -> Changeset {
    let owners = OwnersAsked {
        of: before.wanted.execution(),
        generation,
        asked: names(requested),
        waiting: vec![],
        passed: vec![],
        left_out: vec![],
    };
    Changeset {
        seen: Some(Seen { requested: Some(names(requested)), ..Seen::default() }),
        shown: Shown { owners: Some(owners), ..Shown::default() },
        ..opened(before, 5)
    }
}

async fn commit<H: StoreHarness>(world: &World<H>, before: &Changeset, after: Changeset) -> Changeset {
    world.commit(world.moved_changeset(before, after.clone()).await).await;
    after
}

pub(super) async fn places_go_to_the_least_loaded_up_to_the_cap<H: StoreHarness>(harness: Arc<H>) {
    let (world, all) = world(harness, 6).await;
    let (store, lease) = (world.store(), world.lease(ORGANIZATION).await);
    let take = async |nth: usize, candidates: &[&str], at_most, cap| {
        store.take_reviews(&lease, request(&all[nth], candidates, at_most, cap)).await.expect("an answer")
    };
    let team = format!("{ORGANIZATION}/Core");
    let candidates = ["Ada", "grace", team.as_str()];
    assert_eq!(take(0, &candidates, 1, 2).await, ["Ada"], "the first of equals");
    assert_eq!(take(1, &candidates, 1, 2).await, ["grace"]);
    assert_eq!(take(2, &candidates, 2, 2).await, [team.as_str(), "Ada"], "the least loaded first");
    assert_eq!(take(3, &["ADA", "grace"], 2, 2).await, ["grace"], "nobody over the cap, whatever the case");
    assert_eq!(take(4, &["ada", "Grace"], 2, 2).await, [""; 0]);
    // Whoever asks again has what it took.
    assert_eq!(take(0, &candidates, 1, 2).await, ["Ada"]);
    assert_eq!(take(4, &[], 3, 2).await, [""; 0]);
    assert_eq!(take(5, &candidates, 0, 2).await, [""; 0]);
    let open = BTreeMap::from([("ada".to_owned(), 2), ("grace".to_owned(), 2), (team.to_lowercase(), 1)]);
    assert_eq!(store.open_reviews(world.run.campaign).await, Ok(open));
}

pub(super) async fn a_place_counts_until_its_outcome_is_on_record<H: StoreHarness>(harness: Arc<H>) {
    let (world, all) = world(harness, 4).await;
    let (store, lease) = (world.store(), world.lease(ORGANIZATION).await);
    let open = async || store.open_reviews(world.run.campaign).await.expect("an answer");
    let ada = |count| BTreeMap::from([("ada".to_owned(), count)]);
    for one in &all[..3] {
        store.take_reviews(&lease, request(one, &["ada"], 1, 9)).await.expect("a place");
    }
    assert_eq!(open().await, ada(3));
    // What was seen counts from then on: asked, not asked after all, and given since.
    let first = commit(&world, &all[0], asked(&all[0], &["Ada"], 1)).await;
    commit(&world, &all[1], asked(&all[1], &[], 1)).await;
    assert_eq!(open().await, ada(2));
    let reviewed = Changeset {
        seen: Some(Seen { requested: Some(vec![]), ..Seen::default() }),
        version: first.version + 1,
        ..first.clone()
    };
    let first = commit(&world, &first, reviewed).await;
    assert_eq!(open().await, ada(1));
    // An outcome that says nothing of reviews frees the place once nothing is under way.
    let blocked = Changeset { shown: Shown::default(), ..moved_changeset(&all[2], State::Blocked) };
    commit(&world, &all[2], blocked).await;
    assert_eq!(open().await, BTreeMap::new());
    // A person asks somebody, which counts, until it is merged.
    let by_hand = Changeset {
        seen: Some(Seen { requested: Some(names(&["ada", "grace"])), ..Seen::default() }),
        version: first.version + 1,
        ..first.clone()
    };
    let first = commit(&world, &first, by_hand).await;
    let answer = store.take_reviews(&lease, request(&all[3], &["ada", "grace", "acme/core"], 3, 1)).await;
    assert_eq!(answer, Ok(names(&["acme/core"])));
    let merged = Changeset { state: State::Merged, version: first.version + 1, ..first.clone() };
    commit(&world, &first, merged).await;
    let answer = store.take_reviews(&lease, request(&all[3], &["ada", "grace", "acme/core"], 2, 1)).await;
    assert_eq!(answer, Ok(names(&["acme/core", "ada"])));
}

pub(super) async fn a_cap_holds_whoever_asks_at_once<H: StoreHarness>(harness: Arc<H>) {
    let (world, all) = world(harness, 12).await;
    let lease = Arc::new(world.lease(ORGANIZATION).await);
    let mut tasks = tokio::task::JoinSet::new();
    for one in &all {
        let (store, lease, request) = (world.store(), lease.clone(), request(one, &["ada", "grace"], 2, 3));
        tasks.spawn(async move { store.take_reviews(&lease, request).await.expect("an answer") });
    }
    let taken: Vec<String> = tasks.join_all().await.concat();
    let count = |name: &str| taken.iter().filter(|taken| *taken == name).count();
    assert_eq!((count("ada"), count("grace")), (3, 3), "{taken:?}");
}

pub(super) async fn an_old_epoch_takes_no_place<H: StoreHarness>(harness: Arc<H>) {
    let (world, all) = world(harness, 1).await;
    let old = world.lease(ORGANIZATION).await;
    world.take_over(Shard::of_organization(ORGANIZATION)).await;
    let answer = world.store().take_reviews(&old, request(&all[0], &["ada"], 1, 9)).await;
    assert!(matches!(&answer, Err(CommitError::Fenced(fence)) if *fence == old.fence()), "{answer:?}");
    assert_eq!(world.store().open_reviews(world.run.campaign).await, Ok(BTreeMap::new()));
}
