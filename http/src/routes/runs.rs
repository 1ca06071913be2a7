//! Runs: creating and reading them. Deliberately absent: pausing, resuming and cancelling them (`steer`).

use super::{PAGE, Paging};
use crate::{
    auth::{Action, May, Reading, Starting},
    body::{self, CampaignName, Id},
    cursor,
    error::ApiError,
    json::JsonBody,
    passage::RequestId,
    ports::{CreatedRun, IdempotencyKey, NewRun},
    query::Params,
    response,
    state::ApiState,
    wire::{CreateRun, Page, Run},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use campaigns_domain::{
    execution::run::RunOptions,
    id::{Digest, RunId, Shard},
    spec::Glob,
};
use uuid::Uuid;

/// The largest window.
const MOST_WINDOW: u32 = 10_000;

/// A campaign's runs, newest first.
#[utoipa::path(get, path = "/campaigns/{name}/runs", tag = "runs",
    params(("name" = String, Path, description = "The campaign's name"), Paging),
    responses((status = 200, body = Page<Run>)))]
pub(crate) async fn list(
    _: May<Reading>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    Params(paging): Params<Paging>,
) -> Result<Response, ApiError> {
    let limit = body::limit(paging.limit, PAGE.0, PAGE.1)?;
    let listed = state.reads.runs(&name, cursor::decode(paging.cursor.as_deref())?, limit).await?;
    response::page(listed.ok_or_else(|| ApiError::not_found(format!("campaign `{name}`")))?)
}

/// Starts a run of the spec in force. A run of the whole campaign closes, once its targets are done, what earlier
/// versions proposed and this one leaves out or leaves unchanged; a dry run tells what that would be (event `run.pruned`).
/// The same `Idempotency-Key` with the same body is the same run.
#[utoipa::path(post, path = "/campaigns/{name}/runs", tag = "runs",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    request_body = CreateRun,
    responses((status = 201, body = Run, description = "The run is new"),
        (status = 200, body = Run, description = "The same request created it before")))]
pub(crate) async fn create(
    May { caller, .. }: May<Starting>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    request_id: RequestId,
    headers: HeaderMap,
    JsonBody { value: asked }: JsonBody<CreateRun>,
) -> Result<Response, ApiError> {
    if !asked.dry_run {
        caller.require(Action::StartRun)?;
    }
    let window = asked.window.unwrap_or(state.settings.window);
    if !(1..=MOST_WINDOW).contains(&window) {
        return Err(ApiError::bad_request(format!("`window` is 1 to {MOST_WINDOW}")));
    }
    if let Some(only) = &asked.only {
        only.parse::<Glob>().map_err(|error| ApiError::bad_request(format!("`only`: {error}")))?;
    }
    let fingerprint = Digest::of(&serde_json::to_vec(&asked).map_err(|_| ApiError::internal())?);
    let key = idempotency_key(&headers, caller.token.id, &format!("runs/{name}"))?;
    let new = NewRun {
        id: RunId(Uuid::now_v7()),
        campaign: name.clone(),
        window,
        options: RunOptions {
            only: asked.only,
            dry_run: asked.dry_run,
            prune: asked.prune,
            each: asked.window.is_none(),
            no_container: state.settings.no_container,
            ..RunOptions::default()
        },
        key: key.map(|key| (key, fingerprint)),
    };
    match state.writes.create_run(&caller.signed(&request_id), new).await? {
        CreatedRun::Created(run) => {
            state.wake.wake(&[Shard::of_run(RunId(run.id))]).await;
            response::json(StatusCode::CREATED, &*run)
        }
        CreatedRun::Existing(run) => response::json(StatusCode::OK, &*run),
        CreatedRun::KeyReused => Err(ApiError::conflict(
            "key-reused",
            "this Idempotency-Key was used for a request with another body; use a new key for a new request",
        )),
        CreatedRun::NoCampaign => Err(ApiError::not_found(format!("campaign `{name}`"))),
    }
}

/// One run, with its totals.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", params(("id" = Uuid, Path, description = "The run's id")),
    responses((status = 200, body = Run), (status = 304, description = "It is as the caller has it")))]
pub(crate) async fn get(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = state.reads.run(RunId(id)).await?;
    response::tagged(&headers, &run.ok_or_else(|| ApiError::not_found(format!("run {id}")))?)
}

/// The caller's key, if it sent one.
pub(super) fn idempotency_key(
    headers: &HeaderMap,
    token: Uuid,
    scope: &str,
) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    IdempotencyKey::new(token, scope, text)
        .map(Some)
        .map_err(|error| ApiError::bad_request(error.to_string()))
}
