//! Errors as people and programs get them: one constructor per kind, each worded with what to do.
//!
//! The answer's body is written in one place (`passage`), which knows the path and the request's id. Deliberately
//! absent: anything internal; what the database said goes to the log.

use crate::{
    ports::StoreError,
    wire::{Problem, SpecFault},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// So much of what was given is shown, in characters.
const SHOWN: usize = 40;

/// An error on its way to the caller.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    pub(crate) detail: String,
    pub(crate) errors: Vec<SpecFault>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), errors: vec![] }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        let detail = format!("there is no {what}, or this token may not see it");
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(crate) fn conflict(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, detail)
    }

    pub(crate) fn bad_spec(detail: impl Into<String>, errors: Vec<SpecFault>) -> Self {
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-spec", detail);
        error.errors = errors;
        error
    }

    pub(crate) fn too_large(most: usize) -> Self {
        let detail = format!("the body is too large: at most {most} bytes are read here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    pub(crate) fn internal() -> Self {
        let detail = "something went wrong inside the server; its log has the details under the request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    /// What a status that was set without a problem means: an unknown route, a wrong method, a timeout.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (kind, detail) = match status {
            StatusCode::NOT_FOUND => {
                ("not-found", "there is no such route; GET /api/v1/openapi.json describes those there are")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method-not-allowed", "the route does not know this method; `Allow` names those it does")
            }
            StatusCode::SERVICE_UNAVAILABLE => ("timeout", "the server took too long and gave up; try again"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("unsupported-media-type", "the route does not read this content type")
            }
            status if status.is_server_error() => return Self { status, ..Self::internal() },
            _ => ("bad-request", "the request cannot be read as it is"),
        };
        Self::new(status, kind, detail)
    }

    pub(crate) fn problem(&self) -> Problem {
        Problem {
            kind: format!("/problems/{}", self.kind),
            title: self.kind.replace('-', " "),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: String::new(),
            request_id: String::new(),
            errors: self.errors.clone(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"campaigns\""));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %error, "a request could not be served");
        match error {
            StoreError::Unavailable(_) => Self::unavailable(
                "the database did not answer; nothing was changed that you were not told of: try again",
            ),
            StoreError::Corrupt(_) => Self::internal(),
        }
    }
}

impl From<campaigns_actors::ports::ArtifactError> for ApiError {
    fn from(error: campaigns_actors::ports::ArtifactError) -> Self {
        tracing::error!(error = %error, "an artifact could not be read");
        Self::unavailable("the artifact store did not answer; try again")
    }
}

/// As much of a text as is shown of what somebody gave.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
