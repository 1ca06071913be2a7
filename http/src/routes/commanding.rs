//! Whoever asks for a command, and what names it: the same `Idempotency-Key` of the same token is the same command.
//!
//! Deliberately absent: what is asked for.

use crate::{
    auth::{Action, May, Permission},
    error::ApiError,
    passage::RequestId,
    ports::NewCommand,
    routes::runs::idempotency_key,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use campaigns_domain::id::CommandId;
use uuid::Uuid;

/// Somebody who may ask for this.
pub(crate) struct Commanding<P> {
    may: May<P>,
    request_id: RequestId,
    headers: HeaderMap,
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for Commanding<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let may = May::from_request_parts(parts, state).await?;
        let Ok(request_id) = RequestId::from_request_parts(parts, state).await;
        Ok(Self { may, request_id, headers: parts.headers.clone() })
    }
}

impl<P> Commanding<P> {
    /// Refuses whoever may not do this, where only the request's body says what it is.
    pub(super) fn require(&self, action: Action) -> Result<(), ApiError> {
        self.may.caller.require(action)
    }

    /// A new command within this scope, named by the caller's key where it sent one.
    pub(super) fn command(&self, scope: &str) -> Result<NewCommand, ApiError> {
        let token = self.may.caller.token.id;
        let key = idempotency_key(&self.headers, token, scope)?;
        let id = key.map_or_else(Uuid::now_v7, |key| Uuid::new_v5(&token, key.as_str().as_bytes()));
        Ok(self.named(id))
    }

    /// The command of this id, however often it is asked for.
    pub(super) fn named(&self, id: Uuid) -> NewCommand {
        NewCommand { id: CommandId(id), by: self.may.caller.signed(&self.request_id) }
    }
}
