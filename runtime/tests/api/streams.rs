//! What streams cost and when they end: one read of the store for all who watch a run, none once nobody does, and an end
//! also for whoever is always behind.
//!
//! Deliberately absent: that no event is lost (`events`).

use crate::{
    events::{Reading, exact, quick},
    stage::{Stage, event_of, stage_with},
};
use async_trait::async_trait;
use campaigns_actors::ports::{Subject, Transition};
use campaigns_domain::id::{RunId, Shard};
use campaigns_http::{
    Settings,
    ports::{EventRow, Events, Positions, Progress, StoreError},
};
use campaigns_runtime::queries::Queries;
use reqwest::StatusCode;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The events of a run, and how often they were read.
struct Counted {
    of: Arc<Queries>,
    looks: AtomicU64,
    reads: AtomicU64,
}

#[async_trait]
impl Events for Counted {
    async fn progress(&self, run: RunId) -> Result<Option<Progress>, StoreError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.of.progress(run).await
    }

    async fn events(
        &self,
        run: RunId,
        after: &Positions,
        upto: &Positions,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.of.events(run, after, upto, limit).await
    }
}

impl Counted {
    fn so_far(&self) -> (u64, u64) {
        (self.looks.load(Ordering::SeqCst), self.reads.load(Ordering::SeqCst))
    }
}

/// A hub that is told of every commit and never looks by itself.
fn told() -> Settings {
    let mut settings = quick();
    settings.live.poll = Duration::from_secs(86_400);
    settings
}

/// A selected run.
async fn selected(stage: &Stage) -> RunId {
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    stage.select(&run, &["acme/a"]).await;
    RunId(run.id)
}

/// Commits events of this number on, each with so much beside it.
async fn say(stage: &Stage, run: RunId, from: u64, count: u64, padding: &str) {
    let mut transition = Transition::new(stage.fence(Shard(5)).await, run);
    for number in from..from + count {
        let data = json!({ "part": 5, "number": number, "padding": padding });
        transition.events.push(event_of(Subject::Run(run), "test.happened", data));
    }
    stage.commit(transition).await;
}

async fn until(what: &str, is: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is().await {
        assert!(Instant::now() < deadline, "it does not come to be that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_who_watch_a_run_cost_one_read_of_the_store_and_nobody_costs_none() {
    let stage = stage_with(told()).await;
    let counted = Arc::new(Counted {
        of: stage.queries.clone(),
        looks: AtomicU64::default(),
        reads: AtomicU64::default(),
    });
    let server = stage.another_server_reading(counted.clone(), told()).await;
    let (run, hub) = (selected(&stage).await, server.state.hub());
    let mut clients = vec![];
    for _ in 0..50 {
        let mut client = Reading::open(&stage, &server, run.0, None).await;
        for kind in ["run.created", "run.selected"] {
            assert_eq!(client.next().await.unwrap().kind, kind);
        }
        clients.push((client, vec![]));
    }
    // From the first on they all hear the same news; whoever joined had the hub look, which it does once more at most.
    let mut before = (0, 0);
    for number in 1..=11 {
        say(&stage, run, number, 1, "").await;
        hub.committed(run);
        for (client, frames) in &mut clients {
            frames.push(client.next().await.unwrap());
        }
        if number == 1 {
            before = counted.so_far();
        }
    }
    let after = counted.so_far();
    let (looks, reads) = (after.0 - before.0, after.1 - before.1);
    assert_eq!(reads, 10, "ten commits are read once each, whoever watches");
    assert!((10..=12).contains(&looks), "{looks} looks");
    assert!(clients.iter().all(|(_, frames)| exact(frames) == 11));

    // All but one leave, and then the last: nothing is read for nobody, from then on and not from the next look on.
    let last = clients.split_off(49);
    drop(clients);
    say(&stage, run, 12, 1, "").await;
    hub.committed(run);
    assert_eq!(hub.watched_runs(), 1);
    drop(last);
    until("nobody watches", async || hub.watched_runs() == 0).await;
    let before = counted.so_far();
    say(&stage, run, 13, 1, "").await;
    hub.committed(run);
    hub.missed();
    assert_eq!(counted.so_far(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_leaves_ends_the_stream_of_a_client_that_is_always_behind() {
    let mut settings = told();
    settings.live.behind = 256;
    let mut stage = stage_with(settings).await;
    let run = selected(&stage).await;
    let mut slow = Reading::open(&stage, &stage.server, run.0, None).await;
    let mut fast = Reading::open(&stage, &stage.server, run.0, None).await;
    for reading in [&mut slow, &mut fast] {
        for kind in ["run.created", "run.selected"] {
            assert_eq!(reading.next().await.unwrap().kind, kind);
        }
    }
    // Far more than the sockets between the two hold; the fast client takes each piece before the next is written.
    let (padding, pieces, each) = ("x".repeat(64 * 1024), 60, 8);
    for piece in 0..pieces {
        say(&stage, run, piece * each + 1, each, &padding).await;
        stage.server.state.hub().committed(run);
        for _ in 0..each {
            assert_eq!(fast.next().await.unwrap().kind, "test.happened");
        }
    }
    stage.server.leave();
    let probe = format!("{}/readyz", stage.server.base);
    until("the server says that it leaves", async || {
        stage.http.get(&probe).send().await.unwrap().status() == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    let mut frames = vec![];
    while let Some(frame) = slow.next().await {
        frames.push(frame);
    }
    let total = usize::try_from(pieces * each).unwrap();
    assert!(exact(&frames) < total, "all of {total} were sent before it ended");
}
