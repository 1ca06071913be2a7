//! What every request passes on its way in and every answer on its way out: a request id, a span and a log line,
//! the bounds on its address, security headers, and errors as problem+json.
//!
//! Deliberately absent: who calls (`auth`). Queries and headers are never logged.

use crate::{error::ApiError, wire::PROBLEM_JSON};
use axum::{
    body::Body,
    extract::{FromRequestParts, MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{convert::Infallible, time::Instant};
use tracing::Instrument;
use uuid::Uuid;

/// The header that carries a request's id in both directions.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest path and query, in bytes.
const MOST_ADDRESS: usize = 8 * 1024;

/// A request's id: the caller's if it sent a sound one, ours otherwise.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let sound = |text: &&str| {
            (1..=128).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        };
        Self(given.filter(sound).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

/// The outermost layer.
pub(crate) async fn pass(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| String::from("unknown"));
    let fits = request.uri().path_and_query().is_none_or(|address| address.as_str().len() <= MOST_ADDRESS);
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request_id = %id.0, method = %method, route = %route);
    let began = Instant::now();
    let response = if fits {
        next.run(request).instrument(span.clone()).await
    } else {
        let detail = format!("the path and query are longer than {MOST_ADDRESS} bytes");
        ApiError::new(StatusCode::URI_TOO_LONG, "too-long", detail).into_response()
    };
    let status = response.status();
    let took = began.elapsed();
    metrics::counter!("campaigns_http_requests_total", "method" => method.to_string(), "route" => route.clone(),
        "status" => status.as_u16().to_string())
    .increment(1);
    metrics::histogram!("campaigns_http_request_duration_seconds", "route" => route)
        .record(took.as_secs_f64());
    span.in_scope(|| {
        tracing::debug!(
            status = status.as_u16(),
            duration_ms = took.as_secs_f64() * 1000.0,
            "request answered"
        );
    });
    finish(response, &id, &path)
}

/// Writes the body of an error and the headers of every answer.
fn finish(mut response: Response, id: &RequestId, path: &str) -> Response {
    let status = response.status();
    let problem = response.extensions_mut().remove::<ApiError>();
    if problem.is_some() || status.is_client_error() || status.is_server_error() {
        let mut problem = problem.unwrap_or_else(|| ApiError::of_status(status)).problem();
        problem.instance = path.chars().take(200).collect();
        problem.request_id.clone_from(&id.0);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        *response.body_mut() = Body::from(body);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, id);
    }
    let always = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        // An answer belongs to one token: no shared cache keeps it, and a private one asks again.
        (header::CACHE_CONTROL, "private, no-cache"),
    ];
    for (name, value) in always {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::VARY).or_insert(HeaderValue::from_static("accept, authorization"));
    response
}
