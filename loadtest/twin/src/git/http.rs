//! Git over HTTP, protocol versions 0 to 2: the `git` program serves, this module asks for credentials, holds
//! the repository's lock during a push and lets pull requests follow before the pusher is answered. The dumb
//! protocol and LFS are not here.

use crate::auth::{Caller, identify};
use crate::follow::follow;
use crate::git::refs;
use crate::rest::call::Facts;
use crate::rest::refusal::Refusal;
use crate::world::World;
use crate::world::model::{Level, RepositoryRecord};
use crate::world::state::Found;
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use futures::StreamExt;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

/// The two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Clone and fetch.
    UploadPack,
    /// Push.
    ReceivePack,
}

impl Service {
    /// `git-upload-pack` or `git-receive-pack`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "git-upload-pack" => Some(Self::UploadPack),
            "git-receive-pack" => Some(Self::ReceivePack),
            _ => None,
        }
    }

    /// The subcommand of `git`.
    pub fn word(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }

    /// As the log names it.
    pub fn operation(self) -> &'static str {
        match self {
            Self::UploadPack => "git/upload-pack",
            Self::ReceivePack => "git/receive-pack",
        }
    }
}

/// A request for git.
#[derive(Debug)]
pub struct Exchange {
    /// `owner`.
    pub owner: String,
    /// `name`, without `.git`.
    pub name: String,
    /// Which service.
    pub service: Service,
    /// True for the advertisement (`info/refs`).
    pub advertises: bool,
}

/// Reads a path: `/{owner}/{name}[.git]/info/refs?service=…`, `…/git-upload-pack`, `…/git-receive-pack`.
pub fn parse(path: &str, query: Option<&str>) -> Option<Exchange> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (owner, name, service, advertises) = match parts[..] {
        [owner, name, "info", "refs"] => {
            let pairs = crate::rest::pairs(query);
            let service = pairs.iter().find(|(known, _)| known == "service")?;
            (owner, name, Service::parse(&service.1)?, true)
        }
        [owner, name, service] => (owner, name, Service::parse(service)?, false),
        _ => return None,
    };
    let name = name.strip_suffix(".git").unwrap_or(name);
    Some(Exchange { owner: owner.to_owned(), name: name.to_owned(), service, advertises })
}

/// Who asked and for what: the log's part of an exchange.
#[derive(Debug)]
pub struct Served {
    /// The answer.
    pub response: Response<Body>,
    /// Who asked.
    pub subject: String,
    /// Digits of the token's digest.
    pub token: Option<String>,
    /// What it was about.
    pub facts: Facts,
}

/// Serves an exchange.
pub async fn serve(
    world: &Arc<World>,
    exchange: &Exchange,
    headers: &HeaderMap,
    body: Body,
    address: &str,
) -> Served {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let identified = identify(world, header, address);
    let caller = identified.as_ref().ok().cloned().unwrap_or(Caller::Anonymous(address.to_owned()));
    let mut facts = Facts::default();
    let response = match identified.and_then(|caller| admit(world, exchange, &caller)) {
        Err(refusal) => refused(&refusal),
        Ok(record) => {
            facts.repo = Some(format!("{}/{}", exchange.owner, record.name));
            run(world, exchange, &record, headers, body, &caller).await.unwrap_or_else(|error| {
                tracing::error!(error = %error, "git could not be served");
                text(StatusCode::INTERNAL_SERVER_ERROR, "Server Error")
            })
        }
    };
    Served { response, subject: caller.subject(), token: caller.token_id(), facts }
}

fn admit(world: &World, exchange: &Exchange, caller: &Caller) -> Result<RepositoryRecord, Refusal> {
    let found = world.read(|state| {
        Some(match state.repository(&exchange.owner, &exchange.name)? {
            // Git follows a rename silently.
            Found::Here(found) | Found::Moved(found) => found.record.clone(),
        })
    });
    let level = if exchange.service == Service::ReceivePack { Level::Write } else { Level::Read };
    let visible = found.filter(|record| caller.sees(record));
    match (visible, caller) {
        (Some(record), _) if !caller.may(record.id, &[("contents", level)]) => match caller {
            Caller::Anonymous(_) => Err(Refusal::requires_authentication()),
            _ => Err(Refusal::new(403, "Permission to the repository denied.")),
        },
        (Some(record), _) if record.archived && level == Level::Write => {
            Err(Refusal::new(403, "This repository was archived so it is read-only."))
        }
        (Some(record), _) => Ok(record),
        (None, Caller::Anonymous(_)) => Err(Refusal::requires_authentication()),
        (None, _) => Err(Refusal::new(404, "Repository not found.")),
    }
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = text(status, refusal.body["message"].as_str().unwrap_or("refused"));
    if refusal.status == 401 {
        let challenge = axum::http::HeaderValue::from_static("Basic realm=\"GitHub\"");
        response.headers_mut().insert("www-authenticate", challenge);
    }
    response
}

fn text(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{message}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("text/plain"));
    response
}

fn answer(kind: String, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    if let Ok(kind) = axum::http::HeaderValue::from_str(&kind) {
        response.headers_mut().insert("content-type", kind);
    }
    let never = axum::http::HeaderValue::from_static("no-cache, max-age=0, must-revalidate");
    response.headers_mut().insert("cache-control", never);
    response
}

async fn run(
    world: &Arc<World>,
    exchange: &Exchange,
    record: &RepositoryRecord,
    headers: &HeaderMap,
    body: Body,
    caller: &Caller,
) -> anyhow::Result<Response<Body>> {
    let path = world.git.path(record.id);
    let word = exchange.service.word();
    let mut command = super::command(&path);
    command.args([word, "--stateless-rpc"]);
    let protocol = headers.get("git-protocol").and_then(|value| value.to_str().ok());
    if let Some(protocol) = protocol {
        command.env("GIT_PROTOCOL", protocol);
    }
    if exchange.advertises {
        command.args(["--advertise-refs", "."]);
        let output = command.output().await?;
        anyhow::ensure!(output.status.success(), "git {word} ended with {}", output.status);
        let mut text = Vec::new();
        // Version 2 opens with its capabilities at once; the older ones name the service first.
        if !protocol.is_some_and(|protocol| protocol.split(':').any(|word| word == "version=2"))
            || exchange.service == Service::ReceivePack
        {
            let line = format!("# service=git-{word}\n");
            text.extend_from_slice(format!("{:04x}{line}0000", line.len() + 4).as_bytes());
        }
        text.extend(output.stdout);
        return Ok(answer(format!("application/x-git-{word}-advertisement"), Body::from(text)));
    }
    command.arg(".").stdin(std::process::Stdio::piped());
    let zipped = headers.get("content-encoding").is_some_and(|value| value == "gzip" || value == "x-gzip");
    let kind = format!("application/x-git-{word}-result");
    if exchange.service == Service::UploadPack {
        let mut child = command.spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else { anyhow::bail!("git has no pipes") };
        tokio::spawn(async move {
            // A client that leaves breaks one pipe or the other, and git ends.
            let _ = feed(body, input, zipped).await;
            let _ = child.wait().await;
        });
        return Ok(answer(kind, Body::from_stream(ReaderStream::with_capacity(output, 64 * 1024))));
    }
    let actor = caller.account(world).unwrap_or_default();
    // Spawned, so that a pusher who hangs up cannot stop pull requests from following what was pushed.
    let (world, id) = (Arc::clone(world), record.id);
    let result =
        tokio::spawn(async move { receive(&world, id, command, body, zipped, actor).await }).await??;
    Ok(answer(kind, Body::from(result)))
}

async fn receive(
    world: &Arc<World>,
    id: u64,
    mut command: tokio::process::Command,
    body: Body,
    zipped: bool,
    actor: u64,
) -> anyhow::Result<Vec<u8>> {
    let lock = world.lock_of(id);
    let _held = lock.lock().await;
    let before = listing(world, id).await?;
    let mut child = command.spawn()?;
    let Some(input) = child.stdin.take() else { anyhow::bail!("git has no input") };
    let (fed, output) = tokio::join!(feed(body, input, zipped), child.wait_with_output());
    let after = listing(world, id).await?;
    let world = Arc::clone(world);
    tokio::task::spawn_blocking(move || {
        let git = world.git.open(id)?;
        follow(&world, &git, id, &refs::moves(&before, &after), actor)?;
        crate::settle::settle(&world, id).map_err(|refusal| anyhow::anyhow!("{}", refusal.body))?;
        anyhow::Ok(())
    })
    .await??;
    fed?;
    Ok(output?.stdout)
}

async fn listing(
    world: &Arc<World>,
    id: u64,
) -> anyhow::Result<std::collections::BTreeMap<String, git2::Oid>> {
    let world = Arc::clone(world);
    Ok(tokio::task::spawn_blocking(move || refs::all(&world.git.open(id)?)).await??)
}

/// Copies a request's body to git, unzipping it on the way.
async fn feed(body: Body, mut input: tokio::process::ChildStdin, zipped: bool) -> anyhow::Result<()> {
    let mut stream = body.into_data_stream();
    let mut unzip = zipped.then(|| flate2::write::GzDecoder::new(Vec::new()));
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        match &mut unzip {
            None => input.write_all(&chunk).await?,
            Some(unzip) => {
                std::io::Write::write_all(unzip, &chunk)?;
                let ready = std::mem::take(unzip.get_mut());
                input.write_all(&ready).await?;
            }
        }
    }
    if let Some(unzip) = unzip {
        input.write_all(&unzip.finish()?).await?;
    }
    input.shutdown().await?;
    Ok(())
}
