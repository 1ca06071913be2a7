//! The wire: one listener that is at once github.com's API, GitHub Enterprise Server's, git over HTTP, archives,
//! raw files, web pages and the twin's own admin space. It tells them apart, applies faults, writes the log
//! before anything is answered, and holds or cuts answers where a fault says so.

use crate::arrival::Ticket;
use crate::clock::http_date;
use crate::faults::{Effect, Met};
use crate::limits::Arrival;
use crate::log::Entry;
use crate::record::Recorder;
use crate::rest::call::Payload;
use crate::rest::catalog::{Catalog, Matched};
use crate::rest::refusal::Refusal;
use crate::rest::urls::Layout;
use crate::rest::{self, Answered, Incoming};
use crate::world::World;
use crate::world::past::Lag;
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
    let mut response = dispatch(&server, peer, request).await;
    // A client that tells how far its clock is off must find the twin's time, as it may have been moved.
    if let Ok(date) = HeaderValue::from_str(&http_date(server.world.clock.now())) {
        response.headers_mut().insert("date", date);
    }
    response
}

async fn dispatch(server: &Arc<Server>, peer: SocketAddr, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().map(str::to_owned);
    let first = path.trim_start_matches('/').split('/').next().unwrap_or("").to_owned();
    let wants_page = request
        .headers()
        .get("accept")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if first == "_twin" {
        return admin::serve(server, peer, request).await;
    }
    if let Some(rest) = path.strip_prefix("/api/v3").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        let rest = if rest.is_empty() { "/" } else { rest }.to_owned();
        return api(server, peer, request, rest, Layout::Enterprise).await;
    }
    if path == "/graphql" || path == "/api/graphql" {
        let layout = if first == "api" { Layout::Enterprise } else { Layout::Dotcom };
        return api(server, peer, request, "/graphql".to_owned(), layout).await;
    }
    if first == "_codeload" || first == "raw" {
        return raw::serve(server, peer, request).await;
    }
    if Catalog::get().begins(&first) || (path == "/" && !wants_page) {
        return api(server, peer, request, path, Layout::Dotcom).await;
    }
    if let Some(exchange) = git::http::parse(&path, query.as_deref()) {
        return over_git(server, peer, request, &exchange).await;
    }
    pages::serve(server, peer, request).await
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
    let ticket = Ticket::take(&server.world, &incoming, operation);
    let arrival = ticket.arrival;
    let met = Met { operation, repository: named.as_deref(), writes: arrival.writes };
    // A limit is before everything else: what it refuses is not there for a fault to hit.
    let effects = if arrival.refused.is_some() { Vec::new() } else { server.world.faults.strike(met) };
    if let Some(wait) = effects.iter().find_map(delay) {
        tokio::time::sleep(wait).await;
    }
    let refused = ticket.refusal(&server.world, &incoming);
    let struck = || effects.iter().find_map(|effect| ticket.struck(&server.world, &incoming, effect));
    if let Some(mut refused) = refused.or_else(struck) {
        refused.facts.repo = named;
        log(server, &incoming, operation, &refused, None, arrival, started);
        return respond(refused);
    }
    let blocking = Arc::clone(server);
    let work = tokio::task::spawn_blocking(move || {
        let answer = || match is_graphql {
            true => graphql::answer(&blocking.world, &incoming),
            false => rest::answer(&blocking.world, &incoming, &canonical, matched.as_ref()),
        };
        let answered = match effects.iter().find_map(stale).filter(|_| !arrival.writes) {
            Some(lag) => blocking.world.lagging(lag, answer),
            None => answer(),
        };
        if let Some(recorder) = &blocking.recorder {
            recorder.write(&incoming, &canonical, &answered);
        }
        let changed = after(&effects, answered.status);
        log(&blocking, &incoming, operation, &answered, changed.0, arrival, started);
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

fn stale(effect: &Effect) -> Option<Lag> {
    match effect {
        Effect::Stale { seconds, changes } => Some(Lag { seconds: *seconds, changes: *changes }),
        _ => None,
    }
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
    arrival: Arrival,
    started: Instant,
) {
    let retry_after = answered.headers.iter().find(|(name, _)| *name == "retry-after");
    server.world.note(Entry {
        method: incoming.method.to_string(),
        path: incoming.path.clone(),
        query: incoming.query.clone(),
        status: answered.status,
        answered: told,
        subject: answered.subject.clone(),
        token: answered.token.clone(),
        counted: answered.counted,
        content_creating: answered.created,
        limit: answered.facts.limit.map(str::to_owned),
        retry_after: retry_after.and_then(|(_, seconds)| seconds.parse().ok()),
        repo: answered.facts.repo.clone(),
        pull: answered.facts.pull,
        head: answered.facts.head.clone(),
        request_id: incoming.request_id.clone(),
        micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        ..Entry::of(arrival, server.world.clock.now(), operation)
    });
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
    let writes = exchange.service == git::http::Service::ReceivePack;
    let met = Met { operation, repository: Some(&named), writes };
    let effects = if exchange.advertises { Vec::new() } else { server.world.faults.strike(met) };
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
    // Git is apart from the API and its limits: the ticket is for the words of a refusal alone.
    let ticket = Ticket::apart(&server.world, &incoming);
    let arrival = ticket.arrival;
    if let Some(refused) = effects.iter().find_map(|effect| ticket.struck(&server.world, &incoming, effect)) {
        log(server, &incoming, operation, &refused, None, arrival, started);
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
    log(server, &incoming, operation, &answered, told, arrival, started);
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
