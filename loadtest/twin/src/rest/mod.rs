//! The REST API: a request comes in, is matched to one of GitHub's operations, its caller is identified and
//! charged, the operation is carried out, and the answer gets the headers that GitHub gives every answer. One
//! file per family of operations does the rest. Faults and the wire are `serve`'s.

pub mod app;
pub mod call;
pub mod catalog;
pub mod contents;
pub mod git_data;
pub mod git_refs;
pub mod history;
pub mod hooks;
pub mod issues;
pub mod meta;
pub mod pulls;
pub mod pulls_write;
pub mod refusal;
pub mod repos;
pub mod reviewers;
pub mod reviews;
pub mod rules;
pub mod shape;
pub mod table;
pub mod urls;
pub mod users;
pub mod verdicts;
pub mod workflows;

use crate::auth::{Caller, identify};
use crate::limits::Budget;
use crate::world::World;
use crate::world::model::Holder;
use crate::{conditional, world};
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use call::{Call, Facts, Kind, Need, Outcome, Payload, Reply};
use catalog::Matched;
use refusal::Refusal;
use serde_json::Value;
use urls::{Layout, Urls};

/// A request, read whole.
#[derive(Debug)]
pub struct Incoming {
    /// Method.
    pub method: Method,
    /// Path without the layout's prefix.
    pub path: String,
    /// Query, undecoded.
    pub query: Option<String>,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// `Host`.
    pub host: String,
    /// Layout it came in.
    pub layout: Layout,
    /// Address it came from.
    pub address: String,
    /// Id the answer will carry.
    pub request_id: String,
}

impl Incoming {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An answer with all its headers, and what the log says of it.
#[derive(Debug)]
pub struct Answered {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Payload,
    /// Who was charged.
    pub subject: String,
    /// Digits of the token's digest.
    pub token: Option<String>,
    /// Was the request charged?
    pub counted: bool,
    /// Does the operation create content, and did it?
    pub created: bool,
    /// What it was about.
    pub facts: Facts,
}

/// The path by names: `/repositories/{id}/…` and `/organizations/{id}/…` lead to the same as theirs.
pub fn canonical(world: &World, path: &str) -> String {
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (first, id, rest) = (parts.next(), parts.next(), parts.next());
    let id: Option<u64> = id.and_then(|id| id.parse().ok());
    let tail = rest.map_or(String::new(), |rest| format!("/{rest}"));
    match (first, id) {
        (Some("repositories"), Some(id)) => world.read(|state| match state.repositories.get(&id) {
            Some(found) => format!("/repos/{}{tail}", state.full_name(found)),
            None => path.to_owned(),
        }),
        (Some("organizations"), Some(id)) => world.read(|state| match state.org() {
            Some(org) if org.id == id => format!("/orgs/{}{tail}", org.login),
            _ => path.to_owned(),
        }),
        _ => path.to_owned(),
    }
}

/// Carries a request out. Blocks on git and on the repository's lock; not for async code.
pub fn answer(world: &World, incoming: &Incoming, path: &str, matched: Option<&Matched>) -> Answered {
    let now = world.clock.now();
    let anonymous = Caller::Anonymous(incoming.address.clone());
    let identified = identify(world, incoming.header("authorization"), &incoming.address);
    let caller = identified.as_ref().ok().cloned().unwrap_or(anonymous);
    let subject = caller.subject();
    let free = matched.is_some_and(|matched| matched.operation.id == "rate-limit/get");
    let budget = if free { world.limits.look(&subject, now) } else { world.limits.charge(&subject, now) };
    let mut answered = Answered {
        status: 0,
        headers: Vec::new(),
        body: Payload::Empty,
        token: caller.token_id(),
        counted: !free && !budget.exceeded,
        created: false,
        facts: Facts::default(),
        subject: subject.clone(),
    };
    let mut reply = match (gate(incoming), identified) {
        (Err(refusal), _) | (Ok(()), Err(refusal)) => refused(refusal),
        (Ok(()), Ok(_)) if budget.exceeded => {
            answered.facts.limit = Some("primary");
            refused(exceeded(&caller, &incoming.address))
        }
        (Ok(()), Ok(_)) => {
            let (outcome, facts, kind) = operate(world, incoming, path, matched, caller.clone());
            answered.facts = facts;
            answered.created = outcome.is_ok() && kind == Kind::Creates;
            outcome.unwrap_or_else(refused)
        }
    };
    let mut shown = budget;
    if incoming.method == Method::GET && reply.status == 200 {
        let seal = caller.token_id().unwrap_or_default();
        if conditional::apply(&mut reply, incoming, &seal) && answered.counted {
            world.limits.refund(&subject);
            answered.counted = false;
            shown = world.limits.look(&subject, now);
        }
    }
    answered.headers = common_headers(incoming, &caller, shown);
    answered.headers.extend(reply.headers);
    answered.status = reply.status;
    answered.body = if incoming.method == Method::HEAD { Payload::Empty } else { reply.body };
    answered
}

/// What every request must have before anyone looks at it.
fn gate(incoming: &Incoming) -> Result<(), Refusal> {
    if incoming.header("user-agent").is_none_or(|agent| agent.trim().is_empty()) {
        return Err(Refusal::new(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header \
             (https://docs.github.com/rest/overview/resources-in-the-rest-api#user-agent-required). Check \
             https://developer.github.com for other possible causes.",
        ));
    }
    match incoming.header("x-github-api-version") {
        Some(meta::ABSENT_VERSION) => {
            Err(Refusal::new(501, format!("The twin does not serve API version {}.", meta::ABSENT_VERSION)))
        }
        Some(version) if !meta::VERSIONS.contains(&version) => {
            Err(Refusal::new(400, format!("The API version you specified ({version}) is not supported.")))
        }
        _ => Ok(()),
    }
}

fn exceeded(caller: &Caller, address: &str) -> Refusal {
    let whom = match caller {
        Caller::Anonymous(_) => {
            return Refusal::new(
                403,
                format!(
                    "API rate limit exceeded for {address}. (But here's the good news: Authenticated requests get a \
                 higher rate limit. Check out the documentation for more details.)"
                ),
            );
        }
        Caller::App(id) => format!("app ID {id}"),
        Caller::Token(grant) => match &grant.holder {
            Holder::Person { user } => format!("user ID {user}"),
            Holder::Installation { installation, .. } => format!("installation ID {installation}"),
        },
    };
    Refusal::new(403, format!("API rate limit exceeded for {whom}."))
}

fn operate(
    world: &World,
    incoming: &Incoming,
    path: &str,
    matched: Option<&Matched>,
    caller: Caller,
) -> (Outcome, Facts, Kind) {
    let nothing = |refusal| (Err(refusal), Facts::default(), Kind::Reads);
    let Some(matched) = matched else { return nothing(Refusal::not_found()) };
    let Some(route) = table::route(matched.operation.id) else {
        let what = format!("{} {}", matched.operation.method, matched.operation.template);
        return nothing(Refusal::not_implemented(matched.operation.id, &what));
    };
    if let Err(refusal) = admit(route.need, &caller) {
        return nothing(refusal);
    }
    let body = match read_body(incoming) {
        Ok(body) => body,
        Err(refusal) => return nothing(refusal),
    };
    let call = Call {
        world,
        matched,
        query: pairs(incoming.query.as_deref()),
        accept: incoming.header("accept").unwrap_or_default().to_owned(),
        body,
        caller,
        urls: Urls::new(&incoming.host, incoming.layout),
        path: path.to_owned(),
        need: route.need,
        kind: route.kind,
        now: world.clock.now(),
        facts: Default::default(),
    };
    // Whatever changes a repository does so alone: what it decided on is still true when it is journalled.
    let lock = (route.kind != Kind::Reads)
        .then(|| named_repository(world, matched))
        .flatten()
        .map(|id| world.lock_of(id));
    let held = lock.as_ref().map(|lock| lock.blocking_lock());
    let mut outcome = (route.handler)(&call);
    if let (true, Ok(())) = (held.is_some(), outcome.as_ref().map(|_| ()))
        && let Some(id) = named_repository(world, matched)
        && let Err(refusal) = crate::settle::settle(world, id)
    {
        outcome = Err(refusal);
    }
    drop(held);
    (outcome, call.facts.into_inner(), route.kind)
}

fn named_repository(world: &World, matched: &Matched) -> Option<u64> {
    use world::state::Found;
    world.read(|state| match state.repository(matched.param("owner"), matched.param("repo"))? {
        Found::Here(found) | Found::Moved(found) => Some(found.record.id),
    })
}

fn admit(need: Need, caller: &Caller) -> Result<(), Refusal> {
    match (need, caller) {
        (Need::App, Caller::App(_)) | (Need::Anyone | Need::Repository(_), _) => Ok(()),
        (Need::App, Caller::Anonymous(_)) => Err(Refusal::new(401, "A JSON web token could not be decoded")),
        (Need::App, Caller::Token(_)) => Err(Refusal::new(401, "A JSON web token could not be decoded")),
        (Need::Token | Need::Installation, Caller::Anonymous(_)) => Err(Refusal::requires_authentication()),
        (Need::Token | Need::Installation, Caller::App(_)) => {
            Err(Refusal::new(403, "Resource not accessible by integration"))
        }
        (Need::Token, Caller::Token(_)) => Ok(()),
        (Need::Installation, Caller::Token(_)) if caller.is_installation() => Ok(()),
        (Need::Installation, Caller::Token(_)) => Err(Refusal::new(
            403,
            "You must authenticate with an installation access token in order to list repositories for an installation.",
        )),
    }
}

fn read_body(incoming: &Incoming) -> Result<Value, Refusal> {
    if incoming.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    match serde_json::from_slice(&incoming.body) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
        Ok(_) => Err(Refusal::new(400, "Body should be a JSON object")),
        Err(_) => Err(Refusal::new(400, "Problems parsing JSON")),
    }
}

/// Query pairs, decoded.
pub fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (catalog::decode(&name.replace('+', " ")), catalog::decode(&value.replace('+', " ")))
        })
        .collect()
}

/// A refusal as an answer.
pub fn refused(refusal: Refusal) -> Reply {
    let mut reply = Reply::json(refusal.status, refusal.body);
    reply.headers = refusal.headers;
    reply
}

fn common_headers(incoming: &Incoming, caller: &Caller, budget: Budget) -> Vec<(&'static str, String)> {
    let version = incoming.header("x-github-api-version").unwrap_or(meta::VERSIONS[0]).to_owned();
    let mut headers = vec![
        ("server", "github.com".to_owned()),
        ("cache-control", "private, max-age=60, s-maxage=60".to_owned()),
        (
            "vary",
            "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With"
                .to_owned(),
        ),
        ("x-github-media-type", "github.v3; format=json".to_owned()),
        ("x-github-api-version-selected", version),
        ("x-github-request-id", incoming.request_id.clone()),
        ("x-ratelimit-limit", budget.limit.to_string()),
        ("x-ratelimit-remaining", budget.remaining().to_string()),
        ("x-ratelimit-used", budget.used.to_string()),
        ("x-ratelimit-reset", budget.reset.to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
        ("access-control-allow-origin", "*".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    if incoming.layout == Layout::Enterprise {
        headers.push(("x-github-enterprise-version", "3.19.0".to_owned()));
    }
    if let Caller::Token(grant) = caller {
        if matches!(grant.holder, Holder::Person { .. }) {
            headers.push(("x-oauth-scopes", "read:org, repo, workflow".to_owned()));
            headers.push(("x-accepted-oauth-scopes", "repo".to_owned()));
        }
        if let Some(at) = grant.expires_at {
            let text = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
            headers.push(("github-authentication-token-expiration", text));
        }
    }
    headers
}
