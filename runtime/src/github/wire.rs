//! One request and its answer: connections, TLS, timeouts, headers, one log line and the metrics.
//!
//! octocrab carries the requests over a client of our own, without its retries, redirects, authorisation and
//! caches. Deliberately absent: tokens, sending again, and what an answer means.

use super::{
    config::API_VERSION,
    config::GithubConfig,
    endpoint::Endpoint,
    limits,
    paid::Paid,
    permitted::{Permitted, TooLate},
};
use bytes::Bytes;
use campaigns_actors::ports::CodeHostError;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited, combinators::BoxBody};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{Client, Error as ClientError, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};
use std::{
    error::Error,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// GitHub's limit is 100 requests at once for everything that speaks with one credential (rate limits for the
/// REST API, "secondary rate limits"); some are left to others.
const AT_ONCE: usize = 64;

/// The largest answer read into memory; a recursive tree has at most 7 MB (git trees, REST documentation).
const LARGEST_ANSWER: usize = 64 << 20;

/// Why no adapter could be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The bundle could not be read.
    #[error("the CA bundle {path} could not be read ({reason}): it has to hold certificates in PEM")]
    CaBundle {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// TLS could not be set up.
    #[error("TLS could not be set up: {0}")]
    Tls(String),
    /// The key is none.
    #[error(
        "the private key of the GitHub App is no RSA key in PEM ({0}): give the file that GitHub made under the \
         App's settings, \"Private keys\""
    )]
    PrivateKey(String),
    /// There is no token.
    #[error("the token for GitHub is empty: set GITHUB_TOKEN or give --token-file")]
    EmptyToken,
    /// The token cannot be sent.
    #[error("the token for GitHub has characters that no token has: check the file it came from")]
    NotAToken,
    /// The user agent cannot be sent.
    #[error("the user agent has characters that a header cannot hold")]
    UserAgent,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// The request certainly did not leave.
    NotSent(String),
    /// It may have arrived.
    Unanswered(String),
    /// Its permit was too old when it was to leave.
    PermitExpired,
    /// The organisation has asked for quiet, so it was not sent.
    Held(CodeHostError),
}

/// What is sent.
#[derive(Clone)]
pub(super) struct Outgoing<'a> {
    /// GitHub's operation id, for log and metrics.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// The whole address.
    pub(super) address: String,
    pub(super) accept: &'static str,
    pub(super) body: Option<Bytes>,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) timeout: Duration,
    /// Checked when the request is about to leave, and again by its body when it leaves.
    pub(super) paid: Paid<'a>,
}

/// A whole answer.
pub(super) struct Raw {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An answer whose body is still to come.
pub(super) type Streamed = Response<BoxBody<Bytes, octocrab::Error>>;

/// GitHub's JSON.
pub(super) const JSON: &str = "application/vnd.github+json";

/// The way to one GitHub.
pub(super) struct Wire {
    crab: Octocrab,
    pub(super) endpoint: Endpoint,
    user_agent: HeaderValue,
    slots: Semaphore,
    pub(super) config: GithubConfig,
}

impl Wire {
    pub(super) fn new(config: GithubConfig) -> Result<Self, SetupError> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(config.timeouts.connect));
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(&config)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        // hyper sends again only what was never written because a kept-alive connection turned out closed.
        let client: Client<_, OctoBody> = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(50))
            .pool_max_idle_per_host(AT_ONCE)
            .build(connector);
        let built = OctocrabBuilder::new_empty().with_service(client).with_auth(AuthState::None).build();
        let crab = match built {
            Ok(crab) => crab,
            Err(never) => match never {},
        };
        let user_agent = HeaderValue::from_str(&config.user_agent).map_err(|_| SetupError::UserAgent)?;
        Ok(Self {
            crab,
            endpoint: config.endpoint.clone(),
            user_agent,
            slots: Semaphore::new(AT_ONCE),
            config,
        })
    }

    /// Sends, and reads the whole answer.
    pub(super) async fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Raw, Lost> {
        let _reading = outgoing.paid.spend().await?;
        let Ok(_slot) = self.slots.acquire().await else { return Err(Lost::NotSent("closing".to_owned())) };
        let limit = outgoing.timeout;
        let whole = async {
            let (parts, body) = self.send(outgoing).await?.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER)
                .collect()
                .await
                .map_err(|error| Lost::Unanswered(words(error.as_ref())))?
                .to_bytes();
            Ok(Raw { status: parts.status, headers: parts.headers, body })
        };
        match tokio::time::timeout(limit, whole).await {
            Ok(answer) => answer,
            Err(_) => Err(Lost::Unanswered(format!("no answer within {} s", limit.as_secs_f32()))),
        }
    }

    /// Sends, and hands out the answer's body as it comes; the timeout is for its beginning.
    pub(super) async fn stream(&self, outgoing: Outgoing<'_>) -> Result<Streamed, Lost> {
        let _reading = outgoing.paid.spend().await?;
        let limit = outgoing.timeout;
        match tokio::time::timeout(limit, self.send(outgoing)).await {
            Ok(answer) => answer,
            Err(_) => Err(Lost::Unanswered(format!("no answer within {} s", limit.as_secs_f32()))),
        }
    }

    async fn send(&self, outgoing: Outgoing<'_>) -> Result<Streamed, Lost> {
        let Outgoing { operation, method, address, accept, body, authorization, paid, .. } = outgoing;
        let mut request = Request::builder()
            .method(method.clone())
            .uri(&address)
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, &self.user_agent)
            .header("x-github-api-version", API_VERSION);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let expires = paid.expires();
        let body = match (body, expires) {
            (None, _) => OctoBody::empty(),
            (Some(body), None) => OctoBody::from(body),
            (Some(body), Some(expires)) => Permitted::until(expires, body),
        };
        let request = request.body(body).map_err(|error| Lost::NotSent(error.to_string()))?;
        if expires.is_some_and(|expires| tokio::time::Instant::now() >= expires) {
            return Err(Lost::PermitExpired);
        }
        let started = Instant::now();
        let sent = self.crab.execute(request).await;
        let seconds = started.elapsed().as_secs_f64();
        // The query is left out: an archive's address carries a grant in it.
        let path = address.split('?').next().unwrap_or_default();
        match sent {
            Ok(answer) => {
                limits::record(operation, answer.status(), answer.headers(), seconds);
                tracing::debug!(
                    operation,
                    %method,
                    path,
                    status = answer.status().as_u16(),
                    milliseconds = seconds * 1000.0,
                    github_request_id = text(answer.headers(), "x-github-request-id"),
                    remaining = text(answer.headers(), "x-ratelimit-remaining"),
                    "GitHub answered"
                );
                Ok(answer)
            }
            Err(error) if came_too_late(&error) => Err(Lost::PermitExpired),
            Err(error) => {
                limits::record_lost(operation, seconds);
                let reason = words(&error);
                tracing::debug!(operation, %method, path, reason, "GitHub did not answer");
                Err(if never_left(&error) { Lost::NotSent(reason) } else { Lost::Unanswered(reason) })
            }
        }
    }
}

/// A header as text; "" where there is none.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn tls(config: &GithubConfig) -> Result<ClientConfig, SetupError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &config.ca_bundle {
        let unreadable = |reason: String| SetupError::CaBundle { path: path.clone(), reason };
        let mut count = 0;
        for certificate in
            CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?
        {
            let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(unreadable("there is none in it".to_owned()));
        }
    }
    // Reading the system's certificates takes a moment, which an unencrypted server need not wait for.
    if config.endpoint.is_encrypted() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut all = vec![error];
    let mut next = error.source();
    while let Some(cause) = next {
        all.push(cause);
        next = cause.source();
    }
    all
}

/// Whether no connection was made, or the one that was there closed before anything was written.
fn never_left(error: &octocrab::Error) -> bool {
    chain(error).iter().any(|cause| {
        cause.downcast_ref::<ClientError>().is_some_and(ClientError::is_connect)
            || cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
    })
}

/// Whether its body was not given out any more when the request was to leave.
fn came_too_late(error: &octocrab::Error) -> bool {
    chain(error).iter().any(|cause| cause.is::<TooLate>())
}

/// What went wrong, for people: the causes, each once, without octocrab's own wrapping.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in chain(error).into_iter().filter(|cause| !cause.is::<octocrab::Error>()) {
        let word = cause.to_string();
        if !said.iter().any(|before| before.contains(&word)) {
            said.push(word);
        }
    }
    if said.is_empty() {
        said.push("the connection failed".to_owned());
    }
    super::redact(&said.join(": "))
}

/// What went wrong with a body that was coming in, for people.
pub(super) fn body_words(error: &octocrab::Error) -> String {
    words(error)
}
