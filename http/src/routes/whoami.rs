//! Who the caller is. Deliberately absent: other tokens.

use crate::{
    auth::{May, Reading},
    error::ApiError,
    response,
    wire::Whoami,
};
use axum::{http::HeaderMap, response::Response};

/// The caller's token, without its text.
#[utoipa::path(get, path = "/whoami", tag = "access", responses((status = 200, body = Whoami)))]
pub(crate) async fn get(May { caller, .. }: May<Reading>, headers: HeaderMap) -> Result<Response, ApiError> {
    response::tagged(&headers, &caller.who())
}
