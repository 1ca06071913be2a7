//! Changesets of a rollout: held until they are let through, whatever else happens to them.

use super::samples::{place, proposal, published};
use campaigns_domain::{
    changeset::{Ask, Changeset, ChangesetEffect, ChangesetEvent, ChangesetState, Proposal},
    id::CommandId,
    spec::Publication,
};
use uuid::Uuid;

fn gated(run: u128, attempt: u32) -> Proposal {
    Proposal { gated: true, ..proposal(run, attempt, Publication::Ready) }
}

fn new(proposal: Proposal) -> (Changeset, Vec<ChangesetEffect>) {
    Changeset::propose(place(), proposal)
}

fn after(changeset: &Changeset, event: ChangesetEvent) -> (Changeset, Vec<ChangesetEffect>) {
    let applied = changeset.apply(&event).into_applied();
    applied.unwrap_or_else(|| panic!("{event:?} is ignored by {changeset:?}"))
}

fn proposed(proposal: Proposal) -> ChangesetEvent {
    ChangesetEvent::Proposed { proposal: Box::new(proposal) }
}

fn asked(ask: Ask) -> ChangesetEvent {
    ChangesetEvent::Asked { ask, by: "ada".to_owned(), command: CommandId(Uuid::from_u128(9)), beyond: false }
}

#[test]
fn it_is_scheduled_in_no_queue_and_goes_when_it_is_let_through() {
    let (held, effects) = new(gated(1, 1));
    assert_eq!((held.state, held.held, effects), (ChangesetState::Scheduled, true, vec![]));
    assert!(held.apply(&ChangesetEvent::PublishStarted { generation: 1 }).is_ignored());
    let (released, effects) = after(&held, ChangesetEvent::Released);
    assert_eq!((released.held, effects), (false, vec![ChangesetEffect::Schedule]));
    assert!(released.apply(&ChangesetEvent::Released).is_ignored());
    let (sending, _) = after(&released, ChangesetEvent::PublishStarted { generation: 1 });
    // What did not work out is tried again and has been let through already.
    let deferred = ChangesetEvent::PublishDeferred { generation: 1, reason: "busy".to_owned(), head: None };
    let (again, effects) = after(&sending, deferred);
    assert_eq!((again.held, effects), (false, vec![ChangesetEffect::Schedule]));
}

#[test]
fn what_is_not_to_be_published_is_not_held() {
    let kept = Proposal { publication: Publication::Unpublished, ..gated(1, 1) };
    assert!(!new(kept).0.held);
    assert!(!new(proposal(1, 1, Publication::Ready)).0.held);
}

#[test]
fn an_update_is_held_and_the_generation_before_it_is_awaited() {
    let (held, _) = new(gated(1, 1));
    let (released, _) = after(&held, ChangesetEvent::Released);
    let (sending, _) = after(&released, ChangesetEvent::PublishStarted { generation: 1 });
    let (overtaken, effects) = after(&sending, proposed(gated(2, 1)));
    assert!(overtaken.held && !effects.contains(&ChangesetEffect::Schedule));
    let sent = ChangesetEvent::Published { generation: 1, published: published('c', false) };
    let (waiting, effects) = after(&overtaken, sent);
    assert_eq!((waiting.state, waiting.held, effects), (ChangesetState::Scheduled, true, vec![]));
    // Let through while the earlier one was on its way.
    let (through, effects) = after(&overtaken, ChangesetEvent::Released);
    assert_eq!((through.held, effects), (false, vec![]));
    let sent = ChangesetEvent::Published { generation: 1, published: published('c', false) };
    assert_eq!(after(&through, sent).1, [ChangesetEffect::Schedule]);
}

#[test]
fn a_person_who_asks_is_not_held_up() {
    let (held, _) = new(gated(1, 1));
    let (asked, effects) = after(&held, asked(Ask::Publish { draft: true }));
    assert_eq!((asked.held, effects), (false, vec![ChangesetEffect::Schedule]));
    // A human's end is one whatever waits.
    let (ended, _) = after(&held, ChangesetEvent::SeenMerged);
    assert!(!ended.held);
    let (over, _) = after(&held, ChangesetEvent::HandedOver { reason: "pushed".to_owned() });
    assert!(!over.held);
}
