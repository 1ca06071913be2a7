//! Commands: how far what somebody asked for is. Deliberately absent: submitting one, which its subject's route does.

use crate::{
    auth::{May, Reading},
    body::Id,
    error::ApiError,
    response,
    state::ApiState,
    wire::Command,
};
use axum::{extract::State, http::HeaderMap, response::Response};
use campaigns_domain::id::CommandId;

/// One command; it is done when every owner has acted on it.
#[utoipa::path(get, path = "/commands/{id}", tag = "commands",
    params(("id" = uuid::Uuid, Path, description = "The command's id")),
    responses((status = 200, body = Command), (status = 304, description = "It is as the caller has it")))]
pub(crate) async fn get(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let command = state.reads.command(CommandId(id)).await?;
    response::tagged(&headers, &command.ok_or_else(|| ApiError::not_found(format!("command {id}")))?)
}
