//! A run's events: as a live stream (Server-Sent Events), or as a page for whoever asks for JSON.
//!
//! Deliberately absent: filters; a client that skips events cannot fold them.

use crate::{
    auth::{May, Reading},
    body::{self, Id},
    error::ApiError,
    live::{self, Watching},
    ports::{Positions, Progress},
    query::Params,
    response,
    serve::Draining,
    state::ApiState,
    wire::EventPage,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use campaigns_domain::id::RunId;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Only events behind this cursor (an event's `id` or a page's `next`); `Last-Event-ID` comes before it.
    after: Option<String>,
    /// How many items a page has, 1 to 1,000 (200); not for the stream.
    limit: Option<u32>,
}

/// A run's events behind a cursor: a page with `Accept: application/json`, a live stream otherwise. On the stream
/// an event's `id` is the cursor behind it, and the last event is `end`.
#[utoipa::path(get, path = "/runs/{id}/events", tag = "runs",
    params(("id" = Uuid, Path, description = "The run's id"), EventQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The cursor of the last event that the client has")),
    responses((status = 200, content((String = "text/event-stream"), (EventPage = "application/json")))))]
pub(crate) async fn events(
    May { caller, .. }: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    Params(query): Params<EventQuery>,
    draining: Option<Extension<Draining>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = RunId(id);
    let after = after(run, &headers, query.after.as_deref())?;
    let limit = body::limit(query.limit, 200, 1000)?;
    let progress =
        state.events.progress(run).await?.ok_or_else(|| ApiError::not_found(format!("run {id}")))?;
    if !after.is_within(&progress.positions) {
        let detail = "the cursor is ahead of the run's events (the server may have been restored from a backup); \
                      leave it out to begin anew";
        return Err(ApiError::bad_request(detail));
    }
    if body::accepts_rather(headers.get(header::ACCEPT), "application/json", "text/event-stream") {
        return page(&state, run, after, progress, limit).await;
    }
    let token = caller.token.sha256;
    let draining = draining.map(|Extension(draining)| draining);
    let watching = Watching { run, after, progress, gate: state.gate.clone(), token, draining };
    let Some(stream) = live::stream(&state.hub, watching) else {
        let detail = "this server has as many live streams open as it takes; try again, or ask for pages with \
                      `Accept: application/json`";
        return Err(ApiError::unavailable(detail));
    };
    let kind = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx buffers answers unless told not to.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((kind, Body::from_stream(stream)).into_response())
}

fn after(run: RunId, headers: &HeaderMap, query: Option<&str>) -> Result<Positions, ApiError> {
    let header = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    let header = header.filter(|text| !text.is_empty()).map(|text| ("Last-Event-ID", text));
    match header.or(query.map(|text| ("after", text))) {
        None => Ok(Positions::START),
        Some((name, text)) => live::decode(run, text)
            .map_err(|error| ApiError::bad_request(format!("`{name}` cannot be read: {error}"))),
    }
}

async fn page(
    state: &ApiState,
    run: RunId,
    mut after: Positions,
    progress: Progress,
    limit: u32,
) -> Result<Response, ApiError> {
    let rows = state.events.events(run, &after, &progress.positions, limit).await?;
    if rows.is_empty() {
        after = progress.positions.clone();
    }
    let items = rows.into_iter().map(|row| live::wire_event(run, row, &mut after)).collect();
    let ended = progress.ended.is_some() && progress.positions.is_within(&after);
    response::json(StatusCode::OK, &EventPage { items, next: live::encode(run, &after), ended })
}
