//! What a request may bring along, each with a size: bodies, path segments, headers.
//!
//! Deliberately absent: queries (`query`), what a JSON body says (`json`), and the decompression of requests; nothing
//! here takes a compressed body.

use crate::error::ApiError;
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::str::FromStr;
use uuid::Uuid;

/// The most bytes of a spec's body: a spec is at most 256 KiB, and JSON may escape every byte of it.
pub(crate) const SPEC_BODY: usize = 2 * 1024 * 1024;

/// The most bytes of any other body.
pub(crate) const SMALL_BODY: usize = 16 * 1024;

/// How much of a body that is too large is read and thrown away, so that its sender gets to read the answer.
const DISCARDED: usize = 8 * 1024 * 1024;

/// Reads at most `most` bytes of a body.
pub(crate) async fn read(mut body: Body, headers: &HeaderMap, most: usize) -> Result<Bytes, ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced = announced.and_then(|text| text.parse::<usize>().ok()).unwrap_or_default();
    let mut kept = BytesMut::with_capacity(announced.min(most));
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|_| ApiError::bad_request("the body ended before it was complete; send it again"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        if seen <= most {
            kept.extend_from_slice(&data);
        } else if seen > most + DISCARDED || announced > most + DISCARDED {
            break;
        }
    }
    if seen > most { Err(ApiError::too_large(most)) } else { Ok(kept.freeze()) }
}

/// The media type of the body, without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A body that has to be empty or small, and is not looked at.
pub(crate) struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        read(body, &parts.headers, SMALL_BODY).await.map(|_| Self)
    }
}

/// The id in the path; what is no id names nothing.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text =
            Path::<String>::from_request_parts(parts, state).await.map(|Path(text)| text).unwrap_or_default();
        match Uuid::from_str(&text) {
            Ok(id) => Ok(Self(id)),
            Err(_) => Err(ApiError::not_found("such id (an id is a UUID)")),
        }
    }
}

/// The campaign's name in the path; what cannot be one names nothing.
pub(crate) struct CampaignName(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for CampaignName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text =
            Path::<String>::from_request_parts(parts, state).await.map(|Path(text)| text).unwrap_or_default();
        let fits = (1..=100).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if fits { Ok(Self(text)) } else { Err(ApiError::not_found("campaign of that name")) }
    }
}

/// An organisation's or user's login in the path, in lower case; what cannot be one names nothing.
pub(crate) struct Login(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Login {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text =
            Path::<String>::from_request_parts(parts, state).await.map(|Path(text)| text).unwrap_or_default();
        let fits = (1..=100).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if fits {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(ApiError::not_found("organisation of that login"))
        }
    }
}

/// How many items a page may have.
pub(crate) fn limit(asked: Option<u32>, default: u32, most: u32) -> Result<u32, ApiError> {
    match asked {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(ApiError::bad_request(format!("`limit` cannot be {limit}: it is 1 to {most}"))),
    }
}

/// States separated by commas; none where nothing is said.
pub(crate) fn states<T: FromStr<Err: std::fmt::Display>>(text: Option<&str>) -> Result<Vec<T>, ApiError> {
    let names = text.into_iter().flat_map(|text| text.split(',')).filter(|name| !name.is_empty());
    names
        .map(|name| name.parse().map_err(|error: T::Err| ApiError::bad_request(format!("`state`: {error}"))))
        .collect()
}

/// Whether the caller takes `wanted` rather than `other`; what is named first wins.
pub(crate) fn accepts_rather(accept: Option<&HeaderValue>, wanted: &str, other: &str) -> bool {
    let Some(accept) = accept.and_then(|value| value.to_str().ok()) else { return false };
    let place = |media: &str| {
        accept.split(',').position(|part| part.split(';').next().unwrap_or_default().trim() == media)
    };
    match (place(wanted), place(other)) {
        (Some(wanted), Some(other)) => wanted < other,
        (wanted, _) => wanted.is_some(),
    }
}
