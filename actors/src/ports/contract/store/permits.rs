//! Permits: exact sliding windows by the store's clock, whoever asks and however many at once.

use super::{
    StoreHarness,
    fixture::{ORGANIZATION, World},
};
use crate::ports::{CommitError, Lease, Permit, PermitAnswer, PermitRequest};
use campaigns_domain::{
    id::Shard,
    publish::budget::{Budget, Cap, Counted, Window, WriteKind},
};
use futures::future::join_all;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long a permit's request may leave.
const LIFE: Duration = Duration::from_secs(2);
/// How long an unanswered permit's request may still reach the host: its life and the request's deadline.
const UNANSWERED: Duration = LIFE.saturating_add(Duration::from_secs(5));
const TICK: Duration = Duration::from_micros(1);

fn window(seconds: u32, cap: u32) -> Window {
    Window { seconds, cap }
}

fn ask<H: StoreHarness>(
    world: &World<H>,
    writes: &[Window],
    pull_requests: &[Window],
    opens: bool,
) -> PermitRequest {
    let content = writes.iter().map(|window| Cap { counted: Counted::Content, window: *window });
    let opened = pull_requests.iter().map(|window| Cap { counted: Counted::PullRequests, window: *window });
    PermitRequest {
        organization: ORGANIZATION.to_owned(),
        campaign: world.run.campaign,
        run: world.run.id,
        kind: if opens { WriteKind::PullRequest } else { WriteKind::Tree },
        budget: Budget { organization: content.chain(opened).collect(), ..Budget::unlimited() },
    }
}

async fn granted<H: StoreHarness>(world: &World<H>, lease: &Lease, request: &PermitRequest) -> Permit {
    match world.store().take_permit(lease, request.clone()).await.unwrap() {
        PermitAnswer::Granted(permit) => permit,
        PermitAnswer::Wait(wait, by) => panic!("it has to wait {wait:?} for {by:?}"),
    }
}

async fn wait<H: StoreHarness>(world: &World<H>, lease: &Lease, request: &PermitRequest) -> Duration {
    match world.store().take_permit(lease, request.clone()).await.unwrap() {
        PermitAnswer::Granted(_) => panic!("it was granted"),
        PermitAnswer::Wait(wait, _) => wait,
    }
}

pub(super) async fn a_full_window_waits_until_its_oldest_leaves<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let lease = world.lease(ORGANIZATION).await;
    let request = ask(&world, &[window(60, 3), window(600, 4)], &[], false);
    for _ in 0..3 {
        let asked = Instant::now();
        let permit = granted(&world, &lease, &request).await;
        assert!(permit.expires >= asked + LIFE, "it can hardly be used");
        world.store().answer_permit(&permit).await.unwrap();
        world.harness.move_clock(Duration::from_secs(10)).await;
    }
    // Answered at 0, 10 and 20; it is 30 now.
    assert_eq!(wait(&world, &lease, &request).await, Duration::from_secs(30));
    world.harness.move_clock(Duration::from_secs(30) - TICK).await;
    assert_eq!(wait(&world, &lease, &request).await, TICK);
    world.harness.move_clock(TICK).await;
    let permit = granted(&world, &lease, &request).await;
    world.store().answer_permit(&permit).await.unwrap();
    // Now the longer window is full, until the first of them leaves it at 600.
    assert_eq!(wait(&world, &lease, &request).await, Duration::from_secs(540));
    let shut = ask(&world, &[window(60, 0)], &[], false);
    assert!(wait(&world, &lease, &shut).await > Duration::ZERO, "a cap of nothing lets nothing through");
    let open = ask(&world, &[], &[], true);
    granted(&world, &lease, &open).await;
}

pub(super) async fn an_unanswered_permit_counts_until_it_cannot_arrive_any_more<H: StoreHarness>(
    harness: Arc<H>,
) {
    let world = World::new(harness).await;
    let lease = world.lease(ORGANIZATION).await;
    let request = ask(&world, &[window(60, 1)], &[], false);
    let permit = granted(&world, &lease, &request).await;
    let all = UNANSWERED + Duration::from_secs(60);
    assert_eq!(wait(&world, &lease, &request).await, all);
    world.harness.move_clock(Duration::from_secs(3)).await;
    assert_eq!(wait(&world, &lease, &request).await, all - Duration::from_secs(3));
    // The answer says when it was at the latest; a second one says nothing new.
    world.store().answer_permit(&permit).await.unwrap();
    assert_eq!(wait(&world, &lease, &request).await, Duration::from_secs(60));
    world.harness.move_clock(Duration::from_secs(4)).await;
    world.store().answer_permit(&permit).await.unwrap();
    assert_eq!(wait(&world, &lease, &request).await, Duration::from_secs(56));
    world.harness.move_clock(Duration::from_secs(56)).await;
    granted(&world, &lease, &request).await;
}

pub(super) async fn pull_requests_have_windows_of_their_own<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let lease = world.lease(ORGANIZATION).await;
    let (writes, opened) = ([window(60, 10)], [window(3600, 2)]);
    let (write, open) = (ask(&world, &writes, &opened, false), ask(&world, &writes, &opened, true));
    for request in [&write, &open, &write, &open, &write] {
        let permit = granted(&world, &lease, request).await;
        world.store().answer_permit(&permit).await.unwrap();
    }
    assert_eq!(wait(&world, &lease, &open).await, Duration::from_secs(3600));
    for _ in 0..5 {
        let permit = granted(&world, &lease, &write).await;
        world.store().answer_permit(&permit).await.unwrap();
    }
    // Opening a pull request is a write too.
    assert_eq!(wait(&world, &lease, &write).await, Duration::from_secs(60));
}

pub(super) async fn organisations_are_counted_apart_and_without_regard_to_case<H: StoreHarness>(
    harness: Arc<H>,
) {
    let world = World::new(harness).await;
    let lease = world.lease(ORGANIZATION).await;
    let request = ask(&world, &[window(60, 1)], &[], false);
    granted(&world, &lease, &request).await;
    let shouted = PermitRequest { organization: ORGANIZATION.to_uppercase(), ..request.clone() };
    assert!(wait(&world, &lease, &shouted).await > Duration::ZERO);
    let other = PermitRequest { organization: "globex".to_owned(), ..request };
    granted(&world, &world.lease("globex").await, &other).await;
    let foreign = world.store().take_permit(&lease, other).await;
    assert!(matches!(foreign, Err(CommitError::Refused(_))), "another organisation's shard: {foreign:?}");
}

pub(super) async fn an_old_epoch_gets_no_permit<H: StoreHarness>(harness: Arc<H>) {
    let world = World::new(harness).await;
    let old = world.lease(ORGANIZATION).await;
    let request = ask(&world, &[window(60, 1)], &[], false);
    world.take_over(Shard::of_organization(ORGANIZATION)).await;
    let answer = world.store().take_permit(&old, request.clone()).await;
    assert!(matches!(&answer, Err(CommitError::Fenced(fence)) if *fence == old.fence()), "{answer:?}");
    // It was not counted either.
    granted(&world, &world.lease(ORGANIZATION).await, &request).await;
}

/// A permit as the host may have seen it: some time between the two.
struct Seen {
    granted: Duration,
    latest: Duration,
}

pub(super) async fn windows_hold_under_concurrency<H: StoreHarness>(harness: Arc<H>) {
    let world = Arc::new(World::new(harness).await);
    let lease = world.lease(ORGANIZATION).await;
    let windows = [window(60, 7), window(300, 20)];
    let request = ask(&world, &windows, &[], false);
    // A plain congruential generator: the schedule is the same every time.
    let mut state = 42_u64;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut now, mut seen, mut unanswered) =
        (Duration::ZERO, Vec::<Seen>::new(), Vec::<(usize, Permit)>::new());
    let mut waited = 0;
    for _ in 0..60 {
        let asked = (0..8).map(|_| {
            let (world, lease, request) = (Arc::clone(&world), lease.clone(), request.clone());
            tokio::spawn(async move { world.store().take_permit(&lease, request).await.unwrap() })
        });
        let mut shortest = None;
        for answer in join_all(asked).await {
            match answer.unwrap() {
                PermitAnswer::Granted(permit) => {
                    unanswered.push((seen.len(), permit));
                    seen.push(Seen { granted: now, latest: now + UNANSWERED });
                }
                PermitAnswer::Wait(wait, _) => {
                    shortest = Some(shortest.map_or(wait, |other: Duration| other.min(wait)))
                }
            }
        }
        // Some are answered soon, some late, some never.
        let step = match shortest {
            Some(wait) if draw(2) == 0 => {
                waited += 1;
                wait
            }
            _ => Duration::from_millis(draw(12_000)),
        };
        let soon = Duration::from_millis(draw(1 + u64::try_from(step.as_millis()).unwrap().min(4_000)));
        world.harness.move_clock(soon).await;
        for (place, permit) in unanswered.drain(..) {
            if draw(4) > 0 {
                world.store().answer_permit(&permit).await.unwrap();
                seen[place].latest = now + soon;
            }
        }
        world.harness.move_clock(step.saturating_sub(soon)).await;
        now += step.max(soon);
    }
    assert!(waited > 5, "windows were full {waited} times");
    for window in windows {
        let length = Duration::from_secs(window.seconds.into());
        let worst = seen
            .iter()
            .map(|first| {
                let from = first.latest;
                seen.iter().filter(|other| other.latest >= from && other.granted < from + length).count()
            })
            .max();
        assert!(worst <= Some(window.cap as usize), "{worst:?} of {} in {} s", window.cap, window.seconds);
        assert_eq!(worst, Some(window.cap as usize), "the window was used to the full");
    }
}

pub(super) async fn whoever_waits_hears_that_the_clock_was_moved<H: StoreHarness>(harness: Arc<H>) {
    let mut ahead = harness.store().moved_ahead();
    let mut then = Duration::ZERO;
    for minutes in [1, 90] {
        let further = Duration::from_secs(60 * minutes);
        harness.move_clock(further).await;
        then += further;
        let heard = ahead.wait_for(|ahead| *ahead == then);
        tokio::time::timeout(Duration::from_secs(60), heard).await.expect("it was heard").unwrap();
    }
}
