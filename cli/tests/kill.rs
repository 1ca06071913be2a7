//! kill -9: a server that is killed ten times in the middle of its work ends as if it had not been.
//!
//! The points are drawn by event sequence from a seed that is printed; three of them lie between the code host's
//! accepting a pull request and our recording it. Set CAMPAIGNS_TEST_SEED to draw the same points again.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_runtime::{audit, embedded::EmbeddedPostgres, store};
use campaigns_twin::{Effect, Fault, Twin};
use campaigns_wire::RunState;
use std::time::{Duration, Instant};
use support::{Server, opened};

const REPOSITORIES: u32 = 200;
const KILLS: usize = 10;
/// Which of the kills strike while an answer to a new pull request is held back.
const BETWEEN: [usize; 3] = [3, 6, 8];
/// Fewer events than such a run has, so that every drawn point lies in the middle of it.
const EVENTS: u64 = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_ten_times_ends_as_if_it_had_not_been() {
    let room = support::room();
    let twin = support::twin(room.path(), REPOSITORIES).await;
    let data = room.path().join("data");
    let mut points = draw(seed());
    let mut server = Server::start(&data, &twin);
    server.api().apply("greeting", support::SPEC).await;
    let run = server.api().create_run("greeting", "once").await.id;

    let (mut after, mut seen) = (None, 0);
    for kill in 0..KILLS {
        if BETWEEN.contains(&kill) {
            wait_for_unrecorded_pull_request(&twin).await;
        } else {
            let point = points.remove(0);
            wait_for_events(&server, run, point, &mut after, &mut seen).await;
        }
        server.kill();
        twin.faults().clear();
        server = Server::start(&data, &twin);
        // The same request again, as a client does that never got its answer: it is the same run.
        assert_eq!(server.api().create_run("greeting", "once").await.id, run);
    }

    let ended = server.api().ended(run).await;
    assert_eq!(ended.state, RunState::Completed, "{}", ended.reason);
    let changed = u64::from(REPOSITORIES - REPOSITORIES / 5);
    assert_eq!(ended.totals.by_state.get("changed"), Some(&changed), "{:?}", ended.totals);
    assert_eq!(
        ended.totals.by_state.get("unchanged"),
        Some(&u64::from(REPOSITORIES / 5)),
        "{:?}",
        ended.totals
    );
    assert_eq!(ended.totals.changesets.get("open"), Some(&changed), "{:?}", ended.totals);
    let opened = opened(&twin);
    assert_eq!(opened.len() as u64, changed);
    assert!(opened.values().all(|count| *count == 1), "one pull request each: {opened:?}");
    assert_eq!(server.stop(), Some(0));
    leave_by_audit(&data.join("postgres")).await;
}

fn seed() -> u64 {
    let seed = std::env::var("CAMPAIGNS_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let seed = seed.unwrap_or_else(now);
    eprintln!("CAMPAIGNS_TEST_SEED={seed}");
    seed
}

/// Points in the count of events, in order.
fn draw(seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut points: Vec<u64> = (0..KILLS - BETWEEN.len())
        .map(|_| {
            // Knuth's MMIX generator; the high bits are the good ones.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            1 + (state >> 33) % EVENTS
        })
        .collect();
    points.sort_unstable();
    eprintln!("points: {points:?}");
    points
}

/// Waits until the run has had this many events.
async fn wait_for_events(
    server: &Server,
    run: uuid::Uuid,
    point: u64,
    after: &mut Option<String>,
    seen: &mut u64,
) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while *seen < point {
        let page = server.api().events(run, after).await;
        *seen += page.items.len() as u64;
        assert!(!page.ended, "the run ended before event {point}: nothing is left to kill");
        assert!(Instant::now() < deadline, "event {point} does not come; {seen} so far");
        if page.items.is_empty() {
            support::breathe().await;
        }
    }
}

/// Waits until the twin has accepted a pull request whose answer it holds back.
async fn wait_for_unrecorded_pull_request(twin: &Twin) {
    let accepted = |twin: &Twin| opened(twin).values().sum::<u32>();
    let hold = Effect::HoldAnswer { ms: 60_000 };
    twin.faults().add(Fault::on("pulls/create", hold).times(1));
    let deadline = Instant::now() + Duration::from_secs(120);
    while !twin.faults().list().is_empty() {
        assert!(Instant::now() < deadline, "no pull request comes");
        support::breathe().await;
    }
    // The fault has struck: from now on at least one answer is held; wait until its pull request is in the log.
    let before = accepted(twin);
    let settle = Instant::now() + Duration::from_millis(200);
    while accepted(twin) == before && Instant::now() < settle {
        support::breathe().await;
    }
}

async fn leave_by_audit(postgres: &std::path::Path) {
    let folder = postgres.to_owned();
    let database =
        tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&folder).unwrap()).await.unwrap();
    let opened = store::Postgres::connect(&database.url(), store::Options::default()).await.unwrap();
    let broken = audit::at_rest(opened.pool()).await.unwrap();
    assert!(broken.is_empty(), "{broken:#?}");
    opened.close().await;
    tokio::task::spawn_blocking(move || database.stop().unwrap()).await.unwrap();
}
