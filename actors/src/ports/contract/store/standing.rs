//! Where an organisation stands: kept for everybody, recorded by its owner.
//!
//! Deliberately absent: what it leads to.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World},
};
use crate::ports::{CommitError, Standing};
use campaigns_domain::{
    id::Shard,
    publish::standing::{AdaptivePace, OutOfUse, Pause, PauseCause},
};
use std::{sync::Arc, time::Duration};

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
    world.store().set_standing(&lease, ORGANIZATION, &standing()).await.unwrap();
    assert_eq!(world.store().standing(&ORGANIZATION.to_uppercase()).await, Ok(standing()));
    world.harness.move_clock(Duration::from_secs(60)).await;
    let left = world.store().standing(ORGANIZATION).await.unwrap().quiet.map(|(left, _)| left);
    assert_eq!(left, Some(Duration::from_secs(30)));
    world.harness.move_clock(Duration::from_secs(30)).await;
    assert_eq!(world.store().standing(ORGANIZATION).await, Ok(Standing { quiet: None, ..standing() }));
    world.store().set_standing(&lease, ORGANIZATION, &Standing::default()).await.unwrap();
    assert_eq!(world.store().standing(ORGANIZATION).await, Ok(Standing::default()));
}

pub(super) async fn only_the_owner_records_where_an_organisation_stands<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let old = world.lease(ORGANIZATION).await;
    world.take_over(Shard::of_organization(ORGANIZATION)).await;
    let answer = world.store().set_standing(&old, ORGANIZATION, &standing()).await;
    assert!(matches!(&answer, Err(CommitError::Fenced(fence)) if *fence == old.fence()), "{answer:?}");
    assert_eq!(world.store().standing(ORGANIZATION).await, Ok(Standing::default()));
}
