//! Targets: lists and single ones, with their diffs and logs. Deliberately absent: changing one.

use super::PAGE;
use super::artifacts::{self, Yield};
use crate::{
    auth::{May, Reading},
    body::{self, Id},
    cursor,
    error::ApiError,
    ports::{RepositoryFilter, TargetFilter},
    query::Params,
    response,
    state::ApiState,
    wire::{Diff, Page, Target, TargetDetail},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use campaigns_domain::id::{RunId, TargetId};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// Which targets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TargetQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500 (100).
    limit: Option<u32>,
    /// Only targets in one of these states, separated by commas.
    state: Option<String>,
    /// Only these repositories: a pattern over `owner/name` or `name` with `*` and `?`; without either, a prefix.
    repository: Option<String>,
}

/// Which attempt.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttemptQuery {
    /// The attempt, from 1; the last one where absent.
    attempt: Option<u32>,
}

/// Which part of which log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// The attempt, from 1; the last one where absent.
    attempt: Option<u32>,
    /// The first byte, from 0.
    from: Option<u64>,
    /// How many bytes at most, 1 to 4,194,304 (1,048,576).
    limit: Option<u32>,
}

/// A run's targets, in their order of admission.
#[utoipa::path(get, path = "/runs/{id}/targets", tag = "targets",
    params(("id" = Uuid, Path, description = "The run's id"), TargetQuery),
    responses((status = 200, body = Page<Target>)))]
pub(crate) async fn list(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    Params(query): Params<TargetQuery>,
) -> Result<Response, ApiError> {
    let limit = body::limit(query.limit, PAGE.0, PAGE.1)?;
    let filter = TargetFilter {
        states: body::states(query.state.as_deref())?,
        repository: repository(query.repository.as_deref())?,
    };
    let after = cursor::decode(query.cursor.as_deref())?;
    let listed = state.reads.targets(RunId(id), &filter, after, limit).await?;
    response::page(listed.ok_or_else(|| ApiError::not_found(format!("run {id}")))?)
}

/// One target with its executions.
#[utoipa::path(get, path = "/targets/{id}", tag = "targets", params(("id" = Uuid, Path, description = "The target's id")),
    responses((status = 200, body = TargetDetail), (status = 304, description = "It is as the caller has it")))]
pub(crate) async fn get(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    response::tagged(&headers, &one(&state, id).await?)
}

/// What a target's steps changed, as a unified diff.
#[utoipa::path(get, path = "/targets/{id}/diff", tag = "targets",
    params(("id" = Uuid, Path, description = "The target's id"), AttemptQuery),
    responses((status = 200, content((String = "text/x-diff"), (Diff = "application/json")))))]
pub(crate) async fn diff(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    Params(query): Params<AttemptQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let yielded = yielded(one(&state, id).await?, query.attempt)?;
    artifacts::diff(&state, &headers, yielded).await
}

/// What a target's steps wrote, from byte `from` on. The headers `log-size`, `log-next` (where to go on) and
/// `log-complete` (whether nothing more will come) say how far it is.
#[utoipa::path(get, path = "/targets/{id}/log", tag = "targets",
    params(("id" = Uuid, Path, description = "The target's id"), LogQuery),
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn log(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    Params(query): Params<LogQuery>,
) -> Result<Response, ApiError> {
    let yielded = yielded(one(&state, id).await?, query.attempt)?;
    let limit = body::limit(query.limit, 1024 * 1024, 4 * 1024 * 1024)?;
    artifacts::log(&state, yielded, query.from.unwrap_or_default(), limit).await
}

/// The pattern over repositories, if there is one.
pub(super) fn repository(text: Option<&str>) -> Result<Option<RepositoryFilter>, ApiError> {
    text.map(RepositoryFilter::new).transpose().map_err(ApiError::bad_request)
}

async fn one(state: &ApiState, id: Uuid) -> Result<TargetDetail, ApiError> {
    let target = state.reads.target(TargetId(id)).await?;
    target.ok_or_else(|| ApiError::not_found(format!("target {id}")))
}

fn yielded(detail: TargetDetail, attempt: Option<u32>) -> Result<Yield, ApiError> {
    let attempt = attempt.unwrap_or(detail.target.attempt);
    let execution = detail.executions.iter().find(|execution| execution.attempt == attempt);
    let ended = execution.is_some_and(|execution| execution.state.is_end());
    if attempt == 0 || attempt > detail.target.attempt {
        let target = &detail.target;
        let what = match attempt {
            0 => format!("attempt of target {} yet: it is {} ({})", target.id, target.state, target.reason),
            _ => format!("attempt {attempt} of target {}: the last one is {}", target.id, target.attempt),
        };
        return Err(ApiError::not_found(what));
    }
    let Target { id, repository, base, .. } = detail.target;
    Ok(Yield { target: TargetId(id), attempt, repository, base, ended })
}
