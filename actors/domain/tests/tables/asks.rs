//! What people ask of a changeset, state by state.

use super::samples::{campaign_id, name, proposal, published};
use campaigns_domain::{
    changeset::{
        Ask, Changeset,
        ChangesetEffect::{self as Effect, Schedule},
        ChangesetEvent::{
            self as Event, Asked, ErrandDone, HandedOver, Noticed, PublishRefused, PublishStarted, Published,
            SeenClosed, SeenMerged, SeenOpen, Withdrawn,
        },
        ChangesetState as State, Checks, Done, FailedChecks, FailedRun, Mergeability, News, Place, Rerun,
    },
    id::{CommandId, RepositoryId},
    machine::{Decision, Straggler},
    spec::Publication,
};
use uuid::Uuid;

fn command(nth: u128) -> CommandId {
    CommandId(Uuid::from_u128(nth))
}

fn asked(nth: u128, ask: Ask) -> Event {
    Asked { ask, by: "ada".to_owned(), command: command(nth), beyond: false }
}

fn comment(text: &str) -> Ask {
    Ask::Comment { body: text.to_owned() }
}

fn said(nth: u128) -> Done {
    Done { said: vec![command(nth)], ..Done::default() }
}

/// A changeset of this publication after these events, each of which has to hold.
fn after(publication: Publication, events: &[Event]) -> Changeset {
    let place = Place {
        campaign: campaign_id(),
        repository_id: RepositoryId(7),
        repository: name("acme/tool"),
        base_branch: "main".to_owned(),
        head_branch: "campaigns/tidy".to_owned(),
    };
    let (new, _) = Changeset::propose(place, proposal(1, 1, publication));
    events.iter().fold(new, |changeset, event| {
        changeset.apply(event).into_applied().unwrap_or_else(|| panic!("{event:?} on {changeset:?}")).0
    })
}

fn sent(generation: u32, draft: bool) -> Event {
    Published { generation, published: published('1', draft) }
}

fn start(generation: u32) -> Event {
    PublishStarted { generation }
}

fn theirs() -> Event {
    HandedOver { reason: "somebody pushed".to_owned() }
}

/// A changeset in each state.
fn in_state(state: State) -> Changeset {
    let open = [start(1), sent(1, false)];
    let with = |more: &[Event]| after(Publication::Ready, &[&open[..], more].concat());
    let changeset = match state {
        State::Unpublished => after(Publication::Unpublished, &[]),
        State::Scheduled => after(Publication::Ready, &[]),
        State::Publishing => after(Publication::Ready, &[start(1)]),
        State::Draft => after(Publication::Draft, &[start(1), sent(1, true)]),
        State::Open => with(&[]),
        State::Conflicted => with(&[Noticed { news: News::Mergeability(Mergeability::Conflicting) }]),
        State::Merged => with(&[SeenMerged]),
        State::Closed => with(&[SeenClosed]),
        State::HandedOver => with(&[theirs()]),
        State::Blocked => {
            let reason = "the branch is protected".to_owned();
            after(Publication::Ready, &[start(1), PublishRefused { generation: 1, reason, head: None }])
        }
    };
    assert_eq!(changeset.state, state);
    changeset
}

fn take_up(changeset: &Changeset, ask: Ask) -> (Changeset, Vec<Effect>) {
    let event = asked(99, ask);
    let (next, effects) =
        changeset.apply(&event).into_applied().unwrap_or_else(|| panic!("{event:?} on {changeset:?}"));
    assert_eq!(
        next.apply(&event),
        Decision::Ignored(Straggler::AlreadyApplied),
        "a command is taken up once"
    );
    (next, effects)
}

#[test]
fn which_ask_fits_where() {
    use State::{Blocked, Closed, Conflicted, Draft, HandedOver, Open, Publishing, Scheduled, Unpublished};
    let unsent = vec![Unpublished, Scheduled, Publishing, Blocked];
    for (ask, fits) in [
        (Ask::Publish { draft: false }, unsent.clone()),
        (Ask::Ready, vec![Scheduled, Publishing, Draft, Conflicted]),
        (Ask::Merge { method: None }, vec![Scheduled, Publishing, Open, Conflicted]),
        (Ask::Close, vec![Unpublished, Scheduled, Publishing, Draft, Open, Conflicted, HandedOver, Blocked]),
        (Ask::Pause, vec![Unpublished, Scheduled, Publishing, Draft, Open, Conflicted, HandedOver, Blocked]),
        // None of them is paused, and what has a pull request is closed.
        (Ask::Resume, vec![]),
        (Ask::Cancel, unsent.clone()),
        (Ask::Reopen, vec![Closed]),
        (Ask::Retry, vec![Blocked]),
        (comment("Please look."), vec![Draft, Open, Conflicted, HandedOver]),
        (comment("  "), vec![]),
        // Nothing of them has failed.
        (Ask::Rerun, vec![]),
        (Ask::Takeover, vec![HandedOver]),
    ] {
        let found: Vec<_> =
            State::ALL.into_iter().filter(|state| in_state(*state).refuses(&ask).is_none()).collect();
        assert_eq!(found, fits, "{ask:?}");
        for state in State::ALL.into_iter().filter(|state| !fits.contains(state)) {
            let ignored = in_state(state).apply(&asked(1, ask.clone()));
            assert_eq!(ignored, Decision::Ignored(Straggler::OutOfPlace), "{ask:?} in {state:?}");
        }
    }
}

#[test]
fn what_was_kept_back_is_published() {
    let (next, effects) = take_up(&in_state(State::Unpublished), Ask::Publish { draft: true });
    assert_eq!((next.state, effects, next.opens_as_draft()), (State::Scheduled, vec![Schedule], true));
    // The run was told long ago, and is not told again.
    let generation = next.generation;
    let started = next.apply(&start(generation)).into_applied().unwrap().0;
    let (open, effects) = started.apply(&sent(generation, true)).into_applied().unwrap();
    assert_eq!((open.state, effects), (State::Draft, vec![]));
}

#[test]
fn closing() {
    let (gone, effects) = take_up(&in_state(State::Unpublished), Ask::Close);
    assert_eq!((gone.state, gone.reason.as_str(), effects), (State::Closed, "closed by ada", vec![]));
    for state in [State::Draft, State::Open, State::HandedOver, State::Blocked, State::Scheduled] {
        let (closing, _) = take_up(&in_state(state), Ask::Close);
        assert_eq!(closing.state, State::Scheduled, "{state:?}");
        // That it is seen closed meanwhile is no news: sending finds out, and deletes the branch.
        assert_eq!(closing.apply(&SeenClosed), Decision::Ignored(Straggler::OutOfPlace));
        let generation = closing.generation;
        let sending = closing.apply(&start(generation)).into_applied().unwrap().0;
        let (closed, _) = sending.apply(&Withdrawn { generation }).into_applied().unwrap();
        assert_eq!((closed.state, closed.reason.as_str()), (State::Closed, "closed by ada"));
        assert!(closed.refuses(&Ask::Reopen).is_none());
    }
}

#[test]
fn opening_again() {
    let (next, effects) = take_up(&in_state(State::Closed), Ask::Reopen);
    assert_eq!((next.state, effects), (State::Scheduled, vec![Schedule]));
    assert_eq!(next.apply(&SeenClosed), Decision::Ignored(Straggler::OutOfPlace), "that is why it was asked");
    // One that GitHub never knew of goes where its proposal takes it.
    let (gone, _) = take_up(&in_state(State::Unpublished), Ask::Close);
    let again = asked(3, Ask::Reopen);
    assert_eq!(gone.apply(&again).into_applied().unwrap().0.state, State::Unpublished);
}

#[test]
fn a_comment_leaves_everything_else_alone() {
    for state in [State::Open, State::Draft, State::HandedOver] {
        let before = in_state(state);
        let (next, effects) = take_up(&before, comment("Please look."));
        assert_eq!((next.state, next.standing(), effects), (State::Scheduled, state, vec![Schedule]));
        assert!(next.is_on_errand());
        let generation = next.generation;
        let sending = next.apply(&start(generation)).into_applied().unwrap().0;
        let over = ErrandDone { generation, done: said(99) };
        let (after, effects) = sending.apply(&over).into_applied().unwrap();
        assert_eq!((after.state, &after.reason, effects), (before.state, &before.reason, vec![]));
        // Where GitHub does not let it be said, the changeset stands as before, and says so.
        let refused =
            PublishRefused { generation, reason: "the conversation is locked".to_owned(), head: None };
        let after = sending.apply(&refused).into_applied().unwrap().0;
        assert_eq!((after.state, after.reason.as_str()), (before.state, "the conversation is locked"));
    }
}

#[test]
fn a_comment_is_said_although_a_human_pushes_meanwhile() {
    let open = in_state(State::Open);
    let asked = take_up(&open, comment("Please look.")).0;
    let handed = asked.apply(&theirs()).into_applied().unwrap().0;
    assert_eq!((handed.state, handed.standing()), (State::Scheduled, State::HandedOver));
    let sending = handed.apply(&start(handed.generation)).into_applied().unwrap().0;
    let over = ErrandDone { generation: handed.generation, done: said(99) };
    let after = sending.apply(&over).into_applied().unwrap().0;
    assert_eq!((after.state, after.reason.as_str()), (State::HandedOver, "somebody pushed"));
}

#[test]
fn taking_over() {
    let (next, effects) = take_up(&in_state(State::HandedOver), Ask::Takeover);
    assert_eq!((next.state, effects), (State::Scheduled, vec![Schedule]));
    assert!(next.errand.adopt);
    // What made it handed over is still there, and is what is taken over.
    assert!(next.apply(&theirs()).is_ignored());
    let generation = next.generation;
    let sending = next.apply(&start(generation)).into_applied().unwrap().0;
    let open = sending.apply(&sent(generation, false)).into_applied().unwrap().0;
    assert_eq!((open.state, open.errand.adopt), (State::Open, false));
    assert_eq!(open.apply(&theirs()).into_applied().unwrap().0.state, State::HandedOver);
}

#[test]
fn an_ask_waits_for_the_generation_on_its_way() {
    let sending = in_state(State::Publishing);
    let (next, effects) = take_up(&sending, Ask::Close);
    assert_eq!((next.state, next.publishing, effects), (State::Publishing, Some(1), vec![]));
    let (next, effects) = next.apply(&sent(1, false)).into_applied().unwrap();
    assert_eq!((next.state, effects), (State::Scheduled, vec![Schedule]));
    let generation = next.generation;
    let sending = next.apply(&start(generation)).into_applied().unwrap().0;
    let (closed, effects) = sending.apply(&Withdrawn { generation }).into_applied().unwrap();
    assert_eq!((closed.state, effects.len()), (State::Closed, 1), "its run is told then");
    assert!(closed.apply(&SeenOpen { draft: false }).into_applied().is_some(), "a human may open it again");
}

#[test]
fn a_draft_is_marked_ready() {
    let (next, effects) = take_up(&in_state(State::Draft), Ask::Ready);
    assert_eq!((next.state, next.standing(), effects), (State::Scheduled, State::Draft, vec![Schedule]));
    assert!(next.is_on_errand(), "branch and words are left alone");
    let generation = next.generation;
    let sending = next.apply(&start(generation)).into_applied().unwrap().0;
    let ready = ErrandDone { generation, done: Done { ready: true, ..Done::default() } };
    let open = sending.apply(&ready).into_applied().unwrap().0;
    assert_eq!((open.state, open.shown.ready, open.errand.ready), (State::Open, true, false));
    assert!(open.apply(&SeenOpen { draft: false }).is_ignored(), "and that is nothing new");
    // Where GitHub does not let it be marked, it stands as before, and says so.
    let refused = PublishRefused { generation, reason: "the token may not".to_owned(), head: None };
    let draft = sending.apply(&refused).into_applied().unwrap().0;
    assert_eq!((draft.state, draft.reason.as_str()), (State::Draft, "the token may not"));
    assert!(draft.refuses(&Ask::Ready).is_none());
    // One that is not opened yet is opened ready.
    let unsent = take_up(&after(Publication::Draft, &[]), Ask::Ready).0;
    assert!(!unsent.opens_as_draft());
}

fn red(state: State) -> Changeset {
    let red = Noticed { news: News::Checks(Checks::Failed) };
    in_state(state).apply(&red).into_applied().unwrap().0
}

#[test]
fn only_what_has_failed_is_run_again() {
    for (checks, fits, said) in [
        (Checks::Failed, true, ""),
        (Checks::Passed, false, "its checks have passed"),
        (Checks::Pending, false, "its checks are running"),
        (Checks::None, false, "none of its checks is known to have failed"),
    ] {
        let refused = Ask::Rerun.refused(State::Open, true, checks);
        assert_eq!((refused.is_none(), refused.unwrap_or_default()), (fits, said));
    }
    let takes = |state| Ask::Rerun.refused(state, true, Checks::Failed).is_none();
    let found: Vec<_> = State::ALL.into_iter().filter(|state| takes(*state)).collect();
    assert_eq!(found, [State::Unpublished, State::Draft, State::Open, State::Conflicted]);
    assert_eq!(Ask::Rerun.refused(State::Open, false, Checks::Failed), Some("it has no pull request yet"));
}

#[test]
fn what_failed_is_on_record_before_it_is_run_again() {
    let (owed, effects) = take_up(&red(State::Open), Ask::Rerun);
    assert_eq!(
        (owed.standing(), owed.errand.rerun.clone(), effects),
        (State::Open, Some(Rerun::Owed), vec![Schedule])
    );
    let sending = owed.apply(&start(owed.generation)).into_applied().unwrap().0;
    let run = FailedRun { run: 7, attempt: 1, name: "ci".to_owned() };
    let left = vec!["lint (a status, which only its maker can report anew)".to_owned()];
    let failed = FailedChecks { head: sending.head.clone().unwrap(), runs: vec![run], left };
    let told = |rerun| Done { rerun: Some(rerun), ..Done::default() };
    let found = Rerun::Found { failed: failed.clone() };
    let done = ErrandDone { generation: sending.generation, done: told(found.clone()) };
    let (known, effects) = sending.apply(&done).into_applied().unwrap();
    assert_eq!(
        (known.state, known.errand.rerun.as_ref(), effects),
        (State::Scheduled, Some(&found), vec![Schedule])
    );
    assert!(known.generation > sending.generation, "asking is an effect of its own");
    assert!(known.apply(&done).is_ignored());
    let sending = known.apply(&start(known.generation)).into_applied().unwrap().0;
    let asked = Rerun::Asked { runs: 1, note: failed.note() };
    let done = ErrandDone { generation: sending.generation, done: told(asked) };
    let (over, effects) = sending.apply(&done).into_applied().unwrap();
    assert_eq!((over.state, over.errand.rerun.clone(), effects), (State::Open, None, vec![]));
    let said =
        "failed jobs run again: ci; not run again: lint (a status, which only its maker can report anew)";
    assert_eq!(over.reason, said);
    assert_eq!(over.seen.unwrap().checks, Checks::Pending, "what comes of it is news");
}

#[test]
fn a_newer_content_forgets_a_re_run() {
    let (owed, _) = take_up(&red(State::Open), Ask::Rerun);
    let newer = Event::Proposed { proposal: Box::new(proposal(2, 2, Publication::Ready)) };
    let next = owed.apply(&newer).into_applied().unwrap().0;
    let sending = next.apply(&start(next.generation)).into_applied().unwrap().0;
    let (open, _) = sending.apply(&sent(sending.generation, false)).into_applied().unwrap();
    assert_eq!((open.state, open.errand.rerun), (State::Open, None));
}

#[test]
fn a_note_names_ten_of_each_and_counts_the_rest() {
    let runs = |count: u64| {
        (1..=count).map(|run| FailedRun { run, attempt: 1, name: format!("w{run}") }).collect::<Vec<_>>()
    };
    let head = red(State::Open).head.unwrap();
    let note = |count, left| FailedChecks { head: head.clone(), runs: runs(count), left }.note();
    assert_eq!(note(3, vec![]), "failed jobs run again: w1, w2, w3");
    let ten = "w1, w2, w3, w4, w5, w6, w7, w8, w9, w10";
    assert_eq!(note(10, vec![]), format!("failed jobs run again: {ten}"));
    assert_eq!(note(22, vec![]), format!("failed jobs run again: {ten} and 12 more"));
    let left: Vec<_> = (1..=11).map(|nth| format!("s{nth}")).collect();
    assert_eq!(note(0, left), "not run again: s1; s2; s3; s4; s5; s6; s7; s8; s9; s10 and 1 more");
}
