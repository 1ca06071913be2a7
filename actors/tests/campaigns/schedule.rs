//! Pull requests are read by themselves: soon at first, rarely later, at once on a hint, many at a time.

use crate::support::{ACME, House};
use campaigns_actors::ports::{
    CodeHostError,
    memory::{Fault, FaultEffect, Operation},
};
use campaigns_domain::{
    changeset::ChangesetState,
    publish::{Checks, Mergeability, Review},
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn number(house: &House, name: &str) -> u64 {
    house.changeset(name).pull_request.unwrap().number
}

fn reads(house: &House) -> usize {
    house.host.calls().iter().filter(|call| call.operation == Operation::ReadPullRequests).count()
}

fn due_in(house: &House, name: &str) -> Option<Duration> {
    house.store.due_in(house.changeset(name).id)
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_a_pull_request_is_seen_by_itself() {
    let mut house = House::new().with_repositories(4);
    house.settings.poll_every = Duration::from_secs(30);
    house.settings.follow_every = Duration::from_secs(30);
    house.begin("seen");
    let system = house.start().await;
    house.rest(&system).await;
    assert!(due_in(&house, "r0").unwrap() <= Duration::from_secs(60), "{:?}", due_in(&house, "r0"));
    let say = |name: &str, say: &dyn Fn(&mut campaigns_domain::publish::Seen)| {
        house.host.change(&house.repository(name), number(&house, name), |_, seen| say(seen));
    };
    say("r0", &|seen| seen.checks = Checks::Failed);
    say("r1", &|seen| seen.review = Review::Approved);
    say("r2", &|seen| seen.mergeability = Mergeability::Conflicting);
    house.host.merge(&house.repository("r3"), number(&house, "r3"));
    house.until("the merge is seen", |house| house.changeset("r3").state == ChangesetState::Merged).await;
    let seen = |name: &str| house.changeset(name).seen.unwrap();
    house
        .until("failed checks are seen", |house| house.changeset("r0").seen.unwrap().checks == Checks::Failed)
        .await;
    house
        .until("the conflict is seen", |house| house.changeset("r2").state == ChangesetState::Conflicted)
        .await;
    house.until("the approval is seen", |_| seen("r1").review == Review::Approved).await;
    house.until("what is merged is not read any more", |house| due_in(house, "r3").is_none()).await;
    house.rest(&system).await;
    house.audit();
    // Nothing else happens: it is read, less and less, and nothing is recorded of that.
    let (events, before) = (house.store.dump().events.len(), reads(&house));
    tokio::time::sleep(24 * HOUR).await;
    let in_a_day = reads(&house) - before;
    assert!((5..100).contains(&in_a_day), "{in_a_day} reads in a day");
    assert_eq!(house.store.dump().events.len(), events, "something was recorded although nothing happened");
    assert!(due_in(&house, "r0").unwrap() > HOUR, "{:?}", due_in(&house, "r0"));
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_a_read_at_once() {
    let mut house = House::new().with_repositories(3);
    house.settings.poll_every = Duration::from_secs(30);
    house.settings.follow_every = Duration::from_secs(30);
    house.begin("hint");
    let system = house.start().await;
    house.rest(&system).await;
    tokio::time::sleep(24 * HOUR).await;
    for name in ["r0", "r1", "r2"] {
        house.host.merge(&house.repository(name), number(&house, name));
    }
    house.hint("r0", &[number(&house, "r0")], 1);
    house.hint("r1", &[], 1);
    // Of another pull request of the repository.
    house.hint("r2", &[99], 1);
    house.rest(&system).await;
    let state = |name: &str| house.changeset(name).state;
    assert_eq!((state("r0"), state("r1")), (ChangesetState::Merged, ChangesetState::Merged));
    assert_eq!(state("r2"), ChangesetState::Open);
    house
        .until("it is seen without a hint", |house| house.changeset("r2").state == ChangesetState::Merged)
        .await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn many_are_read_together_and_fewer_where_that_takes_too_long() {
    let house = House::new().with_repositories(120);
    let run = house.begin("many");
    let system = house.start().await;
    house.rest(&system).await;
    let before = reads(&house);
    house.sync(run, 1);
    house.rest(&system).await;
    assert_eq!((house.outcome(1).read, house.outcome(1).failed), (120, 0));
    assert_eq!(reads(&house) - before, 3, "fifty, fifty, and on the second page twenty");
    house.host.answer_at_most(2);
    let before = reads(&house);
    house.sync(run, 2);
    house.rest(&system).await;
    let report = house.outcome(2);
    assert_eq!((report.read, report.changed, report.failed), (120, 0, 0), "{report:?}");
    assert!(reads(&house) - before <= 3 * 64, "{}", reads(&house) - before);
    // Where nothing is answered at all, that is found out soon, and told.
    house.host.answer_at_most(0);
    let before = reads(&house);
    house.sync(run, 3);
    house.rest(&system).await;
    let report = house.outcome(3);
    assert_eq!(report.read, 0);
    assert!(
        report.failed >= 100 && report.failures.iter().any(|each| each.repository == format!("{ACME}/*"))
    );
    assert!(reads(&house) - before <= 7, "{}", reads(&house) - before);
    assert_eq!(house.changesets(), [(ChangesetState::Open, 120)].into(), "an error is no absence");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_limit_stops_reading_for_as_long_as_asked() {
    let house = House::new().with_repositories(3);
    let run = house.begin("limited");
    let system = house.start().await;
    house.rest(&system).await;
    let limited = CodeHostError::Limited { wait: Duration::from_secs(600), reason: "too fast".to_owned() };
    house.host.add_fault(Fault::next(Operation::ReadPullRequests, FaultEffect::Refuse(limited)));
    house.host.close(&house.repository("r0"), number(&house, "r0"));
    house.sync(run, 1);
    house.until("the limit was met", |house| reads(house) > 0).await;
    let before = reads(&house);
    tokio::time::sleep(Duration::from_secs(590)).await;
    assert_eq!(reads(&house), before, "something was read while GitHub asked to wait");
    house.rest(&system).await;
    let report = house.outcome(1);
    assert_eq!((report.read, report.changed >= 1, report.failed), (3, true, 0), "the sync waits for it");
    assert_eq!(house.changeset("r0").state, ChangesetState::Closed);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_told_with_its_reason_and_an_error_never_is() {
    let mut house = House::new().with_repositories(4);
    let run = house.begin("gone");
    let system = house.start().await;
    house.rest(&system).await;
    let gone = house.repository("r0");
    house.host.delete(&gone);
    let replaced = house.repository("r1");
    house.host.delete(&replaced);
    house.host.add_repository(&replaced.name, &[]);
    let renamed = "acme/renamed".parse().unwrap();
    house.host.rename(&house.repository("r2"), &renamed);
    let hidden = FaultEffect::Refuse(CodeHostError::NotFound("the node".to_owned()));
    let broken = FaultEffect::Refuse(CodeHostError::Unavailable("502".to_owned()));
    house.host.add_fault(Fault::next(Operation::ReadPullRequests, hidden).of("r3"));
    house.host.add_fault(Fault::next(Operation::PullRequest, broken).of("r3"));
    house.sync(run, 1);
    house.rest(&system).await;
    for (name, words) in
        [("r0", "is gone, or Campaigns may no longer see it"), ("r1", "another repository now")]
    {
        let changeset = house.changeset(name);
        assert_eq!(changeset.state, ChangesetState::Blocked);
        assert!(changeset.reason.contains(words), "{}", changeset.reason);
    }
    assert_eq!(house.changeset("r2").repository, renamed);
    assert_eq!(house.changeset("r2").state, ChangesetState::Open);
    assert_eq!(house.changeset("r3").state, ChangesetState::Open, "two errors are no absence");
    let report = house.outcome(1);
    assert_eq!((report.read, report.failed), (3, 1), "{report:?}");
    house.repositories.retain(|name, _| name != "acme/r0" && name != "acme/r1");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_goes_on_following() {
    let house = House::new().with_repositories(2);
    house.begin("after");
    let system = house.start().await;
    house.rest(&system).await;
    drop(system);
    house.host.merge(&house.repository("r0"), number(&house, "r0"));
    let system = house.start().await;
    house
        .until("it is seen by the next owner", |house| house.changeset("r0").state == ChangesetState::Merged)
        .await;
    house.rest(&system).await;
    house.audit();
}
