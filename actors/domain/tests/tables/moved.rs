//! A base branch that moves: what a read of it calls for, under each policy, and how often.

use super::samples::{campaign_id, commit, name, proposal, published, pull_request, run_id};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEvent as Event, ChangesetState as State, Place, Redone},
    id::{CommitSha, RepositoryId},
    publish::{
        Checks, Comparison, MergeState, Mergeability, News, PullRequestState, QueueState, Reading, Review,
    },
    reconcile::{Moved, moved, not_before, touched},
    spec::{Publication, Rebase},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Open with head `1`, which holds the base `b`.
fn open() -> Changeset {
    let place = Place {
        campaign: campaign_id(),
        repository_id: RepositoryId(7),
        repository: name("acme/tool"),
        base_branch: "main".to_owned(),
        head_branch: "campaigns/tidy".to_owned(),
    };
    let (new, _) = Changeset::propose(place, proposal(1, 1, Publication::Ready));
    let sending = apply(&new, &Event::PublishStarted { generation: 1 });
    apply(&sending, &Event::Published { generation: 1, published: published('1', false) })
}

fn apply(changeset: &Changeset, event: &Event) -> Changeset {
    changeset.apply(event).into_applied().unwrap_or_else(|| panic!("{event:?} on {changeset:?}")).0
}

/// A read that shows the head `1` and the base branch at `c`.
fn reading(mergeability: Mergeability) -> Reading {
    Reading {
        pull_request: pull_request(5, PullRequestState::Open, '1'),
        repository: name("acme/tool"),
        archived: false,
        checks: Checks::None,
        review: Review::None,
        mergeability,
        merge_state: MergeState::Unknown,
        auto_merge: None,
        queue: None,
        labels: vec![],
        queue_position: None,
        requested: vec![],
        base_head: Some(commit('c')),
    }
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn begun(base: char, minutes: i64) -> Event {
    Event::RedoBegun { run: run_id(9), base: commit(base), why: "it moved".to_owned(), at: at(minutes) }
}

#[test]
fn each_policy_answers_what_it_says() {
    use Mergeability::{Conflicting, Mergeable, Unknown};
    let touched = |clean| Moved::IfTouched { held: commit('b'), now: commit('c'), clean };
    let calls =
        || Moved::Calls { now: commit('c'), why: "the base branch has moved over the same lines".to_owned() };
    let told = "the base branch has moved since; `rebase` carries it out again on the base as it is now";
    for (policy, mergeability, expected) in [
        (Rebase::OnTouched, Mergeable, touched(true)),
        (Rebase::OnTouched, Unknown, touched(false)),
        (Rebase::OnTouched, Conflicting, calls()),
        (Rebase::OnConflict, Mergeable, Moved::Rests(None)),
        (Rebase::OnConflict, Unknown, Moved::NotWorkedOut(commit('c'))),
        (Rebase::OnConflict, Conflicting, calls()),
        (Rebase::Never, Mergeable, Moved::Rests(Some(told.to_owned()))),
        (Rebase::Never, Unknown, Moved::Rests(Some(told.to_owned()))),
        // The changeset's own reason says so.
        (Rebase::Never, Conflicting, Moved::Rests(None)),
    ] {
        assert_eq!(moved(&open(), &reading(mergeability), policy), expected, "{policy:?} {mergeability:?}");
    }
}

#[test]
fn nothing_is_concluded_where_it_is_not_ours_to_move() {
    let conflicting = || reading(Mergeability::Conflicting);
    let pull = |change: fn(&mut Reading)| {
        let mut reading = conflicting();
        change(&mut reading);
        reading
    };
    for (what, changed) in [
        ("somebody pushed", pull(|it| it.pull_request.head = commit('2'))),
        ("it goes elsewhere", pull(|it| it.pull_request.base_branch = "other".to_owned())),
        ("it is merged", pull(|it| it.pull_request.state = PullRequestState::Merged)),
        ("it is queued", pull(|it| it.queue = Some(QueueState::Queued))),
        ("its base is gone", pull(|it| it.base_head = None)),
    ] {
        assert_eq!(moved(&open(), &changed, Rebase::OnTouched), Moved::Untold, "{what}");
    }
    let human = apply(&open(), &Event::HandedOver { reason: "pushed".to_owned() });
    let redoing = apply(&open(), &begun('c', 0));
    for changeset in [human, redoing] {
        assert_eq!(moved(&changeset, &conflicting(), Rebase::OnTouched), Moved::Untold, "{changeset:?}");
    }
    // The head holds that base.
    let same = Reading { base_head: Some(commit('b')), ..conflicting() };
    assert_eq!(moved(&open(), &same, Rebase::OnTouched), Moved::Rests(None));
    // It was tried for this head, and came to nothing.
    let failed = Event::Redone { run: run_id(9), content: None, reason: "it failed".to_owned() };
    let tried = apply(&apply(&open(), &begun('c', 0)), &failed);
    assert_eq!(moved(&tried, &conflicting(), Rebase::OnTouched), Moved::Rests(None));
    let further = Reading { base_head: Some(commit('d')), ..conflicting() };
    assert!(matches!(moved(&tried, &further, Rebase::OnTouched), Moved::Calls { .. }));
}

#[test]
fn what_the_base_did_to_our_files() {
    let comparison = |behind, files: &[&str]| Comparison {
        common: commit('b'),
        ahead: 1,
        behind,
        commits: vec![],
        files: files
            .iter()
            .map(|path| ((*path).to_owned(), <(String, String)>::default()))
            .collect::<BTreeMap<_, _>>(),
        all_commits: true,
        all_files: true,
    };
    let ours = ["README.md", "a", "b"];
    for (behind, files, expected) in [
        (0, vec!["other"], None),
        (0, vec!["README.md.old"], None),
        (0, vec!["a", "other"], Some("the base branch has changed `a`")),
        (
            0,
            vec!["a", "b", "README.md"],
            Some("the base branch has changed `README.md` and 2 more of its files"),
        ),
        (3, vec![], Some("the base branch was rewritten")),
    ] {
        let said = touched(&comparison(behind, &files), ours.into_iter());
        assert_eq!(said.as_deref(), expected, "{files:?}");
    }
}

#[test]
fn it_begins_once_for_a_head_and_is_said_until_it_is_over() {
    let begun_once = apply(&open(), &begun('c', 0));
    let seen = begun_once.seen.clone().unwrap();
    assert_eq!((begun_once.state, begun_once.errand.redo), (State::Open, Some(run_id(9))));
    assert_eq!((seen.base.as_deref(), seen.redone.unwrap().times), (Some("it moved"), 1));
    for again in [begun('c', 5), begun('d', 5)] {
        assert!(begun_once.apply(&again).is_ignored(), "while it is under way");
    }
    let content = Some(Box::new(proposal(9, 1, Publication::Ready)));
    let redone = apply(&begun_once, &Event::Redone { run: run_id(9), content, reason: String::new() });
    assert_eq!((redone.state, redone.errand.redo), (State::Scheduled, None));
    let sending = apply(&redone, &Event::PublishStarted { generation: 2 });
    let sent = apply(&sending, &Event::Published { generation: 2, published: published('2', false) });
    let seen = sent.seen.clone().unwrap();
    assert_eq!((seen.base, seen.redone.unwrap().on), (None, commit('c')), "how often is not forgotten");
    assert!(sent.apply(&begun('c', 60)).is_ignored(), "for one head of the base once");
    assert!(!sent.apply(&begun('d', 60)).is_ignored());
    // Its conflict is its reason already.
    let news = News::Mergeability(Mergeability::Conflicting);
    let conflicted = apply(&apply(&open(), &Event::Noticed { news }), &begun('c', 0));
    assert_eq!((conflicted.state, conflicted.seen.unwrap().base), (State::Conflicted, None));
}

#[test]
fn a_base_that_moves_all_the_time_is_answered_ever_less_often() {
    let mut last: Option<Redone> = None;
    let mut rests = vec![];
    for _ in 0..9 {
        let now = last.as_ref().map_or_else(|| at(0), Redone::not_before);
        let next = Redone::after(last.as_ref(), &CommitSha("c".to_owned()), now);
        rests.push((next.not_before() - next.at).num_minutes());
        last = Some(next);
    }
    assert_eq!(rests, [10, 20, 40, 80, 160, 320, 640, 1280, 1440], "at most a day");
    let week = Redone { at: at(0), times: u32::MAX, on: commit('c') };
    assert_eq!((week.not_before() - week.at).num_minutes(), 1440);
    assert_eq!(Redone::after(Some(&week), &commit('d'), at(7 * 1440 - 1)).times, u32::MAX);
    assert_eq!(Redone::after(Some(&week), &commit('d'), at(7 * 1440)).times, 1, "after a week it is new");
    let changeset = apply(&open(), &begun('c', 0));
    assert_eq!(not_before(&changeset, at(9)), Some(at(10)));
    assert_eq!((not_before(&changeset, at(10)), not_before(&open(), at(0))), (None, None));
}
