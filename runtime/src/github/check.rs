//! Who we are at GitHub and what is missing, for the start of the program; and finding the API's root of a
//! server by asking it.
//!
//! Deliberately absent: what a single repository allows, which only its answers tell.

use super::{
    GitHub,
    call::{Ask, Route},
    config::{Credentials, GithubConfig},
    endpoint::{BadEndpoint, Endpoint},
    paid::Paid,
    secret::Secret,
    shape,
    token::Scope,
    wire::{JSON, Lost, Outgoing, SetupError, Wire, text},
};
use campaigns_actors::ports::CodeHostError;
use http::Method;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Who we are, what we may do, and what is missing for publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The login, or the App's slug.
    pub name: String,
    /// Whether it is an App.
    pub app: bool,
    /// What GitHub says it may do: scopes of a classic token, permissions of an App; empty for a fine-grained
    /// token, of which GitHub says nothing.
    pub grants: Vec<String>,
    /// What publishing needs and this lacks, in words that say what to do; empty where nothing is known to be
    /// missing.
    pub missing: Vec<String>,
}

#[derive(Deserialize)]
struct App {
    slug: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    permissions: BTreeMap<String, serde_json::Value>,
}

/// What an App needs to publish.
const NEEDED: [(&str, &str); 3] = [("metadata", "read"), ("contents", "write"), ("pull_requests", "write")];

impl GitHub {
    /// Who we are at GitHub and what is missing. One request.
    ///
    /// # Errors
    /// Where GitHub does not accept the credential, or cannot be reached.
    pub async fn check(&self) -> Result<Identity, CodeHostError> {
        if self.tokens.is_app() { self.check_app().await } else { self.check_token().await }
    }

    async fn check_app(&self) -> Result<Identity, CodeHostError> {
        let path = Route::Path("/app".to_owned());
        let mut ask =
            Ask::get("apps/get-authenticated", path, "", "the GitHub App".to_owned(), Paid::Credential);
        ask.scope = Scope::App;
        let app: App = self.json(ask).await?;
        let level =
            |name: &str| app.permissions.get(name).and_then(serde_json::Value::as_str).unwrap_or("none");
        let enough = |has: &str, needed: &str| has == needed || has == "write" || has == "admin";
        let missing = NEEDED
            .iter()
            .filter(|(name, needed)| !enough(level(name), needed))
            .map(|(name, needed)| {
                format!(
                    "the App's permission `{name}: {needed}` (it has `{}`): grant it in the App's settings and have \
                     the owners approve it",
                    level(name)
                )
            })
            .collect();
        let grants = app.permissions.keys().map(|name| format!("{name}: {}", level(name))).collect();
        Ok(Identity { name: app.slug.unwrap_or(app.name), app: true, grants, missing })
    }

    async fn check_token(&self) -> Result<Identity, CodeHostError> {
        let ask = Ask::get(
            "users/get-authenticated",
            Route::Path("/user".to_owned()),
            "",
            "the token's user".to_owned(),
            Paid::Credential,
        );
        let about = ask.about.clone();
        let raw = self.ask(ask).await?;
        let user: shape::Account = super::call::parse(&about, &raw)?;
        let scopes = raw.headers.get("x-oauth-scopes").and_then(|value| value.to_str().ok());
        let grants: Vec<String> = scopes
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect();
        let mut missing = Vec::new();
        // Only classic tokens have scopes; of a fine-grained one the header is absent or empty.
        if !grants.is_empty() && !grants.iter().any(|scope| scope == "repo" || scope == "public_repo") {
            missing.push("the token's scope `repo`: make a token that has it".to_owned());
        }
        Ok(Identity { name: user.login, app: false, grants, missing })
    }
}

/// Why no API was found at an address.
#[derive(Debug, thiserror::Error)]
pub enum Undetected {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] BadEndpoint),
    /// The connection could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Nobody answers.
    #[error("{endpoint} does not answer ({reason}): check the address and the network")]
    Silent {
        /// What was asked.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// Something answers that is no GitHub.
    #[error(
        "{0} answers, but not as GitHub's API does: give the API's own address, such as https://your-server/api/v3"
    )]
    NotGitHub(String),
}

impl Endpoint {
    /// The API that a person means by `url`, found by asking without any credential: the layout that the address
    /// suggests, and where that is no API, the other one.
    ///
    /// # Errors
    /// [`Undetected`].
    pub async fn detect(url: &str, ca_bundle: Option<PathBuf>) -> Result<Self, Undetected> {
        let first = Self::resolve(url, false)?;
        let mut asked = Vec::new();
        for endpoint in [first.clone(), first.at_the_root()] {
            if asked.contains(&endpoint) {
                continue;
            }
            // The credential is only for show: no request here carries one.
            let mut config = GithubConfig::at(endpoint.clone(), Credentials::Token(Secret::new("none")));
            config.ca_bundle.clone_from(&ca_bundle);
            let wire = Wire::new(config)?;
            if answers_as_github(&wire).await? {
                return Ok(endpoint);
            }
            asked.push(endpoint);
        }
        Err(Undetected::NotGitHub(first.to_string()))
    }
}

/// Whether an API answers: JSON to a question that every GitHub answers, be it by a refusal.
async fn answers_as_github(wire: &Wire) -> Result<bool, Undetected> {
    let outgoing = Outgoing {
        operation: "meta/get",
        method: Method::GET,
        address: wire.endpoint.address("/meta"),
        accept: JSON,
        body: None,
        authorization: None,
        timeout: Duration::from_secs(10),
        paid: Paid::Credential,
    };
    match wire.exchange(outgoing).await {
        Ok(raw) => {
            let is_json = text(&raw.headers, "content-type").starts_with("application/json");
            let is_object =
                serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&raw.body).is_ok();
            let is_github = raw.headers.contains_key("x-github-request-id");
            Ok(is_json && is_object && is_github && raw.status.as_u16() != 404)
        }
        Err(Lost::NotSent(reason) | Lost::Unanswered(reason)) => {
            Err(Undetected::Silent { endpoint: wire.endpoint.to_string(), reason })
        }
        Err(Lost::PermitExpired | Lost::Held(_)) => Ok(false),
    }
}
