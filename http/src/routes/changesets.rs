//! Changesets: what a campaign proposes, repository by repository. Deliberately absent: the bulk verbs over them.

use super::{
    PAGE,
    artifacts::{self, Yield},
    targets::repository,
};
use crate::{
    auth::{May, Reading, Syncing},
    body::{self, CampaignName, Id, NoBody},
    cursor,
    error::ApiError,
    passage::RequestId,
    ports::{ChangesetFilter, ChangesetScope, NewCommand},
    query::Params,
    response,
    routes::runs::idempotency_key,
    state::ApiState,
    wire::{Changeset, Command, Diff, Page},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use campaigns_domain::id::{ChangesetId, CommandId, RunId, TargetId};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// Which changesets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesetQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500 (100).
    limit: Option<u32>,
    /// Only changesets in one of these states, separated by commas.
    state: Option<String>,
    /// Only these repositories: a pattern over `owner/name` or `name` with `*` and `?`; without either, a prefix.
    repository: Option<String>,
}

/// A campaign's changesets, in the order of their ids.
#[utoipa::path(get, path = "/campaigns/{name}/changesets", tag = "changesets",
    params(("name" = String, Path, description = "The campaign's name"), ChangesetQuery),
    responses((status = 200, body = Page<Changeset>)))]
pub(crate) async fn of_campaign(
    _: May<Reading>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    Params(query): Params<ChangesetQuery>,
) -> Result<Response, ApiError> {
    let missing = format!("campaign `{name}`");
    list(&state, &ChangesetScope::Campaign(name), query, missing).await
}

/// The changesets that a run proposed last, in the order of their ids.
#[utoipa::path(get, path = "/runs/{id}/changesets", tag = "changesets",
    params(("id" = Uuid, Path, description = "The run's id"), ChangesetQuery),
    responses((status = 200, body = Page<Changeset>)))]
pub(crate) async fn of_run(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    Params(query): Params<ChangesetQuery>,
) -> Result<Response, ApiError> {
    list(&state, &ChangesetScope::Run(RunId(id)), query, format!("run {id}")).await
}

/// One changeset.
#[utoipa::path(get, path = "/changesets/{id}", tag = "changesets",
    params(("id" = Uuid, Path, description = "The changeset's id")),
    responses((status = 200, body = Changeset), (status = 304, description = "It is as the caller has it")))]
pub(crate) async fn get(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    response::tagged(&headers, &one(&state, id).await?.0)
}

/// What a changeset proposes, as a unified diff.
#[utoipa::path(get, path = "/changesets/{id}/diff", tag = "changesets",
    params(("id" = Uuid, Path, description = "The changeset's id")),
    responses((status = 200, content((String = "text/x-diff"), (Diff = "application/json")))))]
pub(crate) async fn diff(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (changeset, attempt) = one(&state, id).await?;
    let target = TargetId(changeset.target_id);
    let base = state.reads.target(target).await?.map(|detail| detail.target.base).unwrap_or_default();
    let yielded = Yield { target, attempt, repository: changeset.repository, base, ended: true };
    artifacts::diff(&state, &headers, yielded).await
}

/// Has every open pull request of the campaign read afresh. The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/campaigns/{name}/sync", tag = "changesets",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    responses((status = 202, body = Command, description = "The owners are told")))]
pub(crate) async fn sync(
    May { caller, .. }: May<Syncing>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    request_id: RequestId,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers, caller.token.id, &format!("sync/{name}"))?;
    let id = key.map_or_else(Uuid::now_v7, |key| Uuid::new_v5(&caller.token.id, key.as_str().as_bytes()));
    let command = NewCommand { id: CommandId(id), by: caller.signed(&request_id) };
    let started = state.writes.sync(&name, command).await?;
    let started = started.ok_or_else(|| ApiError::not_found(format!("campaign `{name}`")))?;
    state.wake.wake(&started.wake).await;
    response::json(StatusCode::ACCEPTED, &started.command)
}

async fn one(state: &ApiState, id: Uuid) -> Result<(Changeset, u32), ApiError> {
    let changeset = state.reads.changeset(ChangesetId(id)).await?;
    changeset.ok_or_else(|| ApiError::not_found(format!("changeset {id}")))
}

async fn list(
    state: &ApiState,
    scope: &ChangesetScope,
    query: ChangesetQuery,
    missing: String,
) -> Result<Response, ApiError> {
    let limit = body::limit(query.limit, PAGE.0, PAGE.1)?;
    let filter = ChangesetFilter {
        states: body::states(query.state.as_deref())?,
        repository: repository(query.repository.as_deref())?,
    };
    let after = cursor::decode(query.cursor.as_deref())?;
    let listed = state.reads.changesets(scope, &filter, after, limit).await?;
    response::page(listed.ok_or_else(|| ApiError::not_found(missing))?)
}
