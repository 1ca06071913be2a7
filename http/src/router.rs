//! The router: the API behind its gate, the probes and webhooks beside it, and what every request passes around both.
//!
//! Deliberately absent: the pages of the user interface.

use crate::{
    auth,
    error::ApiError,
    openapi, passage,
    routes::{probes, webhooks},
    state::ApiState,
};
use axum::{
    Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, DefaultPredicate, Predicate, predicate::SizeAbove},
    timeout::TimeoutLayer,
};

/// Every route of the server.
pub fn router(state: ApiState) -> Router {
    let (gated, described) = openapi::api();
    let gated = gated
        .route("/metrics", get(probes::metrics))
        .route_layer(from_fn_with_state(state.clone(), auth::authenticate));
    let open = described
        .route("/livez", get(probes::live))
        .route("/readyz", get(probes::ready))
        .route("/healthz", get(probes::health))
        .route("/webhooks/github", post(webhooks::receive));
    let around = ServiceBuilder::new()
        .layer(from_fn(passage::pass))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(1024))))
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, state.settings.timeout));
    gated.merge(open).fallback(unknown).layer(around).with_state(state)
}

async fn unknown() -> ApiError {
    ApiError::of_status(StatusCode::NOT_FOUND)
}
