//! Several organisations as one GitHub: a world for each, one App installed in all of them, and one address in front
//! that sends every request to the world it names. Tests of what spans organisations use it.
//!
//! What names no organisation (GraphQL, `/user`, ids without a name) goes to the first. Repositories do not move from
//! one to another.

use crate::twin::{AppAccess, Options, StartError, Twin};
use crate::world::OpenError;
use crate::world::change::Change;
use crate::world::{VERSION, model::Installation};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// How much of a request's body is passed on.
const LARGEST: usize = 64 << 20;

/// Several twins behind one address. Dropping it stops them.
#[derive(Debug)]
pub struct Together {
    /// The worlds, in the order of their names as given.
    pub twins: Vec<Twin>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

/// Where requests go.
struct Front {
    client: reqwest::Client,
    /// Login in lower case, installation and address of each.
    worlds: Vec<(String, u64, String)>,
}

impl Together {
    /// Begins a world for each organisation in `folder`, seeded as `options` says, and serves them as one.
    pub async fn start(folder: &Path, organizations: &[&str], options: Options) -> Result<Self, StartError> {
        let mut twins: Vec<Twin> = Vec::new();
        for (number, org) in organizations.iter().enumerate() {
            let data = folder.join(org);
            if let Some(first) = twins.first() {
                adopt_key(&data, &first.app().private_key_file)
                    .map_err(|source| OpenError::Io { path: data.clone(), source })?;
            }
            let listen = SocketAddr::from(([127, 0, 0, 1], 0));
            let own = Options { listen, org: (*org).to_owned(), data: Some(data.clone()), ..options.clone() };
            let twin = Twin::start(own).await?;
            install_as(&twin, number).map_err(|source| OpenError::Io { path: data, source })?;
            twins.push(twin);
        }
        let listen = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let world = |twin: &Twin| (twin.org().to_lowercase(), twin.app().installation_id, twin.url());
        let client =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| listen(std::io::Error::other(error)))?;
        let front = Arc::new(Front { client, worlds: twins.iter().map(world).collect() });
        let router = axum::Router::new().fallback(pass_on).with_state(front);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(error = %error, "the listener failed");
            }
        });
        Ok(Self { twins, address, serving })
    }

    /// The address of all of them.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the App needs to act here; its installation is the one in the first organisation.
    pub fn app(&self) -> Option<AppAccess> {
        self.twins.first().map(Twin::app)
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Gives a folder that no world lives in yet the App's key.
fn adopt_key(data: &Path, key: &PathBuf) -> std::io::Result<()> {
    std::fs::create_dir_all(data.join("secrets"))?;
    std::fs::write(data.join("VERSION"), format!("{VERSION}\n"))?;
    let name = key.file_name().unwrap_or_default();
    std::fs::copy(key, data.join("secrets").join(name)).map(drop)
}

/// Makes the installation the App's n-th, since one App's installations have different ids.
fn install_as(twin: &Twin, number: usize) -> std::io::Result<()> {
    let founded = twin.world().read(|state| {
        let installation = state.installation.clone()?;
        let id = installation.id + 100_000 * number as u64;
        Some(Change::Founded {
            organization: state.org()?.clone(),
            accounts: state
                .accounts
                .values()
                .filter(|account| account.id != state.organization)
                .cloned()
                .collect(),
            app: state.app.clone()?,
            installation: Installation { id, ..installation },
        })
    });
    match founded {
        Some(founded) if number > 0 => twin.world().record(vec![founded]),
        _ => Ok(()),
    }
}

impl Front {
    /// The address of the world that a path names.
    fn world(&self, path: &str) -> Option<&str> {
        let parts: Vec<&str> = path.trim_start_matches("/api/v3").trim_matches('/').split('/').collect();
        let named = match parts.as_slice() {
            ["orgs" | "users" | "repos", login, ..] => {
                self.worlds.iter().find(|(name, ..)| *name == login.to_lowercase())
            }
            ["app", "installations", id, ..] => {
                self.worlds.iter().find(|(_, known, _)| known.to_string() == *id)
            }
            [login, ..] => self.worlds.iter().find(|(name, ..)| *name == login.to_lowercase()),
            [] => None,
        };
        named.or(self.worlds.first()).map(|(_, _, url)| url.as_str())
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
        for (_, _, url) in &self.worlds {
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

async fn pass_on(State(front): State<Arc<Front>>, request: Request) -> Response<Body> {
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
    match front.world(path) {
        Some(url) => front.send(url, parts.method, target, &headers, body).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
