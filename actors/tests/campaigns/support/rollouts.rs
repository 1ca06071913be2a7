//! Rollouts in a house: beginning one, and seeing how many pull requests it has come to.
//!
//! Deliberately absent: what people and checks say about them, which each test has for itself.

use super::{ACME, House, spec};
use campaigns_domain::{changeset::ChangesetState, execution::run::RunOptions, id::RunId};
use std::time::Duration;
use tokio::time::Instant;

/// Begins a campaign over [`ACME`] with this `rollout`.
pub(crate) fn begin(house: &House, name: &str, rollout: &str) -> RunId {
    house.begin_spec(&format!("{}{rollout}\n", spec(name, ACME, "true")), RunOptions::default())
}

/// Lets time go by until something is so; how long it took.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    let comes = async {
        while !so() {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(48 * 3600), comes)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
    begun.elapsed()
}

/// How many pull requests were ever opened.
pub(crate) fn opened(house: &House) -> usize {
    house.pull_requests().values().sum()
}

/// Shows that so many are opened, and no more for so many minutes.
pub(crate) async fn stays_at(house: &House, count: usize, minutes: u64) {
    until("opened", || opened(house) >= count).await;
    let over = Instant::now() + Duration::from_secs(minutes * 60);
    until("over", || Instant::now() >= over).await;
    assert_eq!(opened(house), count, "{:?}", house.store.dump().runs);
}

/// Has a person merge a repository's pull request, and that read: the `nth` time that a test does.
pub(crate) async fn merge(house: &House, run: RunId, name: &str, nth: u32) {
    let number = house.changeset(name).pull_request.unwrap().number;
    house.host.merge(&house.repository(name), number);
    house.sync(run, nth);
    until("merged", || house.changeset(name).state == ChangesetState::Merged).await;
}
