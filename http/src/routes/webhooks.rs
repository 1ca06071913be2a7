//! `POST /webhooks/github`: what the code host tells by itself. A delivery is verified, kept as one row and
//! acknowledged; whoever owns it acts on it later.
//!
//! The code host waits ten seconds and does not try again by itself, so nothing here waits for anything but the row.
//! Deliberately absent: a token. The signature over the body is the proof of who sends.

use crate::{
    body,
    error::ApiError,
    ports::{Delivery, Hint, Received},
    state::ApiState,
    webhook::payload,
};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::time::Duration;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// GitHub sends nothing larger ("Webhook payloads are capped at 25 MB").
const LARGEST: usize = 25 * 1024 * 1024;

/// How much of bodies is held in memory at once, in KiB, before anybody has proved who they are.
static ROOM: Semaphore = Semaphore::const_new(128 * 1024);

/// How long a body may wait for room and take to arrive; GitHub itself gives up after ten seconds.
const PATIENCE: Duration = Duration::from_secs(9);

/// Takes one delivery.
pub(crate) async fn receive(State(state): State<ApiState>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let outcome = take(&state, &headers, body).await;
    let told = match &outcome {
        Ok(Received::New) => "new",
        Ok(Received::Waiting | Received::Processed) => "again",
        Err(error) if error.status == StatusCode::UNAUTHORIZED => "unsigned",
        Err(error) if error.status.is_server_error() => "failed",
        Err(_) => "refused",
    };
    metrics::counter!("campaigns_webhooks_total", "outcome" => told).increment(1);
    outcome.map(|_| StatusCode::ACCEPTED.into_response())
}

async fn take(state: &ApiState, headers: &HeaderMap, body: Body) -> Result<Received, ApiError> {
    let secrets = &state.settings.webhook_secrets;
    if secrets.is_empty() {
        let detail = "this server takes no webhooks: start it with `--webhook-secret-file` (pull requests are followed \
                      without them, only later)";
        return Err(ApiError::new(StatusCode::NOT_FOUND, "no-webhooks", detail));
    }
    let unsigned = || {
        let detail = "the delivery is not signed with a secret of this server: the webhook's secret at GitHub and the \
                      server's `--webhook-secret-file` have to be the same";
        ApiError::unauthorized(detail)
    };
    let signature = only(headers, "x-hub-signature-256").ok_or_else(unsigned)?;
    let bytes = gather(headers, body).await?;
    if !secrets.signed(&bytes, signature) {
        return Err(unsigned());
    }
    let delivery = understand(headers, &bytes)?;
    drop(bytes);
    let received = state.webhooks.receive(&delivery).await?;
    if received != Received::Processed && delivery.hint != Hint::Nothing {
        let (wake, shard) = (state.wake.clone(), delivery.shard());
        // A wake-up may take its time or be lost; the answer does not wait for it.
        tokio::spawn(async move { wake.wake(&[shard]).await });
    }
    Ok(received)
}

/// Reads the body, once there is room for it.
async fn gather(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let size = announced.and_then(|text| text.parse::<usize>().ok()).unwrap_or(LARGEST).min(LARGEST);
    let needed = u32::try_from(size / 1024 + 1).unwrap_or(u32::MAX);
    let reading = async {
        let room = ROOM.acquire_many(needed).await;
        let bytes = body::read(body, headers, size).await;
        drop(room);
        bytes
    };
    let late = |_| {
        ApiError::unavailable(
            "the body took too long to arrive, or there were too many at once; deliver it again",
        )
    };
    tokio::time::timeout(PATIENCE, reading).await.map_err(late)?
}

/// The delivery in a verified body.
fn understand(headers: &HeaderMap, bytes: &[u8]) -> Result<Delivery, ApiError> {
    let event = only(headers, "x-github-event").filter(|event| {
        (1..=100).contains(&event.len())
            && event.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    let event = event.ok_or_else(|| ApiError::bad_request("`X-GitHub-Event` has to name the event"))?;
    let id = only(headers, "x-github-delivery").and_then(|text| Uuid::parse_str(text).ok());
    let id = id.ok_or_else(|| ApiError::bad_request("`X-GitHub-Delivery` has to be the delivery's GUID"))?;
    let told = payload::read(event, bytes).map_err(|error| match body::media_type(headers).as_str() {
        "application/x-www-form-urlencoded" => ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the webhook sends forms: choose the content type `application/json` in its settings at GitHub",
        ),
        _ => ApiError::bad_request(match (error.line(), error.column()) {
            (0, _) => "the payload is no JSON object".to_owned(),
            (line, column) => format!("the payload is no JSON object (line {line}, column {column})"),
        }),
    })?;
    let app = only(headers, "x-github-hook-installation-target-id").and_then(|text| text.parse::<u64>().ok());
    let app = app.filter(|app| i64::try_from(*app).is_ok()).unwrap_or_default();
    let payload::Told { action, installation, organization, hint } = told;
    Ok(Delivery { app, id, event: event.to_owned(), action, installation, organization, hint })
}

/// A header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.to_str().ok()).flatten()
}
