//! Live events without sockets: from a commit's answer until every client of the API has its frames.

use axum::body::{Body, BodyDataStream};
use campaigns_actors::ports::{NewEvent, Store as _, Subject, Transition};
use campaigns_benches::{
    api,
    stage::{KIND, Stage},
};
use campaigns_domain::{execution::target::Target, id::Shard};
use campaigns_http::live::LiveSettings;
use criterion::{Criterion, SamplingMode};
use futures::{StreamExt as _, future::join_all};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// How many events one commit says.
const EVENTS: u32 = 10;

struct Audience {
    stage: Stage,
    targets: Vec<Target>,
    clients: Vec<BodyDataStream>,
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("live");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for clients in [10, 1_000] {
        let mut audience: Option<Audience> = None;
        group.bench_function(format!("{EVENTS} events to {clients} clients"), |bencher| {
            let audience = audience.get_or_insert_with(|| runtime.block_on(Audience::of(clients)));
            bencher.iter_custom(|times| {
                runtime.block_on(async {
                    let mut taken = Duration::ZERO;
                    for _ in 0..times {
                        audience.say().await;
                        let began = Instant::now();
                        join_all(audience.clients.iter_mut().map(hear)).await;
                        taken += began.elapsed();
                    }
                    taken
                })
            });
        });
    }
    group.finish();
}

impl Audience {
    async fn of(clients: usize) -> Self {
        let stage = Stage::new().await.expect("a server");
        let (run, targets) = stage.run_of(EVENTS).await.expect("a run");
        // Nothing is gathered: what is measured is the way of one commit.
        let settings =
            LiveSettings { gather: Duration::ZERO, gather_most: Duration::ZERO, ..LiveSettings::default() };
        let (state, secret) = api::over(&stage, settings).await.expect("a token");
        let router = campaigns_http::router(state);
        let mut joined = vec![];
        for _ in 0..clients {
            let request = http::Request::get(format!("/api/v1/runs/{}/events", run.id))
                .header("authorization", format!("Bearer {}", secret.expose()))
                .header("accept", "text/event-stream")
                .body(Body::empty())
                .expect("a request");
            let answer = router.clone().oneshot(request).await.expect("an answer");
            assert!(answer.status().is_success(), "a client was turned away: {}", answer.status());
            joined.push(answer.into_body().into_data_stream());
        }
        Self { stage, targets, clients: joined }
    }

    /// Commits the events.
    async fn say(&self) {
        let run = self.targets[0].run;
        let mut transition = Transition::new(self.stage.fence(Shard::of_run(run)), run);
        for target in &self.targets {
            let data = json!({"attempt": 1, "reason": "a step of its way"});
            transition.events.push(NewEvent { subject: Subject::Target(target.id), kind: KIND, data });
        }
        self.stage.store.commit(transition).await.expect("it holds");
    }
}

/// Reads until as many events as one commit says have come; a piece of the stream holds whole events.
async fn hear(client: &mut BodyDataStream) {
    let mut heard = 0;
    while heard < EVENTS as usize {
        let piece = client.next().await.expect("the stream goes on").expect("it is whole");
        heard += piece.windows(7).filter(|window| *window == b"\nevent:").count();
    }
}
