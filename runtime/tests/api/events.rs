//! Live events: however often a client goes away and comes back, and to whichever replica, it gets every event
//! once, in order within each part, and then the end.

use crate::stage::{Server, Stage, event_of, good, problem, stage_with};
use campaigns_actors::ports::{Subject, Transition};
use campaigns_domain::{
    execution::target::TargetState,
    id::{RunId, Shard},
};
use campaigns_http::{
    Settings,
    live::LiveSettings,
    wire::{EventData, EventPage, Role, RunEnded, RunState},
};
use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// One frame of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    id: String,
    pub(crate) kind: String,
    data: Value,
}

/// A stream being read.
pub(crate) struct Reading {
    response: Response,
    rest: Vec<u8>,
    heartbeats: usize,
}

impl Reading {
    pub(crate) async fn open(stage: &Stage, server: &Server, run: Uuid, after: Option<&str>) -> Self {
        let url = format!("{}/api/v1/runs/{run}/events", server.base);
        let mut request = stage.http.get(url).bearer_auth(stage.token(Role::Viewer));
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { response, rest: vec![], heartbeats: 0 }
    }

    /// The next frame, or nothing where the stream is over.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("nothing comes but heartbeats")
    }

    /// Waits for a heartbeat, where nothing else is to come.
    async fn heartbeat(&mut self) {
        let before = self.heartbeats;
        let heard = async {
            while self.heartbeats == before {
                // As often as there is one, so that what is read is not lost when this is over.
                let frame = tokio::time::timeout(Duration::from_millis(20), self.read()).await;
                assert!(frame.is_err(), "something else came: {frame:?}");
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("no heartbeat comes");
    }

    async fn read(&mut self) -> Option<Frame> {
        loop {
            while let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.rest.drain(..end + 2).collect();
                let text = String::from_utf8(frame).unwrap();
                if text.starts_with(':') {
                    self.heartbeats += 1;
                    continue;
                }
                let field = |name: &str| {
                    let line = text.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_else(|| panic!("no {name} in {text:?}")).to_owned()
                };
                let data = serde_json::from_str(&field("data: ")).unwrap();
                return Some(Frame { id: field("id: "), kind: field("event: "), data });
            }
            let chunk = self.response.chunk().await;
            self.rest.extend(chunk.unwrap_or_default()?);
        }
    }
}

pub(crate) fn quick() -> Settings {
    let live = LiveSettings {
        poll: Duration::from_millis(20),
        gather: Duration::from_millis(2),
        gather_most: Duration::from_millis(2),
        heartbeat: Duration::from_millis(100),
        ..LiveSettings::default()
    };
    Settings { live, ..Settings::default() }
}

/// A small generator with a seed, so that a failing schedule can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Writes `each` commits of up to three events into every shard's part of the run, from eight tasks at once.
async fn write(stage: &Arc<Stage>, run: RunId, each: u64) {
    let writers = (0..8).map(|writer| {
        let stage = stage.clone();
        tokio::spawn(async move {
            let mut numbers: HashMap<u16, u64> = HashMap::new();
            let mut dice = Dice(writer);
            for _ in 0..each {
                for shard in (0..64).filter(|shard| shard % 8 == writer).map(|shard| Shard(shard as u16)) {
                    let mut transition = Transition::new(stage.fence(shard).await, run);
                    for _ in 0..=dice.roll(3) {
                        let number = numbers.entry(shard.0).or_default();
                        *number += 1;
                        let data = json!({ "part": shard.0, "number": *number });
                        transition.events.push(event_of(Subject::Run(run), "test.happened", data));
                    }
                    stage.commit(transition).await;
                    stage.server.state.hub().committed(run);
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Checks that every part's numbers came one after the other; how many there were.
pub(crate) fn exact(frames: &[Frame]) -> usize {
    let mut numbers: HashMap<u64, u64> = HashMap::new();
    let ours = frames.iter().filter(|frame| frame.kind == "test.happened");
    let mut count = 0;
    for frame in ours {
        let event: EventData = serde_json::from_value(frame.data.clone()).unwrap();
        assert_eq!((event.kind.as_str(), event.subject.as_str()), ("test.happened", "run"));
        let (part, number) = (event.data["part"].as_u64().unwrap(), event.data["number"].as_u64().unwrap());
        let last = numbers.entry(part).or_default();
        assert_eq!(number, *last + 1, "part {part}: an event is lost or there twice");
        *last = number;
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_come_and_go_between_replicas_get_every_event_once() {
    let stage = Arc::new(stage_with(quick()).await);
    stage.apply("hello").await;
    let created = stage.create_run("hello").await;
    let targets = stage.select(&created, &["acme/a"]).await;
    let run = RunId(created.id);
    let other = Arc::new(stage.another_server(quick()).await);
    let clients = (0..6_u64).map(|seed| {
        let (stage, other) = (stage.clone(), other.clone());
        tokio::spawn(async move {
            let mut dice = Dice(seed + 100);
            let mut frames: Vec<Frame> = vec![];
            loop {
                // The first stays where it is; the others go away after a few events and come back anywhere.
                let server = if dice.roll(2) == 0 { &stage.server } else { &*other };
                let mut reading =
                    Reading::open(&stage, server, created.id, frames.last().map(|frame| &*frame.id)).await;
                let most = if seed == 0 { u64::MAX } else { 1 + dice.roll(200) };
                for _ in 0..most {
                    let frame = reading.next().await.expect("the stream ended without an end");
                    frames.push(frame);
                    if frames.last().unwrap().kind == "end" {
                        return frames;
                    }
                }
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    write(&stage, run, 12).await;
    let ended = stage.end(run).await;
    assert_eq!(ended.state.as_str(), "cancelled");
    stage.move_target(&targets[0], TargetState::Cancelled, "target.cancelled").await;
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE run = $1")
        .bind(created.id)
        .fetch_one(stage.store.pool())
        .await
        .unwrap();
    let written = usize::try_from(written).unwrap();
    for client in clients {
        let frames = client.await.unwrap();
        assert_eq!(frames.len(), written + 1, "every event, and the end");
        assert_eq!(exact(&frames), written - 4, "besides created, selected, cancelled and the target's own");
        let end: RunEnded = serde_json::from_value(frames.last().unwrap().data.clone()).unwrap();
        assert_eq!(end.state, RunState::Cancelled);
        let of_target = frames.iter().find(|frame| frame.kind == "target.cancelled").unwrap();
        assert_eq!(of_target.data["repository"], "acme/a");
    }

    // What was streamed can be had in pages, and after the end there is nothing but the end.
    let mut cursor = String::new();
    let mut paged = 0;
    let last = loop {
        let path = format!("/api/v1/runs/{}/events?limit=97{cursor}", created.id);
        let request =
            stage.request(Role::Viewer, Method::GET, &path).header(header::ACCEPT, "application/json");
        let page: EventPage = good(request.send().await.unwrap(), StatusCode::OK).await;
        paged += page.items.len();
        if let Some(last) = page.items.last() {
            assert_eq!(last.id, page.next);
        }
        if page.ended {
            break page.next;
        }
        cursor = format!("&after={}", page.next);
    };
    assert_eq!(paged, written);
    let mut again = Reading::open(&stage, &other, created.id, Some(&last)).await;
    assert_eq!(again.next().await.unwrap().kind, "end");
    assert!(again.next().await.is_none());
    for server in [&stage.server, &*other] {
        // Whoever went away before the end may not be missed yet.
        let (hub, deadline) = (server.state.hub(), Instant::now() + PATIENCE);
        while hub.watched_runs() > 0 {
            assert!(Instant::now() < deadline, "a run that has ended is watched by somebody");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_too_slow_is_cut_off_and_resumes_exactly() {
    let mut settings = quick();
    settings.live.behind = 4;
    let stage = Arc::new(stage_with(settings).await);
    stage.apply("hello").await;
    let created = stage.create_run("hello").await;
    stage.select(&created, &["acme/a"]).await;
    let run = RunId(created.id);
    let mut slow = Reading::open(&stage, &stage.server, created.id, None).await;
    let mut fast = Reading::open(&stage, &stage.server, created.id, None).await;
    assert_eq!(fast.next().await.unwrap().kind, "run.created");
    assert_eq!(fast.next().await.unwrap().kind, "run.selected");
    // Far more than the sockets between the two hold. The fast client takes each piece before the next is written,
    // so that each is news of its own.
    let padding = "x".repeat(64 * 1024);
    let (pieces, each) = (60, 8);
    for piece in 0..pieces {
        let mut transition = Transition::new(stage.fence(Shard(5)).await, run);
        for number in 0..each {
            let data = json!({ "part": 5, "number": piece * each + number + 1, "padding": padding });
            transition.events.push(event_of(Subject::Run(run), "test.happened", data));
        }
        stage.commit(transition).await;
        stage.server.state.hub().committed(run);
        for _ in 0..each {
            assert_eq!(fast.next().await.unwrap().kind, "test.happened");
        }
    }
    let mut frames = vec![];
    while let Some(frame) = slow.next().await {
        frames.push(frame);
    }
    let total = usize::try_from(pieces * each).unwrap();
    assert!(frames.len() < total, "it was not cut off");
    let last = frames.last().unwrap().id.clone();
    let mut resumed = Reading::open(&stage, &stage.server, created.id, Some(&last)).await;
    while exact(&frames) < total {
        frames.push(resumed.next().await.expect("the stream ended early"));
    }
    assert_eq!(frames.len(), total + 2);
}

#[tokio::test]
async fn a_stream_is_kept_warm_and_ends_with_its_token_and_its_server() {
    use campaigns_http::ports::Access;
    let stage = stage_with(quick()).await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    stage.select(&run, &["acme/a"]).await;
    let secret = campaigns_http::auth::Secret::mint().unwrap();
    let (id, name) = (Uuid::now_v7(), String::from("robot"));
    let token = campaigns_http::ports::NewToken {
        id,
        sha256: secret.sha256(),
        name,
        role: Role::Viewer,
        expires: None,
    };
    stage.queries.add_token(&crate::stage::by(), token).await.unwrap();
    let url = format!("{}/api/v1/runs/{}/events", stage.server.base, run.id);
    let response = stage.http.get(url).bearer_auth(secret.expose()).send().await.unwrap();
    let mut reading = Reading { response, rest: vec![], heartbeats: 0 };
    assert_eq!(reading.next().await.unwrap().kind, "run.created");
    assert_eq!(reading.next().await.unwrap().kind, "run.selected");
    reading.heartbeat().await;
    assert!(stage.queries.revoke_token(&crate::stage::by(), id).await.unwrap());
    assert!(reading.next().await.is_none(), "nothing happened but the token's end");

    let mut other = Reading::open(&stage, &stage.server, run.id, None).await;
    assert_eq!(other.next().await.unwrap().kind, "run.created");
    stage.server.stop().await;
    while other.next().await.is_some() {}
}

#[tokio::test]
async fn cursors_that_are_none_are_refused_and_streams_have_a_bound() {
    let mut settings = quick();
    settings.live.streams = 2;
    let stage = stage_with(settings).await;
    stage.apply("hello").await;
    let (run, other) = (stage.create_run("hello").await, stage.create_run("hello").await);
    stage.select(&run, &["acme/a"]).await;
    let mut reading = Reading::open(&stage, &stage.server, run.id, None).await;
    let id = reading.next().await.unwrap().id;
    let refused = [(other.id, id.as_str()), (run.id, "made-up"), (run.id, "%%%")];
    for (run, cursor) in refused {
        let request = stage.request(Role::Viewer, Method::GET, &format!("/api/v1/runs/{run}/events"));
        let response = request.header("Last-Event-ID", cursor).send().await.unwrap();
        problem(response, StatusCode::BAD_REQUEST).await;
    }
    let _second = Reading::open(&stage, &stage.server, run.id, Some(&id)).await;
    let request = stage.request(Role::Viewer, Method::GET, &format!("/api/v1/runs/{}/events", run.id));
    problem(request.send().await.unwrap(), StatusCode::SERVICE_UNAVAILABLE).await;
    let request =
        stage.request(Role::Viewer, Method::GET, &format!("/api/v1/runs/{}/events?after={id}", run.id));
    let page: EventPage =
        good(request.header(header::ACCEPT, "application/json").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!((page.items.len(), page.items[0].data.kind.as_str(), page.ended), (1, "run.selected", false));
}
