//! The wire: one listener that is at once github.com's API, GitHub Enterprise Server's, git over HTTP, archives,
//! raw files, web pages and the twin's own admin space. It tells them apart, applies faults, writes the log
//! before anything is answered, and holds or cuts answers where a fault says so.

use crate::faults::Effect;
use crate::log::Entry;
use crate::record::Recorder;
use crate::rest::call::Payload;
use crate::rest::catalog::{Catalog, Matched};
use crate::rest::refusal::Refusal;
use crate::rest::urls::Layout;
use crate::rest::{self, Answered, Incoming};
use crate::world::World;
use crate::{admin, git, graphql, pages, raw};
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The largest request body: a blob may have 100 MB, and base64 adds a third.
const LARGEST_BODY: usize = 160 << 20;

/// What every request is served with.
#[derive(Debug)]
pub struct Server {
    /// The world.
    pub world: Arc<World>,
    /// Where exchanges are recorded, if anywhere.
    pub recorder: Option<Recorder>,
}

/// The whole service.
pub fn router(server: Arc<Server>) -> axum::Router {
    axum::Router::new().fallback(handle).with_state(server)
}

async fn handle(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().map(str::to_owned);
    let first = path.trim_start_matches('/').split('/').next().unwrap_or("").to_owned();
    let wants_page = request
        .headers()
        .get("accept")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if first == "_twin" {
        return admin::serve(&server, peer, request).await;
    }
    if let Some(rest) = path.strip_prefix("/api/v3").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        let rest = if rest.is_empty() { "/" } else { rest }.to_owned();
        return api(&server, peer, request, rest, Layout::Enterprise).await;
    }
    if path == "/graphql" || path == "/api/graphql" {
        let layout = if first == "api" { Layout::Enterprise } else { Layout::Dotcom };
        return api(&server, peer, request, "/graphql".to_owned(), layout).await;
    }
    if first == "_codeload" || first == "raw" {
        return raw::serve(&server, peer, request).await;
    }
    if Catalog::get().begins(&first) || (path == "/" && !wants_page) {
        return api(&server, peer, request, path, Layout::Dotcom).await;
    }
    if let Some(exchange) = git::http::parse(&path, query.as_deref()) {
        return over_git(&server, peer, request, &exchange).await;
    }
    pages::serve(&server, peer, request).await
}

/// A request id in the manner of GitHub's.
pub fn request_id() -> String {
    let raw = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    format!("{}:{}:{}:{}:{}", &raw[..4], &raw[4..10], &raw[10..17], &raw[17..24], &raw[24..32])
}

/// The host that was asked, or the one that listens.
pub fn host_of(request: &Request) -> String {
    let header = request.headers().get("host").and_then(|value| value.to_str().ok());
    header
        .map(str::to_owned)
        .or_else(|| request.uri().authority().map(ToString::to_string))
        .unwrap_or_default()
}

async fn api(
    server: &Arc<Server>,
    peer: SocketAddr,
    request: Request,
    path: String,
    layout: Layout,
) -> Response<Body> {
    let started = Instant::now();
    let host = host_of(&request);
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return refusal(Refusal::new(413, "Request body is too large"), &request_id());
    };
    let incoming = Incoming {
        method: parts.method,
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
        host,
        layout,
        address: peer.ip().to_string(),
        request_id: request_id(),
        path,
    };
    let canonical = rest::canonical(&server.world, &incoming.path);
    let is_graphql = incoming.path == "/graphql";
    let asked = if incoming.method == Method::HEAD { "GET" } else { incoming.method.as_str() };
    let matched = if is_graphql { None } else { Catalog::get().find(asked, &canonical) };
    let operation = match (&matched, is_graphql) {
        (_, true) => "graphql",
        (Some(matched), _) => matched.operation.id,
        (None, _) => "unknown",
    };
    let named = matched.as_ref().and_then(named);
    let effects = server.world.faults.strike(operation, named.as_deref());
    if let Some(wait) = effects.iter().find_map(delay) {
        tokio::time::sleep(wait).await;
    }
    if let Some(mut refused) = effects.iter().find_map(|effect| refuse(effect, &incoming)) {
        refused.facts.repo = named;
        log(server, &incoming, operation, &refused, None, started);
        return respond(refused);
    }
    let blocking = Arc::clone(server);
    let work = tokio::task::spawn_blocking(move || {
        let answered = if is_graphql {
            graphql::answer(&blocking.world, &incoming)
        } else {
            rest::answer(&blocking.world, &incoming, &canonical, matched.as_ref())
        };
        if let Some(recorder) = &blocking.recorder {
            recorder.write(&incoming, &canonical, &answered);
        }
        let changed = after(&effects, answered.status);
        log(&blocking, &incoming, operation, &answered, changed.0, started);
        (answered, changed, incoming.request_id)
    });
    let (answered, (told, hold), id) = match work.await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(error = %error, operation, "an operation panicked");
            return refusal(Refusal::new(500, "Server Error"), &request_id());
        }
    };
    if let Some(hold) = hold {
        tokio::time::sleep(hold).await;
    }
    match told {
        None => respond(answered),
        Some(0) => cut(),
        Some(status) => refusal(Refusal::new(status, "Server Error"), &id),
    }
}

fn named(matched: &Matched) -> Option<String> {
    let (owner, repo) = (matched.param("owner"), matched.param("repo"));
    (!repo.is_empty()).then(|| format!("{owner}/{repo}"))
}

fn delay(effect: &Effect) -> Option<Duration> {
    match effect {
        Effect::Delay { ms } => Some(Duration::from_millis(*ms)),
        _ => None,
    }
}

fn refuse(effect: &Effect, incoming: &Incoming) -> Option<Answered> {
    let Effect::Refuse { status, message, retry_after } = effect else { return None };
    let refusal = Refusal::new(*status, message.clone().unwrap_or_else(|| "Server Error".into()));
    let mut headers = vec![("x-github-request-id", incoming.request_id.clone())];
    headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
    Some(Answered {
        status: *status,
        headers,
        body: Payload::Json(refusal.body),
        subject: format!("ip:{}", incoming.address),
        token: None,
        counted: false,
        created: false,
        facts: Default::default(),
    })
}

/// What a fault makes of an answer that was worked out: another status (0 cuts the connection), a wait.
fn after(effects: &[Effect], status: u16) -> (Option<u16>, Option<Duration>) {
    let mut told = None;
    let mut hold = None;
    for effect in effects {
        match effect {
            Effect::HoldAnswer { ms } => hold = Some(Duration::from_millis(*ms)),
            Effect::ExecuteThenRefuse { status: other } if *other != status => told = Some(*other),
            Effect::ExecuteThenDrop => told = Some(0),
            _ => {}
        }
    }
    (told, hold)
}

fn log(
    server: &Server,
    incoming: &Incoming,
    operation: &str,
    answered: &Answered,
    told: Option<u16>,
    started: Instant,
) {
    let now = server.world.clock.now();
    let entry = Entry {
        time: now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        method: incoming.method.to_string(),
        path: incoming.path.clone(),
        query: incoming.query.clone(),
        operation: operation.to_owned(),
        status: answered.status,
        answered: told,
        subject: answered.subject.clone(),
        token: answered.token.clone(),
        counted: answered.counted,
        content_creating: answered.created,
        repo: answered.facts.repo.clone(),
        pull: answered.facts.pull,
        head: answered.facts.head.clone(),
        request_id: incoming.request_id.clone(),
        micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
    };
    if let Err(error) = server.world.log.write(&entry) {
        tracing::error!(error = %error, "the log cannot be written");
    }
}

async fn over_git(
    server: &Arc<Server>,
    peer: SocketAddr,
    request: Request,
    exchange: &git::http::Exchange,
) -> Response<Body> {
    let started = Instant::now();
    let operation = exchange.service.operation();
    let host = host_of(&request);
    let (parts, body) = request.into_parts();
    let address = peer.ip().to_string();
    let named = format!("{}/{}", exchange.owner, exchange.name);
    let effects =
        if exchange.advertises { Vec::new() } else { server.world.faults.strike(operation, Some(&named)) };
    if let Some(wait) = effects.iter().find_map(delay) {
        tokio::time::sleep(wait).await;
    }
    let incoming = Incoming {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body: bytes::Bytes::new(),
        host,
        layout: Layout::Dotcom,
        address,
        request_id: request_id(),
    };
    if let Some(refused) = effects.iter().find_map(|effect| refuse(effect, &incoming)) {
        log(server, &incoming, operation, &refused, None, started);
        return respond(refused);
    }
    let served = git::http::serve(&server.world, exchange, &incoming.headers, body, &incoming.address).await;
    let status = served.response.status().as_u16();
    let answered = Answered {
        status,
        headers: Vec::new(),
        body: Payload::Empty,
        subject: served.subject,
        token: served.token,
        counted: false,
        created: status == 200 && !exchange.advertises && exchange.service == git::http::Service::ReceivePack,
        facts: served.facts,
    };
    let (told, hold) = after(&effects, status);
    log(server, &incoming, operation, &answered, told, started);
    if let Some(hold) = hold {
        tokio::time::sleep(hold).await;
    }
    match told {
        None => served.response,
        Some(0) => cut(),
        Some(status) => refusal(Refusal::new(status, "Server Error"), &incoming.request_id),
    }
}

/// Ends the connection without an answer: unwinding ends the task that serves it, and nothing else. The panic
/// hook is not run, so nothing is printed.
fn cut() -> Response<Body> {
    std::panic::resume_unwind(Box::new("a fault cuts this connection"))
}

/// Turns an answer into a response.
pub fn respond(answered: Answered) -> Response<Body> {
    let (kind, body) = match answered.body {
        Payload::Empty => (None, Body::empty()),
        Payload::Json(value) => {
            (Some("application/json; charset=utf-8".to_owned()), Body::from(value.to_string()))
        }
        Payload::Raw(kind, bytes) => (Some(kind), Body::from(bytes)),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let kind = kind.map(|kind| ("content-type", kind));
    for (name, value) in answered.headers.into_iter().chain(kind) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// A refusal outside any operation.
pub fn refusal(refusal: Refusal, request_id: &str) -> Response<Body> {
    let mut headers = refusal.headers;
    headers.push(("x-github-request-id", request_id.to_owned()));
    respond(Answered {
        status: refusal.status,
        headers,
        body: Payload::Json(refusal.body),
        subject: String::new(),
        token: None,
        counted: false,
        created: false,
        facts: Default::default(),
    })
}
