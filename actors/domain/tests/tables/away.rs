//! Changesets whose repository is out of reach.

use super::samples::{commit, name, proposal, published, run_id, target};
use campaigns_domain::{
    changeset::{
        Ask, Away, AwayCause, Changeset, ChangesetEffect as Effect,
        ChangesetEvent::{
            self as Event, Asked, Proposed, PublishStarted, Published, RepositoryAway, RepositoryBack,
            SeenClosed, Transferred,
        },
        ChangesetState as State, Place,
    },
    id::CommandId,
    machine::{Decision, Straggler},
    reconcile::{Due, due, whereabouts},
    spec::Publication,
};
use std::time::Duration;
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(86_400);

fn away(cause: AwayCause) -> Away {
    Away { cause, reason: format!("it is {}", cause.as_str()) }
}

fn while_sending(generation: u32, cause: AwayCause) -> Event {
    RepositoryAway { generation: Some(generation), away: away(cause), head: None }
}

fn asked(ask: Ask) -> Event {
    Asked { ask, by: "ada".to_owned(), command: CommandId(Uuid::from_u128(9)), beyond: false }
}

fn new() -> Changeset {
    let target = target();
    let place = Place {
        campaign: target.campaign,
        repository_id: target.repository_id,
        repository: name("acme/tool"),
        base_branch: "main".to_owned(),
        head_branch: "campaigns/tidy".to_owned(),
    };
    Changeset::propose(place, proposal(1, 1, Publication::Ready)).0
}

fn after(changeset: &Changeset, event: &Event) -> (Changeset, Vec<Effect>) {
    let applied = changeset.apply(event).into_applied();
    applied.unwrap_or_else(|| panic!("{event:?} is ignored by {changeset:?}"))
}

fn sending() -> Changeset {
    after(&new(), &PublishStarted { generation: 1 }).0
}

fn gone() -> Changeset {
    after(&sending(), &while_sending(1, AwayCause::Gone)).0
}

#[test]
fn each_cause_blocks_with_its_reason_and_lets_the_run_end() {
    for cause in AwayCause::ALL {
        let event = while_sending(1, cause);
        let (blocked, effects) = after(&sending(), &event);
        assert_eq!((blocked.state, blocked.away), (State::Blocked, Some(cause)));
        assert_eq!(blocked.reason, format!("it is {}", cause.as_str()));
        assert_eq!(effects, [Effect::Settled { run: run_id(1) }]);
        assert_eq!(event.name(), format!("changeset.repository_{}", cause.as_str()));
        assert!(blocked.apply(&event).is_ignored(), "twice is once");
    }
}

#[test]
fn a_commit_that_got_there_is_on_record() {
    let event =
        RepositoryAway { generation: Some(1), away: away(AwayCause::Archived), head: Some(commit('a')) };
    assert_eq!(after(&sending(), &event).0.head, Some(commit('a')));
}

#[test]
fn it_goes_on_under_its_new_name_once_it_is_back() {
    let back = RepositoryBack { repository: name("acme/hammer") };
    let (scheduled, effects) = after(&gone(), &back);
    assert_eq!((scheduled.state, scheduled.away, scheduled.generation), (State::Scheduled, None, 2));
    assert_eq!((scheduled.repository, effects), (name("acme/hammer"), vec![Effect::Schedule]));
    // Whoever waits for nothing hears nothing.
    assert_eq!(new().apply(&back), Decision::Ignored(Straggler::OutOfPlace));
    // With another owner it is that one's.
    let moved = RepositoryBack { repository: name("globex/hammer") };
    assert_eq!(after(&gone(), &moved).0.repository, name("globex/hammer"));
}

#[test]
fn a_look_tells_another_cause_and_says_nothing_twice() {
    let archived = Err(away(AwayCause::Archived));
    let event = whereabouts(&gone(), &archived).expect("it is news");
    let (blocked, effects) = after(&gone(), &event);
    assert_eq!((blocked.away, blocked.reason.as_str()), (Some(AwayCause::Archived), "it is archived"));
    assert!(effects.is_empty(), "{effects:?}");
    assert_eq!(whereabouts(&blocked, &archived), None);
    assert_eq!(whereabouts(&new(), &archived), None, "what is on its way finds out by itself");
}

#[test]
fn whatever_takes_it_on_ends_the_waiting() {
    for event in [
        asked(Ask::Retry),
        Proposed { proposal: Box::new(proposal(2, 1, Publication::Ready)) },
        SeenClosed,
        asked(Ask::Close),
    ] {
        let (next, _) = after(&gone(), &event);
        assert_eq!(next.away, None, "{event:?}");
        assert_ne!(next.state, State::Blocked, "{event:?}");
    }
}

#[test]
fn what_a_person_asked_for_is_not_done_later_behind_their_back() {
    let (open, _) = after(&sending(), &Published { generation: 1, published: published('a', false) });
    let (closing, _) = after(&open, &asked(Ask::Close));
    let (closing, _) = after(&closing, &PublishStarted { generation: 2 });
    let (blocked, _) = after(&closing, &while_sending(2, AwayCause::Archived));
    assert_eq!((blocked.state, blocked.away), (State::Blocked, None));
    let comment = Ask::Comment { body: "Please look.".to_owned() };
    let (saying, _) = after(&open, &asked(comment));
    let (saying, _) = after(&saying, &PublishStarted { generation: 2 });
    let (as_before, _) = after(&saying, &while_sending(2, AwayCause::Archived));
    assert_eq!((as_before.state, as_before.reason.as_str()), (State::Open, "it is archived"));
}

#[test]
fn it_is_looked_for_less_and_less_often_and_not_forever() {
    let gone = gone();
    assert_eq!(due(&gone, Duration::ZERO), Due::In(Duration::from_secs(60)));
    assert_eq!(due(&gone, DAY), Due::In(DAY / 4));
    assert_eq!(due(&gone, 20 * DAY), Due::In(DAY));
    assert_eq!(due(&gone, 30 * DAY), Due::Never);
    assert_eq!(due(&sending(), Duration::ZERO), Due::Never);
}

#[test]
fn with_another_owner_it_goes_on_there() {
    let elsewhere = name("globex/tool");
    let found =
        |generation| Transferred { generation, repository: elsewhere.clone(), head: Some(commit('a')) };
    let (scheduled, effects) = after(&sending(), &found(Some(1)));
    assert_eq!((scheduled.state, scheduled.publishing, scheduled.generation), (State::Scheduled, None, 2));
    assert_eq!((&scheduled.repository, scheduled.head.clone()), (&elsewhere, Some(commit('a'))));
    assert_eq!(effects, vec![Effect::Schedule]);
    // While it is sent, sending finds out by itself; and a look says nothing twice.
    assert_eq!(whereabouts(&sending(), &Ok(elsewhere.clone())), None);
    assert_eq!(whereabouts(&scheduled, &Ok(elsewhere.clone())), None);
    let event = whereabouts(&new(), &Ok(elsewhere.clone())).expect("it is news");
    assert_eq!(after(&new(), &event).0.repository, elsewhere);
    assert_eq!(whereabouts(&new(), &Ok(new().repository)), None);
}
