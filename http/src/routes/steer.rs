//! Pausing, resuming and cancelling: of one run, or of everything of a campaign that is under way.
//!
//! Deliberately absent: commands on single changesets.

use crate::{
    auth::{Cancelling, Pausing, Resuming},
    body::{CampaignName, Id, NoBody},
    error::ApiError,
    ports::{NewCommand, Steer, Steered},
    response,
    routes::commanding::Commanding,
    state::ApiState,
    wire::Command,
};
use axum::{extract::State, http::StatusCode, response::Response};
use campaigns_domain::id::RunId;
use uuid::Uuid;

/// Pauses a run: nothing more is admitted or written for it, and what is sent already finishes. The same
/// `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/runs/{id}/pause", tag = "runs",
    params(("id" = Uuid, Path, description = "The run's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The run's owner is told")))]
pub(crate) async fn pause_run(
    asker: Commanding<Pausing>,
    State(state): State<ApiState>,
    Id(id): Id,
    _: NoBody,
) -> Result<Response, ApiError> {
    run(&state, id, Steer::Pause, asker.command(&format!("pause/{id}"))?).await
}

/// Resumes a run that is paused. The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/runs/{id}/resume", tag = "runs",
    params(("id" = Uuid, Path, description = "The run's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The run's owner is told")))]
pub(crate) async fn resume_run(
    asker: Commanding<Resuming>,
    State(state): State<ApiState>,
    Id(id): Id,
    _: NoBody,
) -> Result<Response, ApiError> {
    run(&state, id, Steer::Resume, asker.command(&format!("resume/{id}"))?).await
}

/// Cancels a run: no new attempt or write begins, and what runs is stopped. Asking again is asking once.
#[utoipa::path(post, path = "/runs/{id}/cancel", tag = "runs", params(("id" = Uuid, Path, description = "The run's id")),
    responses((status = 202, body = Command, description = "The run's owner is told")))]
pub(crate) async fn cancel_run(
    asker: Commanding<Cancelling>,
    State(state): State<ApiState>,
    Id(id): Id,
    _: NoBody,
) -> Result<Response, ApiError> {
    run(&state, id, Steer::Cancel, asker.named(Uuid::new_v5(&id, b"cancel"))).await
}

/// Pauses a campaign: nothing more is admitted or written for any run of it, those that are started later included,
/// until it is resumed. The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/campaigns/{name}/pause", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The owners are told")))]
pub(crate) async fn pause(
    asker: Commanding<Pausing>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    _: NoBody,
) -> Result<Response, ApiError> {
    campaign(&state, &name, Steer::Pause, asker.command(&format!("pause/{name}"))?).await
}

/// Resumes a campaign and all its runs. The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/campaigns/{name}/resume", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The owners are told")))]
pub(crate) async fn resume(
    asker: Commanding<Resuming>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    _: NoBody,
) -> Result<Response, ApiError> {
    campaign(&state, &name, Steer::Resume, asker.command(&format!("resume/{name}"))?).await
}

/// Cancels every run of a campaign that is under way. The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/campaigns/{name}/cancel", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The owners are told")))]
pub(crate) async fn cancel(
    asker: Commanding<Cancelling>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    _: NoBody,
) -> Result<Response, ApiError> {
    campaign(&state, &name, Steer::Cancel, asker.command(&format!("cancel/{name}"))?).await
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
