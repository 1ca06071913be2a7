//! Files and archives by web address: `/raw/{owner}/{repo}/{ref}/{path}` with a credential, and
//! `/_codeload/{owner}/{repo}/legacy.tar.gz/{ref}?token=…`, whose signature is its credential.

use crate::auth::identify;
use crate::git::{archive, resolve_commit};
use crate::limits::Arrival;
use crate::log::Entry;
use crate::rest::catalog::decode;
use crate::rest::refusal::Refusal;
use crate::serve::{Server, refusal, request_id};
use crate::world::World;
use crate::world::model::{Level, RepositoryRecord};
use crate::world::state::Found;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// Serves both.
pub async fn serve(server: &Arc<Server>, peer: SocketAddr, request: Request) -> Response<Body> {
    let started = Instant::now();
    let arrival = Arrival::apart(server.world.clock.now());
    let id = request_id();
    let path = request.uri().path().to_owned();
    let is_archive = path.starts_with("/_codeload/");
    let token = request.uri().query().and_then(|query| query.strip_prefix("token=")).map(str::to_owned);
    let header =
        request.headers().get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let method = request.method().clone();
    let world = Arc::clone(&server.world);
    let address = peer.ip().to_string();
    let asked = path.clone();
    // The child process of an archive belongs to the runtime, so it is entered from the blocking thread.
    let runtime = tokio::runtime::Handle::current();
    let outcome = tokio::task::spawn_blocking(move || {
        let _entered = runtime.enter();
        if method != Method::GET && method != Method::HEAD {
            return Err(Refusal::not_found());
        }
        if is_archive {
            download(&world, &asked, token.as_deref())
        } else {
            file(&world, &asked, header.as_deref(), &address)
        }
    })
    .await
    .unwrap_or_else(|_| Err(Refusal::new(500, "Server Error")));
    let (response, repo) = match outcome {
        Ok((response, repo)) => (response, Some(repo)),
        Err(refused) => (refusal(refused, &id), None),
    };
    let operation = if is_archive { "codeload" } else { "raw" };
    server.world.note(Entry {
        method: request.method().to_string(),
        path,
        status: response.status().as_u16(),
        subject: format!("ip:{}", peer.ip()),
        repo,
        request_id: id,
        micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        ..Entry::of(arrival, server.world.clock.now(), operation)
    });
    response
}

fn find(world: &World, owner: &str, name: &str) -> Result<(RepositoryRecord, String), Refusal> {
    world
        .read(|state| {
            Some(match state.repository(owner, name)? {
                Found::Here(found) | Found::Moved(found) => (found.record.clone(), state.full_name(found)),
            })
        })
        .ok_or_else(Refusal::not_found)
}

fn download(world: &World, path: &str, token: Option<&str>) -> Result<(Response<Body>, String), Refusal> {
    let (expires, signature) =
        token.and_then(|token| token.split_once('.')).ok_or_else(Refusal::not_found)?;
    let fresh = expires.parse::<i64>().is_ok_and(|at| at >= world.clock.now().timestamp());
    if !fresh || !world.secrets.verify("archive", format!("{path}\n{expires}").as_bytes(), signature) {
        return Err(Refusal::not_found());
    }
    let mut parts = path.trim_start_matches("/_codeload/").splitn(4, '/');
    let (Some(owner), Some(name), Some("legacy.tar.gz"), Some(reference)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::not_found());
    };
    let (record, full_name) = find(world, owner, name)?;
    let git = world.git.open(record.id)?;
    let commit = resolve_commit(&git, &decode(reference)).ok_or_else(Refusal::not_found)?.id();
    let short = &commit.to_string()[..7];
    let folder = format!("{}-{short}", full_name.replace('/', "-"));
    let mut response = Response::new(archive::tarball(&world.git.path(record.id), commit, &folder)?);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/x-gzip"));
    let disposition = format!("attachment; filename={folder}.tar.gz");
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert("content-disposition", value);
    }
    Ok((response, full_name))
}

fn file(
    world: &World,
    path: &str,
    header: Option<&str>,
    address: &str,
) -> Result<(Response<Body>, String), Refusal> {
    let caller = identify(world, header, address)?;
    let mut parts = path.trim_start_matches("/raw/").splitn(3, '/');
    let (Some(owner), Some(name), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Refusal::not_found());
    };
    let (record, full_name) = find(world, owner, name)?;
    if !caller.sees(&record) || !caller.may(record.id, &[("contents", Level::Read)]) {
        return Err(Refusal::not_found());
    }
    let git = world.git.open(record.id)?;
    let rest = decode(rest);
    // A branch's name may hold slashes: the shortest one that exists and has the path wins.
    for (at, _) in rest.match_indices('/') {
        let (reference, path) = (&rest[..at], &rest[at + 1..]);
        let Some(commit) = resolve_commit(&git, reference) else { continue };
        let Ok(entry) = commit.tree()?.get_path(std::path::Path::new(path)) else { continue };
        let Ok(blob) = git.find_blob(entry.id()) else { continue };
        let mut response = Response::new(Body::from(blob.content().to_vec()));
        let kind = if blob.is_binary() { "application/octet-stream" } else { "text/plain; charset=utf-8" };
        response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
        return Ok((response, full_name));
    }
    Err(Refusal::not_found())
}
