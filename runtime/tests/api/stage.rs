//! A server of the API with a database of its own, a token for every role, and the owners' side of the store, so
//! that tests can make runs move the way owners do.

use async_trait::async_trait;
use campaigns_actors::ports::{
    Fence, MessageBody, NewEvent, RowChange, Store, Subject, Transition, memory::MemoryArtifacts,
};
use campaigns_domain::{
    execution::{
        run::{Run, RunEvent},
        target::{Target, TargetState},
    },
    id::{CampaignId, CommitSha, RepositoryId, RepositoryName, RunId, Shard, TargetId},
    spec::Priority,
};
use campaigns_http::{
    ApiParts, ApiState, Settings,
    auth::Secret,
    ports::{Access, Events, NewToken, Signed, Wake},
    wire::{self, Problem, Role},
};
use campaigns_runtime::{
    embedded::testing::{TestDatabase, fresh_database},
    queries::Queries,
    store::{
        Postgres,
        testing::{self, PATIENCE},
    },
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Instant,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use uuid::Uuid;

/// One replica's API on a port of its own.
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) state: ApiState,
    leave: Option<oneshot::Sender<()>>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Has it say that another one is to be asked.
    pub(crate) fn leave(&mut self) {
        let _ = self.leave.take().map(|leave| leave.send(()));
    }

    /// Stops it and waits for its last answer.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        self.serving.await.unwrap();
    }
}

/// The wake-ups that the API asked for.
#[derive(Default)]
pub(crate) struct Woken(pub(crate) Mutex<Vec<Shard>>);

#[async_trait]
impl Wake for Woken {
    async fn wake(&self, shards: &[Shard]) {
        self.0.lock().unwrap().extend(shards);
    }
}

/// Everything a test needs.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) store: Postgres,
    pub(crate) queries: Arc<Queries>,
    pub(crate) artifacts: Arc<MemoryArtifacts>,
    pub(crate) woken: Arc<Woken>,
    pub(crate) http: reqwest::Client,
    tokens: HashMap<Role, Secret>,
    fences: tokio::sync::Mutex<HashMap<Shard, Fence>>,
    _database: TestDatabase,
}

pub(crate) async fn stage() -> Stage {
    stage_with(Settings::default()).await
}

/// A store without a limit that a machine reaches by itself which is busy, or stands still for a moment.
pub(crate) async fn patient(url: &str) -> Postgres {
    Postgres::connect(url, testing::patient()).await.unwrap()
}

pub(crate) async fn stage_with(settings: Settings) -> Stage {
    let settings = Settings { timeout: PATIENCE, ..settings };
    let database = fresh_database().await.unwrap();
    let store = patient(database.url()).await;
    let queries = Arc::new(Queries::new(&store));
    let mut tokens = HashMap::new();
    for role in Role::ALL {
        let secret = Secret::mint().unwrap();
        let name = format!("test {role}");
        let token = NewToken { id: Uuid::now_v7(), sha256: secret.sha256(), name, role, expires: None };
        queries.add_token(&by(), token).await.unwrap();
        tokens.insert(role, secret);
    }
    let (artifacts, woken) = (Arc::new(MemoryArtifacts::new()), Arc::new(Woken::default()));
    let server = serve(&queries, queries.clone(), &artifacts, &woken, settings).await;
    Stage {
        server,
        store,
        queries,
        artifacts,
        woken,
        http: reqwest::Client::builder().no_proxy().no_gzip().build().unwrap(),
        tokens,
        fences: tokio::sync::Mutex::default(),
        _database: database,
    }
}

/// Who adds tokens in tests.
pub(crate) fn by() -> Signed {
    Signed { actor: String::from("test"), token: None, request_id: String::from("test-request") }
}

async fn serve(
    queries: &Arc<Queries>,
    events: Arc<dyn Events>,
    artifacts: &Arc<MemoryArtifacts>,
    woken: &Arc<Woken>,
    settings: Settings,
) -> Server {
    let state = ApiState::new(ApiParts {
        reads: queries.clone(),
        events,
        queues: queries.clone(),
        writes: queries.clone(),
        access: queries.clone(),
        webhooks: queries.clone(),
        probe: queries.clone(),
        artifacts: artifacts.clone(),
        wake: woken.clone(),
        metrics: Arc::new(|| String::from("campaigns_test 1\n")),
        version: String::from("0.0.0-test"),
        settings,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (leave, leaving) = oneshot::channel::<()>();
    let (stop, stopped) = oneshot::channel::<()>();
    let router = campaigns_http::router(state.clone());
    let serving = tokio::spawn(async move {
        let stopped = async move {
            let _ = stopped.await;
        };
        let leaving = async move {
            if leaving.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        campaigns_http::serve(listener, router, leaving, stopped).await.unwrap();
    });
    Server { base, state, leave: Some(leave), stop: Some(stop), serving }
}

impl Stage {
    /// Waits until the server is ready: one look at a database that takes its time is a bad one.
    pub(crate) async fn until_ready(&self) {
        let (probe, deadline) = (format!("{}/readyz", self.server.base), Instant::now() + PATIENCE);
        while self.http.get(&probe).send().await.unwrap().status() != StatusCode::OK {
            assert!(Instant::now() < deadline, "it does not become ready");
        }
    }

    /// Another replica over the same database.
    pub(crate) async fn another_server(&self, settings: Settings) -> Server {
        self.another_server_reading(self.queries.clone(), settings).await
    }

    /// Another one, which reads what happened from here.
    pub(crate) async fn another_server_reading(&self, events: Arc<dyn Events>, settings: Settings) -> Server {
        serve(&self.queries, events, &self.artifacts, &self.woken, settings).await
    }

    pub(crate) fn token(&self, role: Role) -> &str {
        self.tokens[&role].expose()
    }

    pub(crate) fn request(&self, role: Role, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.server.base)).bearer_auth(self.token(role))
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        good(self.request(Role::Viewer, Method::GET, path).send().await.unwrap(), StatusCode::OK).await
    }

    pub(crate) async fn post(&self, role: Role, path: &str, body: Value) -> Response {
        self.request(role, Method::POST, path).json(&body).send().await.unwrap()
    }

    /// Applies a spec of this name.
    pub(crate) async fn apply(&self, name: &str) -> wire::Applied {
        let body = json!({ "spec": spec(name, "a change") });
        let request =
            self.request(Role::Author, Method::PUT, &format!("/api/v1/campaigns/{name}")).json(&body);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// Creates a run through the API.
    pub(crate) async fn create_run(&self, campaign: &str) -> wire::Run {
        let path = format!("/api/v1/campaigns/{campaign}/runs");
        good(self.post(Role::Publisher, &path, json!({ "window": 4 })).await, StatusCode::CREATED).await
    }

    /// The owner's fence of a shard.
    pub(crate) async fn fence(&self, shard: Shard) -> Fence {
        let mut fences = self.fences.lock().await;
        if let Some(fence) = fences.get(&shard) {
            return *fence;
        }
        let epoch = self.store.take_over(shard, Uuid::nil()).await.unwrap();
        let fence = Fence { shard, epoch };
        fences.insert(shard, fence);
        fence
    }

    pub(crate) async fn commit(&self, transition: Transition) {
        self.store.commit(transition).await.unwrap();
    }

    /// Plays the run's owner: takes the start message and selects these repositories.
    pub(crate) async fn select(&self, run: &wire::Run, repositories: &[&str]) -> Vec<Target> {
        let id = RunId(run.id);
        let fence = self.fence(Shard::of_run(id)).await;
        let stored = self.store.run(id).await.unwrap().unwrap();
        let start = self.store.inbox(&[fence.shard], 100).await.unwrap();
        let start = start.into_iter().find(|message| message.body == MessageBody::Start).unwrap();
        let targets: Vec<Target> =
            repositories.iter().enumerate().map(|(at, name)| target(id, run.campaign_id, at, name)).collect();
        let event = RunEvent::Selected {
            targets: targets.len() as u32,
            skipped: 0,
            ends: vec![],
            priority: Priority::Normal,
        };
        let (selected, _) = stored.apply(&event).into_applied().unwrap();
        let mut transition = Transition::new(fence, id);
        transition.changes = vec![RowChange::AddTargets(targets.clone()), RowChange::Run(selected)];
        transition.events = vec![
            event_of(Subject::Run(id), "run.created", json!({})),
            event_of(Subject::Run(id), "run.selected", json!({ "targets": targets.len() })),
        ];
        transition.consumed = vec![start.id];
        self.commit(transition).await;
        targets
    }

    /// Plays a target's owner: moves it to a state, one version on.
    pub(crate) async fn move_target(
        &self,
        target: &Target,
        state: TargetState,
        kind: &'static str,
    ) -> Target {
        let mut after = target.clone();
        after.state = state;
        after.version += 1;
        after.attempt = after.attempt.max(1);
        let mut transition = Transition::new(self.fence(Shard::of_target(target.id)).await, target.run);
        transition.changes = vec![RowChange::Target { before: target.state, after: after.clone() }];
        transition.events =
            vec![event_of(Subject::Target(target.id), kind, json!({ "attempt": after.attempt }))];
        self.commit(transition).await;
        after
    }

    /// Plays the run's owner: ends it.
    pub(crate) async fn end(&self, run: RunId) -> Run {
        let fence = self.fence(Shard::of_run(run)).await;
        let stored = self.store.run(run).await.unwrap().unwrap();
        let event = RunEvent::Cancelled { by: String::from("test") };
        let (ended, _) = stored.apply(&event).into_applied().unwrap();
        let mut transition = Transition::new(fence, run);
        transition.changes = vec![RowChange::Run(ended.clone())];
        transition.events = vec![event_of(Subject::Run(run), "run.cancelled", json!({ "by": "test" }))];
        self.commit(transition).await;
        ended
    }
}

pub(crate) fn event_of(subject: Subject, kind: &'static str, data: Value) -> NewEvent {
    NewEvent { subject, kind, data }
}

fn target(run: RunId, campaign: Uuid, at: usize, name: &str) -> Target {
    let repository_id = RepositoryId(at as u64 + 1);
    Target {
        id: TargetId::of(run, repository_id, "main", ""),
        run,
        campaign: CampaignId(campaign),
        position: at as u32,
        repository_id,
        repository: name.parse::<RepositoryName>().unwrap(),
        branch: String::from("main"),
        base: CommitSha("a".repeat(40)),
        workspace: String::new(),
        state: TargetState::Selected,
        reason: String::from("`on` names it"),
        attempt: 0,
        infrastructure_failures: 0,
        version: 1,
    }
}

/// A spec that is right.
pub(crate) fn spec(name: &str, description: &str) -> String {
    format!(
        "name: {name}\ndescription: {description}\non:\n  - organization: acme\nsteps:\n  - run: echo hello > hello.txt\n\
         changesetTemplate:\n  title: Say hello\n  body: Hello\n  branch: campaigns/hello\n  commit:\n    message: Say hello\n  \
         published: true\n"
    )
}

/// The body of an answer with this status.
pub(crate) async fn good<T: DeserializeOwned>(response: Response, status: StatusCode) -> T {
    let (found, url) = (response.status(), response.url().clone());
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{url}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"))
}

/// The problem of an answer with this status, checked for what every problem says.
pub(crate) async fn problem(response: Response, status: StatusCode) -> Problem {
    let (found, path) = (response.status(), response.url().path().to_owned());
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{path}: {text}");
    assert_eq!(headers[header::CONTENT_TYPE], wire::PROBLEM_JSON, "{path}: {text}");
    let problem: Problem =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
    assert_eq!(problem.status, status.as_u16());
    assert_eq!(problem.instance, path.chars().take(200).collect::<String>());
    assert_eq!(headers["x-request-id"], problem.request_id.as_str());
    assert!(problem.kind.starts_with("/problems/") && problem.detail.len() > 15, "{problem:?}");
    problem
}
