//! Who a request is sent as: a personal token as it is, or a GitHub App's JSON web token and the installation
//! tokens minted with it, one per scope, each by a single flight, refreshed five minutes early.
//!
//! Writes get a token that reaches one repository and may do what publishing needs, reads one of the whole
//! installation that may only read. Tokens live in memory alone. Sources: "Generating a JSON Web Token",
//! "Create an installation access token for an app". Deliberately absent: what is sent with them.

mod installed;
mod scope;

pub(super) use scope::Scope;

use super::{
    answer::{About, out_of_use},
    config::Credentials,
    limits,
    paid::Paid,
    secret::Secret,
    wire::{JSON, Lost, Outgoing, Raw, SetupError, Wire, text},
};
use bytes::Bytes;
use campaigns_actors::ports::CodeHostError;
use campaigns_domain::publish::{installation::not_installed, standing::PauseCause};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use scope::{asked, not_minted};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// What goes into `Authorization`.
#[derive(Clone)]
pub(super) struct Bearer {
    pub(super) header: HeaderValue,
    /// Which minting it came from, so that a refusal drops this one and not its successor.
    minting: u64,
}

/// A token and how long it is used, by the monotonic clock.
struct Minted {
    bearer: Bearer,
    until: Instant,
}

/// One scope's token. Whoever finds none mints it while the others wait for the lock.
#[derive(Default)]
struct Cell {
    minted: Option<Minted>,
    /// The last failure, told to everybody who asked before it happened, so that they do not fail one by one.
    failed: Option<(Instant, CodeHostError)>,
}

/// GitHub lets a token live for an hour; the last five minutes are not used.
const EARLY: Duration = Duration::from_secs(5 * 60);

enum Who {
    Person(Bearer),
    App { id: String, key: EncodingKey },
}

/// The tokens of one GitHub.
pub(super) struct Tokens {
    who: Who,
    cells: Mutex<HashMap<Scope, Arc<tokio::sync::Mutex<Cell>>>>,
    installations: Mutex<HashMap<String, u64>>,
    mintings: AtomicU64,
    /// GitHub's clock minus ours, in seconds, once GitHub has refused a web token for its times.
    ahead: AtomicI64,
}

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    exp: i64,
    iss: &'a str,
}

#[derive(Deserialize)]
struct AccessToken {
    token: String,
    expires_at: chrono::DateTime<chrono::Utc>,
}

fn bearer(secret: &Secret, minting: u64) -> Option<Bearer> {
    let mut header = HeaderValue::from_str(&format!("Bearer {}", secret.expose())).ok()?;
    header.set_sensitive(true);
    Some(Bearer { header, minting })
}

impl Tokens {
    pub(super) fn new(credentials: &Credentials) -> Result<Self, SetupError> {
        let who = match credentials {
            Credentials::Token(token) if token.is_empty() => return Err(SetupError::EmptyToken),
            Credentials::Token(token) => Who::Person(bearer(token, 0).ok_or(SetupError::NotAToken)?),
            Credentials::App { id, private_key } => Who::App {
                id: id.clone(),
                key: EncodingKey::from_rsa_pem(private_key.expose().as_bytes())
                    .map_err(|error| SetupError::PrivateKey(error.to_string()))?,
            },
        };
        Ok(Self {
            who,
            cells: Mutex::default(),
            installations: Mutex::default(),
            mintings: AtomicU64::new(0),
            ahead: AtomicI64::new(0),
        })
    }

    /// Whether requests are sent as a GitHub App.
    pub(super) fn is_app(&self) -> bool {
        matches!(self.who, Who::App { .. })
    }

    /// What to send a request of this scope with.
    pub(super) async fn bearer(&self, wire: &Wire, scope: &Scope) -> Result<Bearer, CodeHostError> {
        let Who::App { id, key } = &self.who else {
            let Who::Person(bearer) = &self.who else { unreachable_scope()? };
            return Ok(bearer.clone());
        };
        if *scope == Scope::App {
            return self.web_token(id, key);
        }
        let cell = Arc::clone(lock(&self.cells).entry(scope.clone()).or_default());
        let asked = Instant::now();
        let mut cell = cell.lock().await;
        if let Some(minted) = cell.minted.as_ref().filter(|minted| Instant::now() < minted.until) {
            return Ok(minted.bearer.clone());
        }
        if let Some((at, error)) = cell.failed.as_ref().filter(|(at, _)| *at >= asked) {
            tracing::debug!(since = ?at.elapsed(), "sharing the failure of a minting that was waited for");
            return Err(error.clone());
        }
        match self.mint(wire, scope).await {
            Ok(minted) => {
                let bearer = minted.bearer.clone();
                cell.minted = Some(minted);
                cell.failed = None;
                Ok(bearer)
            }
            Err(error) => {
                cell.minted = None;
                cell.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// GitHub did not accept this token: it is not used again. Whether another may be had.
    pub(super) async fn refused(&self, scope: &Scope, refused: &Bearer, headers: &HeaderMap) -> bool {
        if !self.is_app() {
            return false;
        }
        if *scope == Scope::App {
            return self.learn_time(headers);
        }
        let cell = lock(&self.cells).get(scope).map(Arc::clone);
        if let Some(cell) = cell {
            let mut cell = cell.lock().await;
            if cell.minted.as_ref().is_some_and(|minted| minted.bearer.minting == refused.minting) {
                cell.minted = None;
            }
        }
        true
    }

    /// What was minted for this scope is not used again: what it reaches may have changed.
    pub(super) async fn forget(&self, scope: &Scope) {
        let cell = lock(&self.cells).get(scope).map(Arc::clone);
        if let Some(cell) = cell {
            cell.lock().await.minted = None;
        }
    }

    /// Takes GitHub's time over where ours is off by more than it bears. Whether that changed anything.
    fn learn_time(&self, headers: &HeaderMap) -> bool {
        let Some(theirs) = limits::server_time(headers).and_then(|time| i64::try_from(time).ok()) else {
            return false;
        };
        let ahead = theirs - now();
        let before = self.ahead.swap(ahead, Ordering::Relaxed);
        let changed = (ahead - before).abs() > 30;
        if changed {
            tracing::warn!(seconds = ahead, "this machine's clock differs from GitHub's; GitHub's is used");
        }
        changed
    }

    /// A web token of nine minutes, dated a minute back, as GitHub advises for clocks that differ.
    fn web_token(&self, id: &str, key: &EncodingKey) -> Result<Bearer, CodeHostError> {
        let now = now() + self.ahead.load(Ordering::Relaxed);
        let claims = Claims { iat: now - 60, exp: now + 540, iss: id };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, key)
            .ok()
            .and_then(|token| bearer(&Secret::new(token), 0))
            .ok_or_else(|| {
                out_of_use(
                    PauseCause::BadCredentials,
                    "the GitHub App's private key could not sign a web token: check that it is the App's"
                        .to_owned(),
                )
            })
    }

    async fn mint(&self, wire: &Wire, scope: &Scope) -> Result<Minted, CodeHostError> {
        let owner = match scope {
            Scope::Owner(owner) | Scope::Repository { owner, .. } | Scope::Actions { owner, .. } => owner,
            Scope::App => unreachable_scope()?,
        };
        // Whoever has the App installed anew has another installation than the one that is remembered.
        match self.mint_once(wire, scope, owner).await {
            Err(CodeHostError::NotFound(_)) => match self.mint_once(wire, scope, owner).await {
                Err(CodeHostError::NotFound(_)) => Err(CodeHostError::Unauthorized(not_installed(owner))),
                minted => minted,
            },
            minted => minted,
        }
    }

    async fn mint_once(&self, wire: &Wire, scope: &Scope, owner: &str) -> Result<Minted, CodeHostError> {
        let installation = self.installation(wire, owner).await?;
        let started = Instant::now();
        let about = About {
            subject: format!("the App's installation for {owner}"),
            doing: format!("minting a token for {owner}"),
            write: false,
            app: true,
        };
        let path = format!("/app/installations/{installation}/access_tokens");
        let mut raw = self
            .as_app(wire, Method::POST, "apps/create-installation-access-token", &path, Some(asked(scope)))
            .await?;
        // An installation on selected repositories can refuse a subset of permissions alone, and one that was
        // not granted all of them refuses them: reading then takes the installation as it is.
        if raw.status == StatusCode::UNPROCESSABLE_ENTITY && matches!(scope, Scope::Owner(_)) {
            raw = self
                .as_app(
                    wire,
                    Method::POST,
                    "apps/create-installation-access-token",
                    &path,
                    Some(Bytes::from_static(b"{}")),
                )
                .await?;
        }
        if raw.status != StatusCode::CREATED {
            if raw.status == StatusCode::NOT_FOUND {
                lock(&self.installations).remove(owner);
            }
            return Err(not_minted(scope, &about, &raw));
        }
        let answer: AccessToken = serde_json::from_slice(&raw.body)
            .map_err(|_| CodeHostError::Unavailable(format!("{}: the answer made no sense", about.doing)))?;
        let issued =
            limits::server_time(&raw.headers).and_then(|time| i64::try_from(time).ok()).unwrap_or_else(now);
        let life = Duration::from_secs(u64::try_from(answer.expires_at.timestamp() - issued).unwrap_or(0));
        let minting = self.mintings.fetch_add(1, Ordering::Relaxed) + 1;
        let bearer = bearer(&Secret::new(answer.token), minting).ok_or_else(|| {
            CodeHostError::Unavailable(format!("{}: the answer holds no token", about.doing))
        })?;
        metrics::counter!("campaigns_github_tokens_minted_total", "scope" => scope.kind()).increment(1);
        tracing::debug!(scope = scope.kind(), owner, life = life.as_secs(), "minted an installation token");
        Ok(Minted { bearer, until: started + life.saturating_sub(EARLY).max(life / 2) })
    }

    /// One request as the App itself; again, once, where only the clock was wrong.
    async fn as_app(
        &self,
        wire: &Wire,
        method: Method,
        operation: &'static str,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Raw, CodeHostError> {
        let Who::App { id, key } = &self.who else { unreachable_scope()? };
        let mut corrected = false;
        loop {
            let sent = wire
                .exchange(Outgoing {
                    operation,
                    method: method.clone(),
                    address: wire.endpoint.address(path),
                    accept: JSON,
                    body: body.clone(),
                    authorization: Some(self.web_token(id, key)?.header),
                    timeout: wire.config.timeouts.read,
                    paid: Paid::Credential,
                })
                .await;
            let raw = match sent {
                Ok(raw) => raw,
                Err(Lost::NotSent(reason) | Lost::Unanswered(reason)) => {
                    return Err(CodeHostError::Unavailable(format!("asking for a token: {reason}")));
                }
                Err(Lost::PermitExpired) => return Err(CodeHostError::PermitExpired),
                Err(Lost::Held(limited)) => return Err(limited),
            };
            if raw.status == StatusCode::UNAUTHORIZED && !corrected && self.learn_time(&raw.headers) {
                corrected = true;
                continue;
            }
            if raw.status == StatusCode::UNAUTHORIZED {
                let body: serde_json::Value = serde_json::from_slice(&raw.body).unwrap_or_default();
                return Err(out_of_use(
                    PauseCause::BadCredentials,
                    format!(
                        "GitHub does not accept the App's web token ({}): check the App's id and private key (request {})",
                        super::redact(body["message"].as_str().unwrap_or("no reason given")),
                        text(&raw.headers, "x-github-request-id"),
                    ),
                ));
            }
            return Ok(raw);
        }
    }
}

fn unreachable_scope<T>() -> Result<T, CodeHostError> {
    Err(out_of_use(PauseCause::BadCredentials, "a personal token cannot act as a GitHub App".to_owned()))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
