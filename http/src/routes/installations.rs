//! Where the GitHub App is installed. Deliberately absent: changing that.

use super::{PAGE, Paging};
use crate::{
    auth::{May, Reading},
    body, cursor,
    error::ApiError,
    query::Params,
    response,
    state::ApiState,
    wire::{Installation, Page},
};
use axum::{extract::State, response::Response};

/// The App's installations by organisation: what each may do, and what holds one up. Empty where no App is in use.
#[utoipa::path(get, path = "/installations", tag = "access", params(Paging),
    responses((status = 200, body = Page<Installation>)))]
pub(crate) async fn list(
    _: May<Reading>,
    State(state): State<ApiState>,
    Params(paging): Params<Paging>,
) -> Result<Response, ApiError> {
    let limit = body::limit(paging.limit, PAGE.0, PAGE.1)?;
    let after: Option<String> = cursor::decode(paging.cursor.as_deref())?;
    response::page(state.reads.installations(after, limit).await?)
}
