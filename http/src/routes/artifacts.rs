//! Diffs and logs as they are read over HTTP: in pieces, so that a large one never stands in memory as a whole.
//!
//! Both hold whatever a repository's steps wrote, so neither is ever sent as something a browser runs. Deliberately
//! absent: manifests (part of an execution) and changed contents (for the publisher).

use crate::{body, error::ApiError, response, state::ApiState, wire::Diff};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use campaigns_actors::ports::{ArtifactError, ArtifactKey};
use campaigns_domain::id::{ExecutionId, TargetId};
use futures::stream::unfold;

/// The largest diff that is sent as JSON.
const MOST_JSON: u64 = 4 * 1024 * 1024;

/// How much is read at once.
const PIECE: u64 = 1024 * 1024;

/// One attempt, as far as its results are read.
pub(crate) struct Yield {
    pub(crate) target: TargetId,
    pub(crate) attempt: u32,
    pub(crate) repository: String,
    pub(crate) base: String,
    /// Whether the attempt is over.
    pub(crate) ended: bool,
}

/// The attempt's unified diff, as text or JSON.
pub(crate) async fn diff(state: &ApiState, headers: &HeaderMap, of: Yield) -> Result<Response, ApiError> {
    let key = ArtifactKey::Diff(ExecutionId::of(of.target, of.attempt));
    let Some(size) = state.artifacts.size(&key).await? else {
        let what =
            format!("diff of attempt {} of target {}: it has not ended with one", of.attempt, of.target);
        return Err(ApiError::not_found(what));
    };
    if !body::accepts_rather(headers.get(header::ACCEPT), "application/json", "text/x-diff") {
        return Ok((text("text/x-diff; charset=utf-8"), pieces(state, key, size)).into_response());
    }
    if size > MOST_JSON {
        let detail = format!(
            "the diff has {size} bytes, and at most {MOST_JSON} are sent as JSON; ask with `Accept: text/x-diff`"
        );
        return Err(ApiError::new(StatusCode::NOT_ACCEPTABLE, "too-large-for-json", detail));
    }
    let bytes = state.artifacts.get(&key).await?.unwrap_or_default();
    let diff = Diff {
        target_id: of.target.0,
        attempt: of.attempt,
        repository: of.repository,
        base: of.base,
        diff: String::from_utf8_lossy(&bytes).into_owned(),
    };
    response::tagged(headers, &diff)
}

/// A part of the attempt's log.
pub(crate) async fn log(state: &ApiState, of: Yield, from: u64, most: u32) -> Result<Response, ApiError> {
    let key = ArtifactKey::Log(ExecutionId::of(of.target, of.attempt));
    let size = state.artifacts.size(&key).await?;
    let bytes = match size {
        Some(size) if from < size => {
            state.artifacts.get_range(&key, from, u64::from(most)).await?.unwrap_or_default()
        }
        _ => Bytes::new(),
    };
    let size = size.unwrap_or_default();
    let next = from.min(size) + bytes.len() as u64;
    let complete = of.ended && next >= size;
    let headers = [
        ("log-size", size.to_string()),
        ("log-next", next.to_string()),
        ("log-complete", complete.to_string()),
    ];
    Ok((text("text/plain; charset=utf-8"), headers, bytes).into_response())
}

fn text(kind: &'static str) -> [(header::HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static(kind))]
}

/// The content piece by piece, as fast as the caller takes it.
fn pieces(state: &ApiState, key: ArtifactKey, size: u64) -> Body {
    let artifacts = state.artifacts.clone();
    Body::from_stream(unfold(0, move |from| {
        let (artifacts, key) = (artifacts.clone(), key.clone());
        async move {
            if from >= size {
                return None;
            }
            match artifacts.get_range(&key, from, PIECE).await {
                Ok(Some(bytes)) if !bytes.is_empty() => {
                    let next = from + bytes.len() as u64;
                    Some((Ok(bytes), next))
                }
                Ok(_) => Some((
                    Err(ArtifactError { key: key.to_string(), reason: String::from("it is cut off") }),
                    size,
                )),
                Err(error) => Some((Err(error), size)),
            }
        }
    }))
}
