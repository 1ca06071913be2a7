//! How answers are written: JSON with an ETag for single things, pages for lists.
//!
//! The ETag is the digest of the JSON, weak since it may travel compressed. Deliberately absent: errors (`error`).

use crate::{cursor, error::ApiError, ports::Listed, wire::Page};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// JSON with this status.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Response, ApiError> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        ApiError::internal()
    })?;
    Ok((status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes)
        .into_response())
}

/// One thing, or 304 where the caller has it as it is.
pub(crate) fn tagged<T: Serialize>(request: &HeaderMap, value: &T) -> Result<Response, ApiError> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        ApiError::internal()
    })?;
    let digest = Sha256::digest(&bytes);
    let tag = format!("W/\"{}\"", hex::encode(digest.get(..16).unwrap_or_default()));
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known =
        known.flat_map(|text| text.split(',')).any(|known| known.trim() == tag || known.trim() == "*");
    let value = HeaderValue::from_str(&tag).map_err(|_| ApiError::internal())?;
    if known {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, value)]).into_response());
    }
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::ETAG, value)];
    Ok((StatusCode::OK, headers, bytes).into_response())
}

/// One page of a list.
pub(crate) fn page<T: Serialize, K: Serialize>(listed: Listed<T, K>) -> Result<Response, ApiError> {
    json(StatusCode::OK, &Page { items: listed.items, next: listed.next.map(|key| cursor::encode(&key)) })
}
