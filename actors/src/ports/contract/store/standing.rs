//! Where an organisation stands: kept for everybody, recorded by its owner.
//!
//! Deliberately absent: what it leads to.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World},
};
use crate::ports::{CommitError, Message, MessageBody, Recipient, Standing};
use campaigns_domain::{
    id::{MessageId, Shard},
    publish::{
        installation::InstallationState,
        standing::{AdaptivePace, OutOfUse, Pause, PauseCause},
    },
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

fn standing() -> Standing {
    let why = OutOfUse { cause: PauseCause::IpAllowList, reason: "have the address added".to_owned() };
    Standing {
        quiet: Some((Duration::from_secs(90), "have the address added".to_owned())),
        pause: Some(Pause::after(None, why)),
        pace: AdaptivePace { extra: 4_000, refusals: 2, successes: 7 },
    }
}

pub(super) async fn where_an_organisation_stands_is_kept_and_its_quiet_passes<H: StoreHarness>(
    harness: Arc<H>,
) {
    let world = World::new(harness).await;
    let lease = world.lease(ORGANIZATION).await;
    assert_eq!(world.store().standing(ORGANIZATION).await, Ok(Standing::default()), "nothing is known yet");
    world.store().set_standing(&lease, ORGANIZATION, &standing(), &[]).await.unwrap();
    assert_eq!(world.store().standing(&ORGANIZATION.to_uppercase()).await, Ok(standing()));
    world.harness.move_clock(Duration::from_secs(60)).await;
    let left = world.store().standing(ORGANIZATION).await.unwrap().quiet.map(|(left, _)| left);
    assert_eq!(left, Some(Duration::from_secs(30)));
    world.harness.move_clock(Duration::from_secs(30)).await;
    assert_eq!(world.store().standing(ORGANIZATION).await, Ok(Standing { quiet: None, ..standing() }));
    world.store().set_standing(&lease, ORGANIZATION, &Standing::default(), &[]).await.unwrap();
    assert_eq!(world.store().standing(ORGANIZATION).await, Ok(Standing::default()));
}

pub(super) async fn only_the_owner_records_where_an_organisation_stands<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let old = world.lease(ORGANIZATION).await;
    world.take_over(Shard::of_organization(ORGANIZATION)).await;
    let answer = world.store().set_standing(&old, ORGANIZATION, &standing(), &[]).await;
    assert!(matches!(&answer, Err(CommitError::Fenced(fence)) if *fence == old.fence()), "{answer:?}");
    assert_eq!(world.store().standing(ORGANIZATION).await, Ok(Standing::default()));
}

pub(super) async fn a_message_of_no_run_is_consumed_with_what_it_led_to<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let shard = Shard::of_organization(ORGANIZATION);
    let to = Recipient::Organization(ORGANIZATION.to_owned());
    let message = |state| {
        let body = MessageBody::Installation { state };
        Message { id: MessageId(Uuid::new_v4()), to: to.clone(), body }
    };
    let (first, second) = (message(InstallationState::Suspended), message(InstallationState::Active));
    for message in [&first, &second] {
        world.harness.send(None, message).await;
    }
    let waiting = async || world.store().inbox(&[shard], 10).await.unwrap();
    assert_eq!(waiting().await, [first.clone(), second.clone()]);
    let old = world.lease(ORGANIZATION).await;
    world.take_over(shard).await;
    let lease = world.lease(ORGANIZATION).await;
    let answer = world.store().set_standing(&old, ORGANIZATION, &standing(), &[first.id]).await;
    assert!(matches!(answer, Err(CommitError::Fenced(_))), "{answer:?}");
    assert_eq!(waiting().await.len(), 2, "nothing of it was done");
    world.store().set_standing(&lease, ORGANIZATION, &standing(), &[first.id]).await.unwrap();
    assert_eq!(waiting().await, std::slice::from_ref(&second));
    // Twice is once.
    let both = [first.id, second.id];
    world.store().set_standing(&lease, ORGANIZATION, &standing(), &both).await.unwrap();
    assert!(waiting().await.is_empty());
}
