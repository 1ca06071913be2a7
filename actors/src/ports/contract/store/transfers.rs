//! Transfers: a changeset's row goes over to another organisation, and to its shard, by a commit of the old one's owner.
//!
//! Deliberately absent: what makes it go (`campaigns_domain::changeset`), and telling the new owner, which is a message
//! like any other.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World, begin, event, moved_changeset, opened},
};
use crate::ports::{
    CommitError, Effect, EffectChange, EffectKind, EffectState, Message, MessageBody, Recipient, RowChange,
    Subject, Transition,
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    id::{ChangesetId, EffectId, MessageId, Shard},
    reconcile::Due,
    spec::Publication,
};
use std::{sync::Arc, time::Duration};

fn home() -> Shard {
    Shard::of_organization(ORGANIZATION)
}

/// An organisation that lives in another shard.
fn globex() -> String {
    let names = (0..).map(|nth| format!("globex-{nth}"));
    let mut elsewhere = names.filter(|name| Shard::of_organization(name) != home());
    elsewhere.next().expect("more organisations than one shard has")
}

fn publish(changeset: &Changeset) -> Effect {
    Effect {
        id: EffectId::of(changeset.id.0, EffectKind::Publish.as_str(), changeset.generation),
        shard: home(),
        run: changeset.wanted.run,
        subject: Subject::Changeset(changeset.id),
        kind: EffectKind::Publish,
        generation: changeset.generation,
        state: EffectState::InFlight,
    }
}

/// A changeset that is being sent, and the transition by which it goes over.
async fn sent<H: StoreHarness>(world: &World<H>, to: &str) -> (Changeset, Changeset, Transition) {
    let target = world.new_target(0);
    let waits = world.new_changeset(&target, Publication::Ready);
    world.propose(&waits).await;
    let sent = moved_changeset(&waits, ChangesetState::Publishing);
    let mut starts = world.moved_changeset(&waits, sent.clone()).await;
    starts.effects.push(begin(&publish(&sent)));
    world.commit(starts).await;
    let gone = Changeset {
        repository: format!("{to}/repo-0").parse().expect("a repository's name"),
        generation: sent.generation + 1,
        ..moved_changeset(&sent, ChangesetState::Scheduled)
    };
    let mut goes = world.moved_changeset(&sent, gone.clone()).await;
    goes.events.push(event(Subject::Changeset(gone.id), "changeset.transferred"));
    goes.effects.push(EffectChange::Done(publish(&sent).id));
    goes.messages.push(Message {
        id: MessageId::of(gone.id.0, "arrived", 1),
        to: Recipient::Organization(to.to_owned()),
        body: MessageBody::Arrived { changeset: gone.id, run: gone.wanted.run },
    });
    (sent, gone, goes)
}

async fn scheduled<H: StoreHarness>(world: &World<H>, organization: &str) -> Vec<ChangesetId> {
    let found = world.store().scheduled(organization, 10).await.unwrap();
    found.into_iter().map(|changeset| changeset.id).collect()
}

/// That an epoch that is over changes nothing.
async fn fenced<H: StoreHarness>(world: &World<H>, old: Transition) {
    let before = world.harness.dump().await;
    assert_eq!(world.store().commit(old.clone()).await, Err(CommitError::Fenced(old.fence)));
    assert_eq!(world.harness.dump().await, before);
}

pub(super) async fn a_row_goes_over_to_another_organisation_in_one_commit<H: StoreHarness>(harness: Arc<H>) {
    let (world, _) = World::with_targets(harness, 1).await;
    let globex = globex();
    let there = Shard::of_organization(&globex);
    let (_, gone, goes) = sent(&world, &globex).await;
    // A zombie of the old owner moves nothing, whoever owns the other shard.
    let fence = world.take_over(home()).await;
    fenced(&world, goes.clone()).await;
    assert!(scheduled(&world, &globex).await.is_empty());

    world.commit(Transition { fence, ..goes }).await;
    assert_eq!(world.store().changeset(gone.id).await.unwrap().as_ref(), Some(&gone));
    assert_eq!(scheduled(&world, &globex.to_uppercase()).await, [gone.id]);
    assert!(scheduled(&world, ORGANIZATION).await.is_empty());
    let (old, new) =
        (world.store().backlog(home()).await.unwrap(), world.store().backlog(there).await.unwrap());
    assert!(old.organizations.is_empty() && old.effects.is_empty(), "{old:?}");
    assert!(new.effects.is_empty(), "{new:?}");
    assert_eq!(new.organizations, std::slice::from_ref(&globex));
    let told = world.store().inbox(&[home(), there], 10).await.unwrap();
    assert_eq!(
        told.into_iter().map(|message| message.to).collect::<Vec<_>>(),
        [Recipient::Organization(globex)]
    );
    world.assert_sound().await;
}

pub(super) async fn a_row_that_went_over_is_its_new_owners_alone<H: StoreHarness>(harness: Arc<H>) {
    let (world, _) = World::with_targets(harness, 1).await;
    let globex = globex();
    let (_, gone, goes) = sent(&world, &globex).await;
    world.commit(goes).await;

    // The old owner, which holds its shard still.
    let sends = |fence| {
        let after = Box::new(moved_changeset(&gone, ChangesetState::Publishing));
        let mut transition = Transition::new(fence, world.run.id);
        transition.changes.push(RowChange::Changeset { before: gone.state, after });
        transition
    };
    world.refused(sends(world.fence(home()).await), "a changeset that went over").await;
    let early = [(gone.id, Due::In(Duration::ZERO))];
    let mut late = world.transition(home()).await;
    late.due = early.to_vec();
    world.commit(late).await;
    assert!(world.store().due(&globex, 10).await.unwrap().is_empty(), "it is not the old owner's to say");

    // A zombie of the new one, and the new one.
    let zombie = world.fence(Shard::of_organization(&globex)).await;
    let fence = world.take_over(zombie.shard).await;
    fenced(&world, sends(zombie)).await;
    world.commit(sends(fence)).await;
    let sending = moved_changeset(&gone, ChangesetState::Publishing);
    let open = opened(&sending, 7);
    let mut opens = world.moved_changeset(&sending, open.clone()).await;
    opens.due = early.to_vec();
    world.commit(opens).await;
    let due = world.store().due(&globex, 10).await.unwrap();
    assert_eq!(due.into_iter().map(|followed| followed.changeset).collect::<Vec<_>>(), [open]);

    // And back again.
    let back = Changeset {
        repository: format!("{ORGANIZATION}/repo-0").parse().expect("a repository's name"),
        ..moved_changeset(&opened(&sending, 7), ChangesetState::Scheduled)
    };
    world.commit(world.moved_changeset(&opened(&sending, 7), back.clone()).await).await;
    assert_eq!(scheduled(&world, ORGANIZATION).await, [back.id]);
    assert!(scheduled(&world, &globex).await.is_empty());
    world.assert_sound().await;
}
