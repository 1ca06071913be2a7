//! What a whole read tells, and when the next one is.

use super::samples::{commit, name, place, proposal, published, pull_request};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEvent, ChangesetState as State},
    publish::{
        Checks, MergeMethod, MergeState, Mergeability, PullRequestState, QueueState, Reading, Review, Seen,
    },
    reconcile::{Due, due, lost, noticed, observed},
    spec::Publication,
};
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Open with head `1` and pull request 5; nobody has read it.
fn open() -> Changeset {
    let (new, _) = Changeset::propose(place(), proposal(1, 1, Publication::Ready));
    let sending = apply(&new, &ChangesetEvent::PublishStarted { generation: 1 });
    apply(&sending, &ChangesetEvent::Published { generation: 1, published: published('1', false) })
}

fn apply(changeset: &Changeset, event: &ChangesetEvent) -> Changeset {
    changeset.apply(event).into_applied().unwrap_or_else(|| panic!("{event:?} on {changeset:?}")).0
}

/// What a read shows where nothing has happened.
fn reading() -> Reading {
    Reading {
        pull_request: pull_request(5, PullRequestState::Open, '1'),
        repository: name("acme/tool"),
        archived: false,
        checks: Checks::None,
        review: Review::None,
        mergeability: Mergeability::Mergeable,
        merge_state: MergeState::Clean,
        auto_merge: None,
        queue: None,
        labels: vec![],
        requested: vec![],
        queue_position: None,
        base_head: None,
    }
}

/// Takes a read up: the changeset after it, and the names of what happened.
fn read(changeset: &Changeset, reading: &Reading) -> (Changeset, Vec<&'static str>) {
    let (mut next, mut names) = (changeset.clone(), vec![]);
    let first = observed(&next, &reading.pull_request, None);
    for event in first.into_iter() {
        next = apply(&next, &event);
        names.push(event.name());
    }
    for event in noticed(&next, reading) {
        next = apply(&next, &event);
        names.push(event.name());
    }
    assert_eq!(noticed(&next, reading), [], "the same read tells nothing more");
    assert_eq!(observed(&next, &reading.pull_request, None), None);
    (next, names)
}

/// Open, and read once.
fn known() -> Changeset {
    let (known, names) = read(&open(), &reading());
    assert_eq!(names, ["changeset.seen", "changeset.checks_none", "changeset.mergeable"]);
    known
}

#[test]
fn a_read_tells_what_changed_and_nothing_else() {
    let retitled = {
        let mut pull = pull_request(5, PullRequestState::Open, '1');
        pull.title = "Mine now".to_owned();
        pull
    };
    let cases: Vec<(Reading, Vec<&str>)> = vec![
        (reading(), vec![]),
        (Reading { checks: Checks::Pending, ..reading() }, vec!["changeset.checks_pending"]),
        (Reading { checks: Checks::Passed, ..reading() }, vec!["changeset.checks_passed"]),
        (
            Reading { checks: Checks::Failed, merge_state: MergeState::Unstable, ..reading() },
            vec!["changeset.seen", "changeset.checks_failed"],
        ),
        (Reading { review: Review::Approved, ..reading() }, vec!["changeset.approved"]),
        (Reading { review: Review::ChangesRequested, ..reading() }, vec!["changeset.changes_requested"]),
        (
            Reading { review: Review::Required, checks: Checks::Pending, ..reading() },
            vec!["changeset.checks_pending", "changeset.review_required"],
        ),
        (Reading { auto_merge: Some(MergeMethod::Squash), ..reading() }, vec!["changeset.auto_merge_on"]),
        (Reading { queue: Some(QueueState::Queued), ..reading() }, vec!["changeset.queued"]),
        (Reading { archived: true, ..reading() }, vec!["changeset.archived"]),
        (Reading { requested: vec!["ada".to_owned()], ..reading() }, vec!["changeset.reviewers"]),
        (Reading { repository: name("acme/Tool2"), ..reading() }, vec!["changeset.renamed"]),
        // Under another owner it is followed by the name that it was selected by.
        (Reading { repository: name("other/tool"), ..reading() }, vec![]),
        // Not worked out is no news.
        (
            Reading { mergeability: Mergeability::Unknown, merge_state: MergeState::Unknown, ..reading() },
            vec![],
        ),
    ];
    for (fresh, expected) in cases {
        let (after, names) = read(&known(), &fresh);
        assert_eq!(names, expected, "{fresh:?}");
        assert_eq!(after.state, State::Open);
        let event = serde_json::to_string(&noticed(&known(), &fresh)).unwrap();
        assert_eq!(serde_json::from_str::<Vec<ChangesetEvent>>(&event).unwrap(), noticed(&known(), &fresh));
    }
    // What a human has made of our title is theirs.
    let (after, names) = read(&known(), &Reading { pull_request: retitled, ..reading() });
    assert_eq!((after.state, names), (State::HandedOver, vec!["changeset.handed_over", "changeset.seen"]));
}

#[test]
fn a_conflict_comes_and_goes() {
    let dirty =
        Reading { mergeability: Mergeability::Conflicting, merge_state: MergeState::Dirty, ..reading() };
    let (conflicted, names) = read(&known(), &dirty);
    assert_eq!(
        (conflicted.state, names),
        (State::Conflicted, vec!["changeset.seen", "changeset.conflicted"])
    );
    assert!(conflicted.reason.contains("same lines") && conflicted.state.is_open());
    // A human closes it, and opens it again.
    let closed = apply(&conflicted, &ChangesetEvent::SeenClosed);
    let (reopened, _) = read(&closed, &dirty);
    assert_eq!(reopened.state, State::Conflicted);
    let (clean, names) = read(&reopened, &reading());
    assert_eq!((clean.state, names), (State::Open, vec!["changeset.seen", "changeset.mergeable"]));
    assert_eq!(clean.reason, "");
    // A new version is sent all the same.
    let next = ChangesetEvent::Proposed { proposal: Box::new(proposal(2, 1, Publication::Ready)) };
    assert_eq!(apply(&conflicted, &next).state, State::Scheduled);
}

#[test]
fn what_is_gone_is_blocked_with_its_reason_until_it_is_back() {
    let event = lost(&known(), "the repository acme/tool is gone").unwrap();
    let blocked = apply(&known(), &event);
    assert_eq!(
        (blocked.state, blocked.reason.as_str()),
        (State::Blocked, "the repository acme/tool is gone")
    );
    assert_eq!(lost(&blocked, "the repository acme/tool is gone"), None);
    let (back, names) = read(&blocked, &reading());
    assert_eq!((back.state, names), (State::Open, vec!["changeset.found"]));
    // What was blocked before for another reason stays so.
    let next = ChangesetEvent::Proposed { proposal: Box::new(proposal(2, 1, Publication::Ready)) };
    let started = ChangesetEvent::PublishStarted { generation: 2 };
    let refused =
        ChangesetEvent::PublishRefused { generation: 2, reason: "protected".to_owned(), head: None };
    let protected =
        [next, started, refused].iter().fold(known(), |changeset, event| apply(&changeset, event));
    let both = apply(&protected, &lost(&protected, "gone").unwrap());
    assert_eq!((both.state, both.reason.as_str()), (State::Blocked, "protected"));
    assert_eq!(read(&both, &reading()).0.state, State::Blocked);
}

#[test]
fn what_belongs_to_an_older_head_is_forgotten() {
    let fresh = Reading {
        checks: Checks::Failed,
        review: Review::Approved,
        merge_state: MergeState::Unstable,
        ..reading()
    };
    let (before, _) = read(&known(), &fresh);
    let next = ChangesetEvent::Proposed { proposal: Box::new(proposal(2, 1, Publication::Ready)) };
    let started = ChangesetEvent::PublishStarted { generation: 2 };
    let sent = ChangesetEvent::Published { generation: 2, published: published('2', false) };
    let after = [next, started, sent].iter().fold(before, |changeset, event| apply(&changeset, event));
    let seen = after.seen.unwrap();
    assert_eq!(
        (seen.checks, seen.review, seen.mergeability),
        (Checks::None, Review::Approved, Mergeability::Unknown)
    );
    assert_eq!(seen.head, Some(commit('2')));
}

#[test]
fn the_next_read() {
    let quiet = Seen { mergeability: Mergeability::Mergeable, ..Seen::default() };
    let running = Seen { checks: Checks::Pending, ..quiet.clone() };
    let queued = Seen { queue: Some(QueueState::Queued), ..quiet.clone() };
    let at = |state, seen: &Seen, seconds| {
        let changeset = Changeset { state, seen: Some(seen.clone()), ..open() };
        match due(&changeset, Duration::from_secs(seconds)) {
            Due::In(wait) => Some(wait.as_secs()),
            Due::Never => None,
        }
    };
    for (state, seen, since, expected) in [
        (State::Open, &quiet, 0, Some(MINUTE)),
        (State::Open, &quiet, 4 * MINUTE, Some(MINUTE)),
        (State::Open, &quiet, HOUR, Some(15 * MINUTE)),
        (State::Draft, &quiet, DAY, Some(6 * HOUR)),
        (State::HandedOver, &quiet, 3 * DAY, Some(18 * HOUR)),
        (State::Open, &quiet, 90 * DAY, Some(DAY)),
        // Something is on its way.
        (State::Open, &running, 0, Some(MINUTE)),
        (State::Open, &running, 4 * HOUR, Some(10 * MINUTE)),
        (State::Conflicted, &queued, 4 * HOUR, Some(10 * MINUTE)),
        // Checks that never report.
        (State::Open, &running, 2 * DAY, Some(12 * HOUR)),
        // An end may be undone by a human, for a while.
        (State::Closed, &quiet, 0, Some(HOUR)),
        (State::Closed, &quiet, 8 * DAY, Some(DAY)),
        (State::Closed, &quiet, 30 * DAY, None),
        (State::Merged, &quiet, 0, None),
    ] {
        assert_eq!(at(state, seen, since), expected, "{state:?} after {since} s");
    }
    let unpublished = Changeset { pull_request: None, ..open() };
    assert_eq!(due(&unpublished, Duration::ZERO), Due::Never);
}
