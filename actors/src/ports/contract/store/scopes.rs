//! Permits by scope: everything together, one campaign, one organisation; points, and the distance between writes.
//!
//! Deliberately absent: one organisation's windows alone (`permits`).

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World, new_run, spec},
};
use crate::ports::{Lease, Permit, PermitAnswer, PermitRequest};
use campaigns_domain::{
    execution::run::Run,
    id::CampaignId,
    publish::budget::{Budget, Cap, CapScope, ContentWrites, Counted, HeldBy, WriteKind},
};
use futures::future::join_all;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

fn ask(run: &Run, organization: &str, kind: WriteKind, budget: &Budget) -> PermitRequest {
    PermitRequest {
        organization: organization.to_owned(),
        campaign: run.campaign,
        run: run.id,
        kind,
        budget: budget.clone(),
    }
}

/// Takes what has to be granted.
async fn take<H: StoreHarness>(world: &World<H>, lease: &Lease, request: PermitRequest) -> Permit {
    match world.store().take_permit(lease, request).await.unwrap() {
        PermitAnswer::Granted(permit) => permit,
        PermitAnswer::Wait(wait, by) => panic!("it has to wait {wait:?} for {by:?}"),
    }
}

/// Takes what has to be granted, and has it answered at once.
async fn write<H: StoreHarness>(world: &World<H>, lease: &Lease, request: PermitRequest) {
    let permit = take(world, lease, request).await;
    world.store().answer_permit(&permit).await.unwrap();
}

async fn held<H: StoreHarness>(
    world: &World<H>,
    lease: &Lease,
    request: PermitRequest,
) -> (Duration, HeldBy) {
    match world.store().take_permit(lease, request).await.unwrap() {
        PermitAnswer::Granted(_) => panic!("it was granted"),
        PermitAnswer::Wait(wait, by) => (wait, by),
    }
}

pub(super) async fn a_write_has_to_fit_into_every_scope<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(Arc::clone(&harness)).await;
    let other = new_run(CampaignId(Uuid::new_v4()));
    harness.add_run(&spec(), &other).await;
    let (acme, globex) = (world.lease(ORGANIZATION).await, world.lease("globex").await);
    let all = Cap::new(Counted::Content, 3600, 5);
    let campaign = Cap::new(Counted::PullRequests, 600, 1);
    let organization = Cap::new(Counted::Content, 60, 3);
    let budget = Budget {
        global: vec![all],
        campaign: vec![campaign],
        organization: vec![organization],
        ..Budget::unlimited()
    };
    let tree = |run, of| ask(run, of, WriteKind::Tree, &budget);
    let open = |run, of| ask(run, of, WriteKind::PullRequest, &budget);
    write(&world, &acme, open(&world.run, ORGANIZATION)).await;
    // The campaign has opened its one, wherever it asks; another campaign has not, and a tree opens none.
    let by = HeldBy::Window { scope: CapScope::Campaign, cap: campaign };
    assert_eq!(held(&world, &globex, open(&world.run, "globex")).await, (Duration::from_secs(600), by));
    write(&world, &acme, open(&other, ORGANIZATION)).await;
    write(&world, &acme, tree(&world.run, ORGANIZATION)).await;
    let by = HeldBy::Window { scope: CapScope::Organization, cap: organization };
    assert_eq!(held(&world, &acme, tree(&other, ORGANIZATION)).await, (Duration::from_secs(60), by));
    write(&world, &globex, tree(&other, "globex")).await;
    write(&world, &globex, tree(&world.run, "globex")).await;
    // Everything together: five, wherever they went.
    let by = HeldBy::Window { scope: CapScope::Global, cap: all };
    assert_eq!(held(&world, &globex, tree(&world.run, "globex")).await, (Duration::from_secs(3600), by));
    world.harness.move_clock(Duration::from_secs(3600)).await;
    write(&world, &globex, tree(&world.run, "globex")).await;
}

pub(super) async fn points_and_distance_hold_for_what_creates_no_content_too<H: StoreHarness>(
    harness: Arc<H>,
) {
    let world = World::new(harness).await;
    let lease = world.lease(ORGANIZATION).await;
    let points = Cap::new(Counted::Points, 60, 12);
    let budget = Budget {
        organization: vec![Cap::new(Counted::Content, 3600, 1), points],
        spacing: 1_500,
        content: ContentWrites::parse("pull-request").unwrap(),
        ..Budget::unlimited()
    };
    let tree = || ask(&world.run, ORGANIZATION, WriteKind::Tree, &budget);
    write(&world, &lease, tree()).await;
    assert_eq!(held(&world, &lease, tree()).await, (Duration::from_millis(1_500), HeldBy::Spacing));
    world.harness.move_clock(Duration::from_millis(1_500)).await;
    let second = take(&world, &lease, tree()).await;
    // It may arrive as late as 7 s from now.
    assert_eq!(
        held(
            &world,
            &lease,
            ask(
                &world.run,
                ORGANIZATION,
                WriteKind::Branch,
                &Budget { organization: vec![], ..budget.clone() }
            )
        )
        .await,
        (Duration::from_millis(8_500), HeldBy::Spacing)
    );
    world.store().answer_permit(&second).await.unwrap();
    world.harness.move_clock(Duration::from_millis(1_500)).await;
    // Two writes are 10 points, a third does not fit into 12: not before the first has left, answered at 0.
    let by = HeldBy::Window { scope: CapScope::Organization, cap: points };
    assert_eq!(held(&world, &lease, tree()).await, (Duration::from_secs(57), by));
    // Of content there has been none: the one that counts goes first where points are not limited.
    let content = Budget { organization: vec![Cap::new(Counted::Content, 3600, 1)], ..budget.clone() };
    write(&world, &lease, ask(&world.run, ORGANIZATION, WriteKind::PullRequest, &content)).await;
    world.harness.move_clock(Duration::from_millis(1_500)).await;
    let again = held(&world, &lease, ask(&world.run, ORGANIZATION, WriteKind::PullRequest, &content)).await;
    assert_eq!(again.0, Duration::from_millis(3_600_000 - 1_500));
}

pub(super) async fn a_write_that_never_left_is_given_back<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let lease = world.lease(ORGANIZATION).await;
    let budget = Budget { organization: vec![Cap::new(Counted::Content, 60, 1)], ..Budget::unlimited() };
    let tree = || ask(&world.run, ORGANIZATION, WriteKind::Tree, &budget);
    let unused = take(&world, &lease, tree()).await;
    held(&world, &lease, tree()).await;
    world.store().return_permit(unused).await.unwrap();
    let used = take(&world, &lease, tree()).await;
    world.store().answer_permit(&used).await.unwrap();
    world.store().return_permit(used).await.unwrap();
    assert_eq!(held(&world, &lease, tree()).await.0, Duration::from_secs(60), "what was answered had left");
}

pub(super) async fn a_cap_over_everything_holds_whoever_asks_at_once<H: StoreHarness>(harness: Arc<H>) {
    let world = Arc::new(World::new(Arc::clone(&harness)).await);
    let other = new_run(CampaignId(Uuid::new_v4()));
    harness.add_run(&spec(), &other).await;
    let budget = Budget {
        global: vec![Cap::new(Counted::Content, 60, 7)],
        campaign: vec![Cap::new(Counted::Content, 60, 5)],
        ..Budget::unlimited()
    };
    for round in 0..4 {
        let mut asked = vec![];
        for n in 0..24_usize {
            let organization = format!("organisation-{}", n % 4);
            let lease = world.lease(&organization).await;
            let run = if n % 3 == 0 { &other } else { &world.run };
            let request = ask(run, &organization, WriteKind::Tree, &budget);
            let (world, campaign) = (Arc::clone(&world), run.campaign);
            asked.push(tokio::spawn(async move {
                (campaign, world.store().take_permit(&lease, request).await.unwrap())
            }));
        }
        let mut granted = vec![];
        for answer in join_all(asked).await {
            if let (campaign, PermitAnswer::Granted(permit)) = answer.unwrap() {
                granted.push((campaign, permit));
            }
        }
        assert_eq!(granted.len(), 7, "in round {round}");
        for run in [&world.run, &other] {
            let own = granted.iter().filter(|(campaign, _)| *campaign == run.campaign).count();
            assert!((2..=5).contains(&own), "{own} of one campaign in round {round}");
        }
        for (_, permit) in &granted {
            world.store().answer_permit(permit).await.unwrap();
        }
        world.harness.move_clock(Duration::from_secs(60)).await;
    }
}

pub(super) async fn what_counts_is_what_the_windows_hold<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(Arc::clone(&harness)).await;
    let other = new_run(CampaignId(Uuid::new_v4()));
    harness.add_run(&spec(), &other).await;
    let (acme, globex) = (world.lease(ORGANIZATION).await, world.lease("globex").await);
    let free = Budget::unlimited();
    let budget = Budget {
        campaign: vec![Cap::new(Counted::PullRequests, 600, 9)],
        organization: vec![Cap::new(Counted::Content, 60, 9), Cap::new(Counted::PullRequests, 3_600, 9)],
        ..Budget::unlimited()
    };
    write(&world, &acme, ask(&world.run, ORGANIZATION, WriteKind::Tree, &free)).await;
    write(&world, &acme, ask(&world.run, ORGANIZATION, WriteKind::PullRequest, &free)).await;
    write(&world, &globex, ask(&world.run, "globex", WriteKind::Tree, &free)).await;
    write(&world, &globex, ask(&world.run, "globex", WriteKind::PullRequest, &free)).await;
    write(&world, &globex, ask(&other, "globex", WriteKind::PullRequest, &free)).await;
    let counted = async |campaigns: &[CampaignId], budget: &Budget| {
        let spending = world.store().spending("ACME", campaigns, budget).await.unwrap();
        let all = spending.permits.iter();
        let opened = all.clone().filter(|permit| permit.charge.pull_request).count();
        let own = all.clone().filter(|permit| permit.organization == "acme").count();
        (all.count(), opened, own)
    };
    let own = [world.run.campaign];
    assert_eq!(counted(&[], &budget).await, (2, 1, 2), "of the organisation alone");
    assert_eq!(counted(&own, &budget).await, (3, 2, 2), "and the campaign's pull requests elsewhere");
    let all = Budget { global: vec![Cap::new(Counted::Content, 60, 9)], ..budget.clone() };
    assert_eq!(counted(&own, &all).await, (5, 3, 2), "and everything where that is capped");
    world.harness.move_clock(Duration::from_secs(60)).await;
    assert_eq!(counted(&own, &all).await, (2, 2, 1), "the minute is over for what opens no pull request");
    world.harness.move_clock(Duration::from_secs(3_540)).await;
    assert_eq!(counted(&own, &all).await, (0, 0, 0));
}
