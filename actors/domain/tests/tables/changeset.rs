//! The machine of a changeset.

use super::samples::{campaign_id, commit, place, proposal, published, pull_request_ref, run_id};
use campaigns_domain::{
    changeset::{
        Changeset,
        ChangesetEffect::{self as Effect, Publish, Schedule, Settled},
        ChangesetEvent::{
            self as Event, BranchDeleted, BranchLeft, HandedOver, Proposed, PublishDeferred, PublishRefused,
            PublishStarted, Published, SeenClosed, SeenMerged, SeenOpen,
        },
        ChangesetState as State, Place, Proposal,
    },
    id::{ChangesetId, RepositoryId},
    machine::{Decision, Straggler},
    spec::Publication::{self, Draft, Ready, Unpublished},
};

/// The first proposal is of run 1.
fn new(publication: Publication) -> (Changeset, Vec<Effect>) {
    Changeset::propose(place(), proposal(1, 1, publication))
}

fn settled(run: u128) -> Effect {
    Settled { run: run_id(run) }
}

fn proposed(run: u128) -> Event {
    Proposed { proposal: Box::new(proposal(run, 1, Ready)) }
}

fn started(generation: u32) -> Event {
    PublishStarted { generation }
}

fn sent(generation: u32, head: char) -> Event {
    Published { generation, published: published(head, false) }
}

fn deferred(generation: u32) -> Event {
    PublishDeferred { generation, reason: "GitHub asks to wait".to_owned(), head: None }
}

fn refused(generation: u32) -> Event {
    PublishRefused { generation, reason: "the branch is protected".to_owned(), head: None }
}

fn theirs() -> Event {
    HandedOver { reason: "somebody pushed".to_owned() }
}

/// The changeset after these events, each of which has to hold.
fn after(events: &[Event]) -> Changeset {
    events.iter().fold(new(Ready).0, |changeset, event| {
        changeset.apply(event).into_applied().unwrap_or_else(|| panic!("{event:?} on {changeset:?}")).0
    })
}

fn applies(before: &[Event], event: Event, state: State, effects: &[Effect]) -> Changeset {
    let changeset = after(before);
    let (next, owed) =
        changeset.apply(&event).into_applied().unwrap_or_else(|| panic!("{event:?} was ignored"));
    assert_eq!((next.state, &owed[..]), (state, effects), "{event:?} after {before:?}");
    assert_eq!(next.version, changeset.version + 1);
    assert_eq!(next.publishing.is_some(), next.state == State::Publishing);
    next
}

fn ignores(before: &[Event], event: Event, why: Straggler) {
    assert_eq!(after(before).apply(&event), Decision::Ignored(why), "{event:?} after {before:?}");
}

#[test]
fn the_first_proposal() {
    let (changeset, effects) = new(Ready);
    assert_eq!((changeset.state, &effects[..]), (State::Scheduled, &[Schedule][..]));
    assert_eq!(changeset.id, ChangesetId::of(campaign_id(), RepositoryId(7), "campaigns/tidy"));
    assert_eq!(new(Draft).1, [Schedule]);
    let (kept, effects) = new(Unpublished);
    assert_eq!((kept.state, &effects[..]), (State::Unpublished, &[settled(1)][..]));
}

#[test]
fn publishing() {
    applies(&[], started(1), State::Publishing, &[Publish { generation: 1 }]);
    let open = applies(&[started(1)], sent(1, '1'), State::Open, &[settled(1)]);
    assert_eq!((open.head, open.pull_request), (Some(commit('1')), Some(pull_request_ref(5))));
    let draft = Published { generation: 1, published: published('1', true) };
    applies(&[started(1)], draft, State::Draft, &[settled(1)]);
    let waits = applies(&[started(1)], deferred(1), State::Scheduled, &[Schedule]);
    assert_eq!(waits.reason, "GitHub asks to wait");
    applies(&[started(1), deferred(1)], started(1), State::Publishing, &[Publish { generation: 1 }]);
    let blocked = applies(&[started(1)], refused(1), State::Blocked, &[settled(1)]);
    assert_eq!(blocked.reason, "the branch is protected");

    ignores(&[], sent(1, '1'), Straggler::OutOfPlace);
    ignores(&[], started(2), Straggler::Superseded);
    ignores(&[started(1)], started(1), Straggler::AlreadyApplied);
    ignores(&[started(1), sent(1, '1')], started(1), Straggler::OutOfPlace);
    for late in [sent(1, '2'), deferred(1), refused(1)] {
        ignores(&[started(1), sent(1, '1')], late, Straggler::AlreadyApplied);
    }
}

#[test]
fn a_new_version_updates_in_place() {
    let open = [started(1), sent(1, '1')];
    let next = applies(&open, proposed(2), State::Scheduled, &[Schedule]);
    assert_eq!((next.generation, next.head), (2, Some(commit('1'))));
    let again = [&open[..], &[proposed(2), started(2)]].concat();
    applies(&again, sent(2, '2'), State::Open, &[settled(2)]);
    // A blocked one is tried again, an unpublished one published.
    applies(&[started(1), refused(1)], proposed(2), State::Scheduled, &[Schedule]);
    let (kept, _) = new(Unpublished);
    assert_eq!(kept.apply(&proposed(2)).into_applied().unwrap().1, [Schedule]);
    // One that is open already is brought up to date even where the new version would open none.
    let quiet = Proposed { proposal: Box::new(proposal(2, 1, Unpublished)) };
    applies(&open, quiet.clone(), State::Scheduled, &[Schedule]);
    applies(&[], quiet, State::Unpublished, &[settled(1), settled(2)]);
    // The same proposal twice is one.
    ignores(&[], proposed(1), Straggler::AlreadyApplied);
}

#[test]
fn whoever_waits_for_a_replaced_proposal_is_told() {
    applies(&[], proposed(2), State::Scheduled, &[settled(1), Schedule]);
    applies(&[started(1)], proposed(2), State::Publishing, &[settled(1)]);
}

#[test]
fn a_newer_generation_waits_for_the_one_on_its_way() {
    let waiting = [started(1), proposed(2)];
    ignores(&waiting, started(2), Straggler::AlreadyApplied);
    // What was sent is on record, so that the newer one builds on it and does not take it for somebody else's.
    let next = applies(&waiting, sent(1, '1'), State::Scheduled, &[Schedule]);
    assert_eq!((next.head, next.generation), (Some(commit('1')), 2));
    applies(&waiting, deferred(1), State::Scheduled, &[Schedule]);
    applies(&waiting, refused(1), State::Scheduled, &[Schedule]);
    let sending = [&waiting[..], &[sent(1, '1'), started(2)]].concat();
    for late in [sent(1, '3'), deferred(1), refused(1)] {
        ignores(&sending, late, Straggler::Superseded);
    }
    applies(&sending, sent(2, '2'), State::Open, &[settled(2)]);
}

#[test]
fn a_commit_that_got_through_is_on_record_however_the_rest_went() {
    let again = [started(1), sent(1, '1'), proposed(2), started(2)];
    let head = Some(commit('2'));
    let deferred = PublishDeferred { generation: 2, reason: "wait".to_owned(), head: head.clone() };
    let waits = applies(&again, deferred.clone(), State::Scheduled, &[Schedule]);
    assert_eq!(waits.head, head);
    let refused = PublishRefused { generation: 2, reason: "no".to_owned(), head: head.clone() };
    assert_eq!(applies(&again, refused, State::Blocked, &[settled(2)]).head, head);
    // Nothing got through: the head before is still ours.
    assert_eq!(applies(&again, self::deferred(2), State::Scheduled, &[Schedule]).head, Some(commit('1')));
    // The next content builds on it.
    let next = applies(&[&again[..], &[proposed(3)]].concat(), deferred, State::Scheduled, &[Schedule]);
    assert_eq!((next.generation, next.head), (3, head));
    // What an older version recorded has no head in it.
    let old = serde_json::json!({"kind": "publish_deferred", "generation": 2, "reason": "wait"});
    assert!(matches!(serde_json::from_value(old), Ok(PublishDeferred { head: None, .. })));
}

#[test]
fn what_humans_do() {
    let open = [started(1), sent(1, '1')];
    applies(&open, SeenOpen { draft: true }, State::Draft, &[]);
    ignores(&open, SeenOpen { draft: false }, Straggler::AlreadyApplied);
    ignores(&[started(1)], SeenOpen { draft: false }, Straggler::OutOfPlace);
    for (event, state) in
        [(SeenMerged, State::Merged), (SeenClosed, State::Closed), (theirs(), State::HandedOver)]
    {
        applies(&open, event.clone(), state, &[]);
        // The run that waits for its turn is told that there is nothing left to send.
        applies(&[&open[..], &[proposed(2)]].concat(), event.clone(), state, &[settled(2)]);
        let sending = [&open[..], &[proposed(2), started(2)]].concat();
        applies(&sending, event.clone(), state, &[settled(2)]);
        // What was still on its way then changes nothing.
        let ended = [&sending[..], std::slice::from_ref(&event)].concat();
        ignores(&ended, sent(2, '2'), Straggler::AlreadyApplied);
        // A later version sends nothing, and its run does not wait.
        let kept =
            applies(&[&open[..], std::slice::from_ref(&event)].concat(), proposed(2), state, &[settled(2)]);
        assert_eq!(kept.generation, 1);
    }
    let closed = [&open[..], &[SeenClosed]].concat();
    applies(&closed, SeenOpen { draft: false }, State::Open, &[]);
    applies(&closed, SeenMerged, State::Merged, &[]);
    ignores(&closed, theirs(), Straggler::Ended);
    applies(&[&open[..], &[theirs()]].concat(), SeenMerged, State::Merged, &[]);
    ignores(&[&open[..], &[theirs()]].concat(), theirs(), Straggler::AlreadyApplied);
}

#[test]
fn what_is_not_to_be_published_takes_no_place() {
    let dry = proposal(2, 1, Unpublished);
    let real = proposal(2, 1, Ready);
    assert_eq!(new(Unpublished).0.declines(&place(), &dry), None);
    for events in [&[][..], &[started(1)], &[started(1), sent(1, '1')], &[started(1), refused(1)]] {
        assert!(after(events).declines(&place(), &dry).is_some(), "{events:?}");
        assert_eq!(after(events).declines(&place(), &real), None, "{events:?}");
    }
    let elsewhere = Place { base_branch: "release".to_owned(), ..place() };
    assert!(after(&[]).declines(&elsewhere, &real).is_some());
}

#[test]
fn merged_stays_merged() {
    let merged = [started(1), sent(1, '1'), SeenMerged];
    for event in [SeenClosed, SeenMerged, theirs()] {
        ignores(&merged, event, Straggler::Ended);
    }
    ignores(&merged, SeenOpen { draft: false }, Straggler::OutOfPlace);
}

#[test]
fn a_merged_branch_is_owed_where_it_is_ours() {
    let owes = |events: &[Event]| after(events).errand.branch;
    let open = [started(1), sent(1, '1')];
    assert!(owes(&[&open[..], &[SeenMerged]].concat()));
    assert!(!owes(&[&open[..], &[SeenClosed]].concat()), "a closed one may be opened again");
    assert!(!owes(&[&open[..], &[theirs(), SeenMerged]].concat()), "a human has taken it over");
    assert!(!owes(&[SeenMerged]), "nothing of ours is known to be there");
    let merged = [&open[..], &[SeenMerged]].concat();
    for end in [BranchDeleted, BranchLeft { reason: "it moved".to_owned() }] {
        let ended = [&merged[..], std::slice::from_ref(&end)].concat();
        assert_eq!((after(&ended).state, owes(&ended)), (State::Merged, false));
        ignores(&ended, end, Straggler::AlreadyApplied);
    }
    let kept = Proposal { keep_branch: true, ..proposal(1, 1, Ready) };
    let (mut changeset, _) = Changeset::propose(place(), kept);
    for event in &merged {
        changeset = changeset.apply(event).into_applied().unwrap().0;
    }
    assert!(!changeset.errand.branch);
}

#[test]
fn names_are_one_each() {
    let mut names: Vec<_> = State::ALL.iter().map(|state| state.as_str()).collect();
    for (state, name) in State::ALL.iter().zip(&names) {
        assert_eq!(serde_json::to_value(state).unwrap(), *name);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), State::ALL.len());
}
