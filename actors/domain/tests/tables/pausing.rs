//! Changesets that a person has paused: nothing more is begun for them, whatever happens, until they are resumed.

use super::samples::{place, proposal, published};
use campaigns_domain::{
    changeset::{
        Ask, Changeset,
        ChangesetEffect::{self as Effect, Schedule},
        ChangesetEvent::{
            self as Event, Asked, ErrandDone, Proposed, PublishDeferred, PublishStarted, Published, Released,
            SeenClosed, SeenMerged, Withdrawn,
        },
        ChangesetState as State, Done, Proposal,
    },
    id::CommandId,
    spec::Publication,
};
use uuid::Uuid;

fn new(proposal: Proposal) -> Changeset {
    Changeset::propose(place(), proposal).0
}

fn ready(run: u128) -> Proposal {
    proposal(run, 1, Publication::Ready)
}

fn after(changeset: &Changeset, event: &Event) -> (Changeset, Vec<Effect>) {
    let applied = changeset.apply(event).into_applied();
    applied.unwrap_or_else(|| panic!("{event:?} is ignored by {changeset:?}"))
}

/// Somebody asks; each ask of a changeset is another command.
fn ask(changeset: &Changeset, ask: Ask) -> (Changeset, Vec<Effect>) {
    let command = CommandId(Uuid::from_u128(1_000 + u128::try_from(changeset.version).unwrap()));
    after(changeset, &Asked { ask, by: "anna".to_owned(), command, beyond: false })
}

fn all(changeset: &Changeset, events: &[Event]) -> Changeset {
    events.iter().fold(changeset.clone(), |changeset, event| after(&changeset, event).0)
}

fn start(generation: u32) -> Event {
    PublishStarted { generation }
}

fn sent(generation: u32) -> Event {
    Published { generation, published: published('1', false) }
}

fn proposed(run: u128) -> Event {
    Proposed { proposal: Box::new(ready(run)) }
}

fn why(changeset: &Changeset) -> String {
    let pause = changeset.errand.pause();
    let mut words = vec![changeset.state.why(
        &changeset.reason,
        pause.as_deref().filter(|_| !changeset.state.is_settled()),
        &[],
    )];
    words.extend(changeset.state.besides(None, &changeset.errand));
    words.retain(|word| !word.is_empty());
    words.join("; ")
}

#[test]
fn what_waits_is_begun_when_it_is_resumed() {
    let (paused, effects) = ask(&new(ready(1)), Ask::Pause);
    assert_eq!(
        (paused.state, paused.errand.paused.as_deref(), effects),
        (State::Scheduled, Some("anna"), vec![])
    );
    assert_eq!(why(&paused), "paused by anna");
    assert!(paused.apply(&start(1)).is_ignored(), "one that is in the queue still");
    assert_eq!(paused.refuses(&Ask::Pause), Some("it is paused already"));
    let row = serde_json::to_string(&paused).unwrap();
    assert_eq!(serde_json::from_str::<Changeset>(&row).unwrap(), paused);
    let (resumed, effects) = ask(&paused, Ask::Resume);
    assert_eq!((resumed.errand.paused.as_deref(), effects), (None, vec![Schedule]));
    assert_eq!(resumed.refuses(&Ask::Resume), Some("it is not paused by itself"));
    assert_eq!(all(&resumed, &[start(1), sent(1)]).state, State::Open);
}

#[test]
fn what_is_on_its_way_is_finished_and_nothing_follows_it() {
    let (paused, effects) = ask(&all(&new(ready(1)), &[start(1)]), Ask::Pause);
    assert_eq!((paused.state, effects), (State::Publishing, vec![]));
    let (open, _) = after(&paused, &sent(1));
    assert_eq!((open.state, why(&open).as_str()), (State::Open, "paused by anna"));
    // A newer version keeps it paused, whenever it comes.
    let (waiting, effects) = after(&open, &proposed(2));
    assert_eq!((waiting.state, waiting.errand.paused.is_some()), (State::Scheduled, true));
    assert!(!effects.contains(&Schedule));
    let (waiting, effects) = after(&after(&paused, &proposed(2)).0, &sent(1));
    assert_eq!((waiting.state, effects), (State::Scheduled, vec![]));
    // What did not work out is tried again afterwards.
    let deferred = PublishDeferred { generation: 1, reason: "busy".to_owned(), head: None };
    let (waiting, effects) = after(&paused, &deferred);
    assert_eq!((waiting.state, effects), (State::Scheduled, vec![]));
    assert_eq!(ask(&waiting, Ask::Resume).1, [Schedule]);
    // Resumed while it is on its way, its end schedules what follows.
    let (resumed, effects) = ask(&after(&paused, &proposed(2)).0, Ask::Resume);
    assert_eq!(effects, []);
    assert_eq!(after(&resumed, &sent(1)).1, [Schedule]);
}

#[test]
fn a_pause_and_a_rollout_hold_each_for_itself() {
    let held = new(Proposal { gated: true, ..ready(1) });
    let (paused, _) = ask(&held, Ask::Pause);
    assert!(paused.held, "a pause lets nothing through");
    let (resumed, effects) = ask(&paused, Ask::Resume);
    assert_eq!((resumed.held, effects), (true, vec![]));
    let (released, effects) = after(&paused, &Released);
    assert_eq!((released.held, effects), (false, vec![]));
    assert_eq!(ask(&released, Ask::Resume).1, [Schedule]);
}

#[test]
fn what_is_asked_of_a_paused_one_is_sent_afterwards() {
    let open = all(&new(ready(1)), &[start(1), sent(1)]);
    let (paused, _) = ask(&open, Ask::Pause);
    let (owed, effects) = ask(&paused, Ask::Comment { body: "Please look.".to_owned() });
    assert_eq!((owed.state, effects), (State::Scheduled, vec![]));
    let command = owed.errand.comments[0].command;
    let (resumed, effects) = ask(&owed, Ask::Resume);
    assert_eq!(effects, [Schedule]);
    let done = ErrandDone { generation: 2, done: Done { said: vec![command], ..Done::default() } };
    assert_eq!(all(&resumed, &[start(2), done]).state, State::Open);

    let (closing, effects) = ask(&paused, Ask::Close);
    assert_eq!((closing.state, effects), (State::Scheduled, vec![]));
    assert_eq!(ask(&closing, Ask::Resume).1, [Schedule]);
}

#[test]
fn one_that_is_kept_back_is_paused_too() {
    let kept = new(proposal(1, 1, Publication::Unpublished));
    let (paused, _) = ask(&kept, Ask::Pause);
    assert_eq!(why(&paused), "kept back until somebody publishes it; paused by anna");
    let (published, effects) = ask(&paused, Ask::Publish { draft: false });
    assert_eq!((published.state, effects), (State::Scheduled, vec![]));
    assert_eq!(ask(&published, Ask::Resume).1, [Schedule]);
}

#[test]
fn a_pause_ends_with_its_pull_request() {
    let (paused, _) = ask(&all(&new(ready(1)), &[start(1), sent(1)]), Ask::Pause);
    for end in [SeenMerged, SeenClosed] {
        assert_eq!(after(&paused, &end).0.errand.paused, None, "{end:?}");
    }
}

#[test]
fn what_is_cancelled_is_taken_back_paused_or_not() {
    let waiting = new(ready(1));
    for changeset in [&waiting, &ask(&waiting, Ask::Pause).0] {
        let (cancelled, effects) = ask(changeset, Ask::Cancel);
        assert_eq!((cancelled.errand.paused.as_deref(), effects), (None, vec![Schedule]));
        let over = all(&cancelled, &[start(2), Withdrawn { generation: 2 }]);
        assert_eq!((over.state, over.reason.as_str()), (State::Closed, "closed by anna"));
    }
    let kept = new(proposal(1, 1, Publication::Unpublished));
    assert_eq!(ask(&kept, Ask::Cancel).0.state, State::Closed);
    let open = all(&waiting, &[start(1), sent(1)]);
    assert_eq!(open.refuses(&Ask::Cancel), Some("it has a pull request: `close` closes it"));
}
