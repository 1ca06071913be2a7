//! The audit log. Deliberately absent: writing or changing it.

use super::PAGE;
use crate::{
    auth::{Auditing, May},
    body, cursor,
    error::ApiError,
    query::Params,
    response,
    state::ApiState,
    wire::{AuditEntry, Page},
};
use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500 (100).
    limit: Option<u32>,
    /// Only what was done to this, such as `campaign/rename-main` or `run/ID`.
    subject: Option<String>,
}

/// Who did what, newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditQuery), responses((status = 200, body = Page<AuditEntry>)))]
pub(crate) async fn list(
    _: May<Auditing>,
    State(state): State<ApiState>,
    Params(query): Params<AuditQuery>,
) -> Result<Response, ApiError> {
    let limit = body::limit(query.limit, PAGE.0, PAGE.1)?;
    if query
        .subject
        .as_ref()
        .is_some_and(|subject| subject.len() > 200 || !subject.contains('/') || subject.contains('\0'))
    {
        return Err(ApiError::bad_request("`subject` is a kind and a name, such as `campaign/rename-main`"));
    }
    let before = cursor::decode(query.cursor.as_deref())?;
    response::page(state.reads.audit(query.subject.as_deref(), before, limit).await?)
}
