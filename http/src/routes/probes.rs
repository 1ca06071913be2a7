//! Probes for Kubernetes and people, and the metrics. The probes need no token; the metrics do.
//!
//! Deliberately absent: GitHub, Redis, and anything else whose loss must not take every replica out at once.

use crate::{
    auth::{May, Metering},
    error::ApiError,
    response,
    serve::Draining,
    state::ApiState,
    wire::HealthState,
};
use axum::{
    Extension,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// Whether the process answers; it depends on nothing else.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Whether this server can serve: its database answers, its schema is right, and it is not stopping.
pub(crate) async fn ready(
    State(state): State<ApiState>,
    draining: Option<Extension<Draining>>,
) -> Result<Response, ApiError> {
    if draining.is_some_and(|Extension(draining)| draining.is_draining()) {
        return Err(ApiError::unavailable("the server is stopping; ask another one"));
    }
    match state.readiness.look(&state.version).await {
        (true, _) => Ok("ok\n".into_response()),
        (false, health) => {
            let bad = health.checks.iter().filter(|check| !check.ok);
            let words: Vec<String> = bad.map(|check| format!("{}: {}", check.name, check.detail)).collect();
            Err(ApiError::unavailable(format!("the server cannot serve now ({})", words.join("; "))))
        }
    }
}

/// What it needs and how that is, for people.
pub(crate) async fn health(
    State(state): State<ApiState>,
    draining: Option<Extension<Draining>>,
) -> Result<Response, ApiError> {
    let (_, mut health) = state.readiness.look(&state.version).await;
    if draining.is_some_and(|Extension(draining)| draining.is_draining()) {
        health.status = HealthState::Draining;
    }
    response::json(StatusCode::OK, &health)
}

/// The metrics, in Prometheus' text format.
pub(crate) async fn metrics(_: May<Metering>, State(state): State<ApiState>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, (state.metrics)()).into_response()
}
