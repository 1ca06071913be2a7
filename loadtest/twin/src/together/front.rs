//! The address in front of several worlds: which of them a request is about, and passing it on.
//!
//! A name or an id leads to the world that has it, also a former name; what names nothing is about whom the token is for,
//! and GraphQL always is, since an installation's token sees its own organisation alone. A person's token is for all of
//! them: its queries go where what they name is. Deliberately absent: queries over several organisations at once, and
//! deliveries of webhooks, which are 501s.

use crate::secrets;
use crate::twin::Twin;
use crate::world::World;
use crate::world::model::Holder;
use crate::world::state::State;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::sync::Arc;

/// How much of a request's body is passed on.
const LARGEST: usize = 64 << 20;

/// Where requests go.
pub(super) struct Front {
    client: reqwest::Client,
    /// Each world and its address.
    worlds: Vec<(Arc<World>, String)>,
}

/// What cannot be sent to one world.
struct Several(&'static str);

impl IntoResponse for Several {
    fn into_response(self) -> axum::response::Response {
        let message = format!("The twin does not serve {} of several organisations together.", self.0);
        (StatusCode::NOT_IMPLEMENTED, axum::Json(json!({ "message": message }))).into_response()
    }
}

impl Front {
    pub(super) fn new(twins: &[Twin]) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let worlds = twins.iter().map(|twin| (Arc::clone(twin.world()), twin.url())).collect();
        Ok(Self { client: client.build()?, worlds })
    }

    fn find(&self, is: impl Fn(&State) -> bool) -> Option<&str> {
        let found = self.worlds.iter().find(|(world, _)| world.read(&is));
        found.map(|(_, url)| url.as_str())
    }

    fn of_org(&self, login: &str) -> Option<&str> {
        self.find(|state| state.org().is_some_and(|org| org.login.eq_ignore_ascii_case(login)))
    }

    /// The world that has a repository of this name, or else had it last, or else its owner.
    fn of_repository(&self, owner: &str, name: &str) -> Option<&str> {
        let name = name.strip_suffix(".git").unwrap_or(name);
        let owns = |state: &State| state.org().is_some_and(|org| org.login.eq_ignore_ascii_case(owner));
        let known = |state: &State| state.repository(owner, name).is_some();
        self.find(|state| owns(state) && known(state))
            .or_else(|| self.find(known))
            .or_else(|| self.of_org(owner))
    }

    /// The world that a path names something of, if it does.
    fn named(&self, path: &str) -> Option<&str> {
        let path = path.strip_prefix("/api/v3").unwrap_or(path);
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let number = |id: &str| id.parse::<u64>().ok();
        match parts.as_slice() {
            ["orgs" | "users", login, ..] => self.of_org(login),
            ["organizations", id, ..] => self.find(|state| Some(state.organization) == number(id)),
            ["repos" | "_codeload" | "raw", owner, name, ..] => self.of_repository(owner, name),
            ["repositories", id, ..] => {
                let id = number(id)?;
                self.find(|state| state.repositories.contains_key(&id))
            }
            ["app", "installations", id, ..] => {
                let id = number(id)?;
                self.find(|state| state.installation.as_ref().is_some_and(|known| known.id == id))
            }
            [owner, name, ..] => self.of_repository(owner, name),
            [login] => self.of_org(login),
            [] => None,
        }
    }

    /// The world of the installation that a token is for; none where a person asks, or nobody.
    fn of_token(&self, headers: &HeaderMap) -> Option<&str> {
        let header = headers.get("authorization")?.to_str().ok()?;
        let digest = secrets::digest(header.split_once(' ')?.1.trim());
        let installed = |state: &State| {
            let grant = state.grants.get(&digest);
            grant.is_some_and(|grant| matches!(grant.holder, Holder::Installation { .. }))
        };
        self.find(installed)
    }

    /// The world of what a person's query names.
    fn of_query(&self, body: &[u8]) -> Result<Option<&str>, Several> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut texts = Vec::new();
        gather(&body["variables"], &mut texts);
        let mut found: Vec<&str> = texts.into_iter().filter_map(|text| self.of_text(text)).collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(Several("a query")),
        }
    }

    /// The world that has what a variable names: a login, a repository or a pull request.
    fn of_text(&self, text: &str) -> Option<&str> {
        match crate::rest::shape::read_node_id(text) {
            Some(("PR", id)) => self.find(|state| state.pull_ids.contains_key(&id)),
            Some(("R", id)) => self.find(|state| state.repositories.contains_key(&id)),
            _ => self.of_org(text),
        }
    }

    fn world(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Option<&str>, Several> {
        if path.contains("/app/hook/deliveries") {
            return Err(Several("the deliveries"));
        }
        let first = || self.worlds.first().map(|(_, url)| url.as_str());
        let found = match path.ends_with("/graphql") {
            true => match self.of_token(headers) {
                Some(own) => Some(own),
                None => self.of_query(body)?,
            },
            false => self.named(path).or_else(|| self.of_token(headers)),
        };
        Ok(found.or_else(first))
    }

    async fn send(
        &self,
        url: &str,
        method: reqwest::Method,
        target: &str,
        headers: &HeaderMap,
        body: bytes::Bytes,
    ) -> Response<Body> {
        let request =
            self.client.request(method, format!("{url}{target}")).headers(headers.clone()).body(body);
        let Ok(answer) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let Ok(body) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response.headers_mut().remove("transfer-encoding");
        response
    }

    /// The App's installations, wherever they are.
    async fn installations(&self, target: &str, headers: &HeaderMap) -> Response<Body> {
        let mut all = Vec::new();
        for (_, url) in &self.worlds {
            let request = self.client.get(format!("{url}{target}")).headers(headers.clone());
            let Ok(answer) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
            let status = answer.status();
            let Ok(body) = answer.json::<Value>().await else {
                return StatusCode::BAD_GATEWAY.into_response();
            };
            match body {
                Value::Array(found) if status.is_success() => all.extend(found),
                refused => return (status, axum::Json(refused)).into_response(),
            }
        }
        axum::Json(all).into_response()
    }
}

/// Every text in a value.
fn gather<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(all) => all.iter().for_each(|value| gather(value, texts)),
        Value::Object(all) => all.values().for_each(|value| gather(value, texts)),
        _ => {}
    }
}

pub(super) async fn pass_on(Shared(front): Shared<Arc<Front>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    // `Host` stays the front's, so that addresses in answers lead here.
    let mut headers = parts.headers;
    headers.remove("content-length");
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let path = parts.uri.path().trim_end_matches('/');
    if parts.method == reqwest::Method::GET && path.ends_with("/app/installations") {
        return front.installations(target, &headers).await;
    }
    match front.world(path, &headers, &body) {
        Ok(Some(url)) => front.send(url, parts.method, target, &headers, body).await,
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(several) => several.into_response(),
    }
}
