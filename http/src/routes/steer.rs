//! Pausing, resuming and cancelling: of one run, or of everything of a campaign that is under way.
//!
//! Deliberately absent: commands on single changesets.

use crate::{
    auth::{Caller, Cancelling, May, Pausing, Resuming},
    body::{CampaignName, Id, NoBody},
    error::ApiError,
    passage::RequestId,
    ports::{NewCommand, Steer, Steered},
    response,
    routes::runs::idempotency_key,
    state::ApiState,
    wire::Command,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use campaigns_domain::id::{CommandId, RunId};
use uuid::Uuid;

/// Pauses a run: nothing more is admitted or written for it, and what is sent already finishes. The same
/// `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/runs/{id}/pause", tag = "runs",
    params(("id" = Uuid, Path, description = "The run's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The run's owner is told")))]
pub(crate) async fn pause_run(
    May { caller, .. }: May<Pausing>,
    State(state): State<ApiState>,
    Id(id): Id,
    request_id: RequestId,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, ApiError> {
    run(&state, id, Steer::Pause, command(&caller, &request_id, &headers, &format!("pause/{id}"))?).await
}

/// Resumes a run that is paused. The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/runs/{id}/resume", tag = "runs",
    params(("id" = Uuid, Path, description = "The run's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The run's owner is told")))]
pub(crate) async fn resume_run(
    May { caller, .. }: May<Resuming>,
    State(state): State<ApiState>,
    Id(id): Id,
    request_id: RequestId,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, ApiError> {
    run(&state, id, Steer::Resume, command(&caller, &request_id, &headers, &format!("resume/{id}"))?).await
}

/// Cancels a run: no new attempt or write begins, and what runs is stopped. Asking again is asking once.
#[utoipa::path(post, path = "/runs/{id}/cancel", tag = "runs", params(("id" = Uuid, Path, description = "The run's id")),
    responses((status = 202, body = Command, description = "The run's owner is told")))]
pub(crate) async fn cancel_run(
    May { caller, .. }: May<Cancelling>,
    State(state): State<ApiState>,
    Id(id): Id,
    request_id: RequestId,
    _: NoBody,
) -> Result<Response, ApiError> {
    let command = NewCommand { id: CommandId(Uuid::new_v5(&id, b"cancel")), by: caller.signed(&request_id) };
    run(&state, id, Steer::Cancel, command).await
}

/// Pauses a campaign: nothing more is admitted or written for any run of it, those that are started later included,
/// until it is resumed. The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/campaigns/{name}/pause", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The owners are told")))]
pub(crate) async fn pause(
    May { caller, .. }: May<Pausing>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    request_id: RequestId,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, ApiError> {
    let command = command(&caller, &request_id, &headers, &format!("pause/{name}"))?;
    campaign(&state, &name, Steer::Pause, command).await
}

/// Resumes a campaign and all its runs. The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/campaigns/{name}/resume", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The owners are told")))]
pub(crate) async fn resume(
    May { caller, .. }: May<Resuming>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    request_id: RequestId,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, ApiError> {
    let command = command(&caller, &request_id, &headers, &format!("resume/{name}"))?;
    campaign(&state, &name, Steer::Resume, command).await
}

/// Cancels every run of a campaign that is under way. The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/campaigns/{name}/cancel", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The owners are told")))]
pub(crate) async fn cancel(
    May { caller, .. }: May<Cancelling>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    request_id: RequestId,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, ApiError> {
    let command = command(&caller, &request_id, &headers, &format!("cancel/{name}"))?;
    campaign(&state, &name, Steer::Cancel, command).await
}

/// A new command, named by the caller's key where it sent one.
pub(super) fn command(
    caller: &Caller,
    request_id: &RequestId,
    headers: &HeaderMap,
    scope: &str,
) -> Result<NewCommand, ApiError> {
    let key = idempotency_key(headers, caller.token.id, scope)?;
    let id = key.map_or_else(Uuid::now_v7, |key| Uuid::new_v5(&caller.token.id, key.as_str().as_bytes()));
    Ok(NewCommand { id: CommandId(id), by: caller.signed(request_id) })
}

async fn run(state: &ApiState, id: Uuid, steer: Steer, command: NewCommand) -> Result<Response, ApiError> {
    let steered = state.writes.steer_run(RunId(id), steer, command).await?;
    answer(state, steered, &format!("run {id}")).await
}

async fn campaign(
    state: &ApiState,
    name: &str,
    steer: Steer,
    command: NewCommand,
) -> Result<Response, ApiError> {
    let steered = state.writes.steer_campaign(name, steer, command).await?;
    answer(state, steered, &format!("campaign `{name}`")).await
}

async fn answer(state: &ApiState, steered: Steered, what: &str) -> Result<Response, ApiError> {
    match steered {
        Steered::Accepted(started) => {
            state.wake.wake(&started.wake).await;
            response::json(StatusCode::ACCEPTED, &started.command)
        }
        Steered::Ended(ended) => {
            Err(ApiError::conflict("run-ended", format!("{what} has ended already: it is {ended}")))
        }
        Steered::CampaignPaused { campaign, by } => Err(ApiError::conflict(
            "campaign-paused",
            format!(
                "{what} cannot be resumed: all of its campaign `{campaign}` is paused by {by}; resume the campaign"
            ),
        )),
        Steered::NoRun => Err(ApiError::conflict(
            "no-run",
            format!("{what} has no run under way, so there is none to cancel"),
        )),
        Steered::Nothing => Err(ApiError::not_found(what)),
    }
}
