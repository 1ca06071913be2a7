//! A law: whatever people and the code host do, and whichever hints of it arrive, twice, in any order or not at all,
//! the end is the same as without any. Left out is what leaves no trace once it is undone and counts as a human's hand all
//! the same, such as a moment as a draft: only who looks in time can know of it.

use crate::support::House;
use campaigns_actors::ports::memory::SeedFile;
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    id::CommitSha,
    publish::{Checks, Mergeability, PullRequestState, QueueState, Review, Seen},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::time::Duration;

const REPOSITORIES: usize = 3;

/// What somebody does to a pull request.
#[derive(Debug, Clone)]
enum Act {
    Merge,
    Close,
    Reopen,
    Push,
    Retitle(u8),
    Checks(Checks),
    Review(Review),
    Conflict(bool),
    Queue(bool),
    Archive,
}

/// An act on the pull request of one repository, this long after the one before, with how often it is hinted at and
/// how many hints of earlier acts come again with it.
#[derive(Debug, Clone)]
struct Step {
    repository: usize,
    act: Act,
    after: Duration,
    hints: usize,
    again: usize,
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::Merge),
        2 => Just(Act::Close),
        2 => Just(Act::Reopen),
        1 => Just(Act::Push),
        1 => any::<u8>().prop_map(Act::Retitle),
        3 => prop::sample::select(Checks::ALL).prop_map(Act::Checks),
        2 => prop::sample::select(Review::ALL).prop_map(Act::Review),
        3 => any::<bool>().prop_map(Act::Conflict),
        1 => any::<bool>().prop_map(Act::Queue),
        1 => Just(Act::Archive),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    // From at once to hours later.
    let after = prop_oneof![Just(0), 1..120_u64, 600..10_800_u64].prop_map(Duration::from_secs);
    (0..REPOSITORIES, any_act(), after, 0..3_usize, 0..3_usize)
        .prop_map(|(repository, act, after, hints, again)| Step { repository, act, after, hints, again })
}

fn act(house: &House, name: &str, act: &Act) {
    let (repository, number) = (house.repository(name), house.changeset(name).pull_request.unwrap().number);
    let say = |change: &dyn Fn(&mut Seen)| house.host.change(&repository, number, |_, seen| change(seen));
    match act {
        Act::Merge => house.host.merge(&repository, number),
        Act::Close => house.host.close(&repository, number),
        Act::Reopen => house.host.change(&repository, number, |pull, _| {
            if pull.state == PullRequestState::Closed {
                pull.state = PullRequestState::Open;
            }
        }),
        Act::Push => {
            let branch = house.changeset(name).head_branch;
            house.host.push(&repository, &branch, &[SeedFile::new("mine", "mine")], "Mine").unwrap();
        }
        Act::Retitle(n) => {
            house.host.change(&repository, number, |pull, _| pull.title = format!("Title {n}"))
        }
        Act::Checks(now) => say(&|seen| seen.checks = *now),
        Act::Review(now) => say(&|seen| seen.review = *now),
        Act::Conflict(now) => say(&|seen| {
            seen.mergeability = if *now { Mergeability::Conflicting } else { Mergeability::Mergeable };
        }),
        Act::Queue(now) => say(&|seen| seen.queue = now.then_some(QueueState::Queued)),
        Act::Archive => house.host.archive(&repository),
    }
}

/// Where everything stands in the end. What was seen of a pull request before its end is as fresh as the last read
/// of it, and no part of where it stands.
fn standing(house: &House) -> Vec<(ChangesetState, Option<Seen>, Changeset)> {
    let of = |n: usize| {
        let changeset = house.changeset(&format!("r{n}"));
        let ended = matches!(changeset.state, ChangesetState::Merged | ChangesetState::Closed);
        let mut seen = changeset.seen.clone().filter(|_| !ended);
        // Commits have times, and so other names in another telling; whether the head is ours is the same.
        if let Some(seen) = &mut seen {
            seen.head = seen.head.take().filter(|head| changeset.head.as_ref() == Some(head)).map(|_| ours());
        }
        // When a push was seen shows in the words, and how often something was in the version.
        let mut rest = Changeset { reason: String::new(), seen: None, version: 0, ..changeset.clone() };
        rest.head = rest.head.map(|_| ours());
        rest.wanted.base = ours();
        (changeset.state, seen, rest)
    };
    (0..REPOSITORIES).map(of).collect()
}

fn ours() -> CommitSha {
    CommitSha("ours".to_owned())
}

/// Tells the story, with hints or without; where everything stands a day later.
async fn told(steps: &[Step], hinted: bool) -> Vec<(ChangesetState, Option<Seen>, Changeset)> {
    let mut house = House::new().with_repositories(REPOSITORIES);
    house.settings.poll_every = Duration::from_secs(120);
    house.settings.follow_every = Duration::from_secs(120);
    house.begin("story");
    let system = house.start().await;
    house.rest(&system).await;
    let (mut past, mut nth) = (vec![], 0);
    for step in steps {
        tokio::time::sleep(step.after).await;
        let name = format!("r{}", step.repository);
        act(&house, &name, &step.act);
        past.push(name.clone());
        if hinted {
            // The newest first, and old ones after it.
            let again = past.iter().rev().step_by(2).take(step.again);
            for name in std::iter::repeat_n(&name, step.hints).chain(again) {
                nth += 1;
                house.hint(name, &[], nth);
            }
        }
    }
    tokio::time::sleep(Duration::from_secs(24 * 3_600)).await;
    house.rest(&system).await;
    house.audit();
    standing(&house)
}

#[tokio::test(start_paused = true)]
async fn hints_change_when_and_never_what() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let steps = prop::collection::vec(any_step(), 1..14).new_tree(&mut runner).unwrap().current();
        let polled = told(&steps, false).await;
        assert_eq!(polled, told(&steps, true).await, "{steps:#?}");
    }
}
