//! What is forecast is what then happens: an undisturbed queue is worked off exactly as it was foreseen.
//!
//! Deliberately absent: what disturbs a queue, of which no forecast knows.

use crate::support::{ACME, House};
use campaigns_actors::ports::{
    Store,
    memory::{Call, Fault, FaultEffect, Operation},
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    publish::budget::{Budget, Cap, Counted, Foreseen, OwnRules, Planned, Present, WriteKind, forecast},
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::Instant};

/// The writes of a changeset, in order.
const WRITES: [WriteKind; 4] =
    [WriteKind::Tree, WriteKind::Commit, WriteKind::Branch, WriteKind::PullRequest];

fn planned(changeset: &Changeset, written: usize) -> Planned {
    let writes = WRITES[written..].to_vec();
    Planned { changeset: changeset.id, campaign: changeset.campaign, writes }
}

/// The moments at which pull requests are opened.
async fn openings(house: &House, count: usize) -> Vec<Instant> {
    let opened = |call: &&Call| call.operation == Operation::CreatePullRequest && call.done;
    let all = async {
        loop {
            let calls = house.host.calls();
            let at: Vec<Instant> = calls.iter().filter(opened).map(|call| call.at).collect();
            if at.len() >= count {
                return at;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30 * 86_400), all).await.expect("it does not end")
}

/// The forecast as of now; `first` is the repository whose tree alone is written.
async fn foreseen(house: &House, budget: &Budget, first: &str) -> (DateTime<Utc>, Vec<Foreseen>) {
    let mut sending: Vec<_> = house.store.dump().changesets.into_values().collect();
    sending.retain(|changeset| changeset.state == ChangesetState::Publishing);
    // The others have waited for their turns; the first asks for its next one behind them.
    let is_first = |changeset: &Changeset| changeset.repository.to_string() == first;
    sending.sort_by_key(is_first);
    let sending: Vec<_> = sending.iter().map(|one| planned(one, usize::from(is_first(one)))).collect();
    let scheduled = house.store.scheduled(ACME, u32::MAX).await.unwrap();
    let waiting: Vec<_> = scheduled.iter().map(|one| planned(one, 0)).collect();
    let campaigns: Vec<_> = sending.iter().chain(&waiting).map(|planned| planned.campaign).collect();
    let spending = house.store.spending(ACME, &campaigns, budget).await.unwrap();
    let history = spending.writes();
    let present = Present {
        now: spending.now,
        not_before: None,
        budget,
        own: &OwnRules::default(),
        pace: house.store.standing(ACME).await.unwrap().pace,
        organization: &ACME.to_lowercase(),
        history: &history,
        at_once: house.settings.publish_at_once,
        sending: &sending,
        waiting: &waiting,
    };
    (spending.now, forecast(&present))
}

async fn what_is_foreseen_happens(
    repositories: usize,
    at_once: usize,
    budget: Budget,
) -> Result<(), TestCaseError> {
    let mut house = House::new().with_repositories(repositories);
    house.settings.publish_at_once = at_once;
    house.settings.budget = budget.clone();
    // The first answer is held back until everything is scheduled.
    let answer = Arc::new(Semaphore::new(0));
    house.host.add_fault(Fault::next(Operation::CreateTree, FaultEffect::HoldAnswer(answer.clone())));
    house.begin("foreseen");
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let calls = house.host.calls();
    let trees: Vec<_> = calls.iter().filter(|call| call.operation == Operation::CreateTree).collect();
    prop_assert_eq!(trees.len(), 1, "one write at a time");
    answer.add_permits(1);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let asked = Instant::now();
    let (now, foreseen) = foreseen(&house, &budget, &trees[0].of).await;
    prop_assert_eq!(foreseen.len(), repositories);
    let mut expected: Vec<TimeDelta> = foreseen.iter().map(|one| one.open - now).collect();
    expected.sort_unstable();
    let happened: Vec<TimeDelta> = openings(&house, repositories)
        .await
        .iter()
        .map(|at| TimeDelta::from_std(*at - asked).unwrap())
        .collect();
    // A timer fires up to a millisecond late, and every write may have waited for one.
    let tolerance = TimeDelta::milliseconds(5 + 4 * i64::try_from(repositories).unwrap());
    for (nth, (expected, happened)) in expected.iter().zip(&happened).enumerate() {
        let difference = *happened - *expected;
        prop_assert!(
            difference >= TimeDelta::milliseconds(-2) && difference <= tolerance,
            "pull request {} was foreseen in {} and opened in {}",
            nth,
            expected,
            happened
        );
    }
    house.rest(&system).await;
    house.audit();
    Ok(())
}

fn any_budget() -> impl Strategy<Value = Budget> {
    let content = (20..600_u32, 1..9_u32).prop_map(|(seconds, cap)| Cap::new(Counted::Content, seconds, cap));
    let pulls =
        (20..6_000_u32, 1..5_u32).prop_map(|(seconds, cap)| Cap::new(Counted::PullRequests, seconds, cap));
    let points =
        (20..600_u32, 1..9_u32).prop_map(|(seconds, cap)| Cap::new(Counted::Points, seconds, 5 * cap));
    let caps = (prop::option::of(content), prop::option::of(points), prop::option::of(pulls));
    let caps = caps.prop_map(|(one, two, three)| one.into_iter().chain(two).chain(three).collect::<Vec<_>>());
    let own = prop::option::of((20..6_000_u32, 1..5_u32));
    (caps.clone(), caps, own, 50..3_000_u32).prop_map(|(global, organization, own, spacing)| Budget {
        global,
        organization,
        campaign: own
            .map(|(seconds, cap)| Cap::new(Counted::PullRequests, seconds, cap))
            .into_iter()
            .collect(),
        spacing,
        ..Budget::unlimited()
    })
}

/// Drawn cases in the test's own virtual time, the same ones every time.
#[tokio::test(start_paused = true)]
async fn an_undisturbed_queue_is_worked_off_as_foreseen() {
    let mut runner = TestRunner::deterministic();
    let cases = (1..14_usize, 1..5_usize, any_budget());
    for _ in 0..24 {
        let (repositories, at_once, budget) = cases.new_tree(&mut runner).unwrap().current();
        let happened = what_is_foreseen_happens(repositories, at_once, budget.clone()).await;
        assert!(happened.is_ok(), "{happened:?}: {repositories} repositories, {at_once} at once, {budget:?}");
    }
}
