//! The gate that every request to the API passes: a bearer token becomes a caller, or the request ends here.
//!
//! Tokens that were found usable are remembered for [`CACHED_FOR`]; refused ones are not remembered. Deliberately
//! absent: what callers may do (`roles`).

use super::{
    Secret,
    roles::{Action, Permission, allows, least},
};
use crate::{
    error::ApiError,
    passage::RequestId,
    ports::{Access, Signed, StoreError, Token},
    state::ApiState,
    wire::Whoami,
};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};
use std::{
    collections::HashMap,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

/// How long a token is believed without asking the store again; the longest time until a revocation takes effect.
pub const CACHED_FOR: Duration = Duration::from_secs(5);

/// How many tokens are remembered at once.
const REMEMBERED: usize = 10_000;

/// Turns tokens into callers.
pub struct Gate {
    access: Arc<dyn Access>,
    known: Mutex<HashMap<[u8; 32], (Instant, Token)>>,
}

impl Gate {
    /// A gate before these tokens.
    pub fn new(access: Arc<dyn Access>) -> Self {
        Self { access, known: Mutex::default() }
    }

    /// The usable token with this digest.
    pub async fn look_up(&self, sha256: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        let now = Instant::now();
        if let Some((until, token)) = self.known().get(sha256)
            && now < *until
            && token.expires.is_none_or(|expires| chrono::Utc::now() < expires)
        {
            return Ok(Some(token.clone()));
        }
        let found = self.access.token(sha256).await?;
        let found = found.filter(|token| token.usable && bool::from(token.sha256.ct_eq(sha256)));
        let mut known = self.known();
        match &found {
            Some(token) => {
                if known.len() >= REMEMBERED {
                    known.retain(|_, (until, _)| now < *until);
                }
                if known.len() < REMEMBERED {
                    known.insert(*sha256, (now + CACHED_FOR, token.clone()));
                }
            }
            None => {
                known.remove(sha256);
            }
        }
        Ok(found)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], (Instant, Token)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let refused = "send `Authorization: Bearer TOKEN` with a token of this server that has not been revoked; the \
                       first one is in the file that `campaigns serve` names when it starts";
        let header =
            headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some((scheme, text)) = header.split_once(' ') else {
            return Err(ApiError::unauthorized(refused));
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::unauthorized(refused));
        }
        let secret: Secret = text.trim().parse().map_err(|_| ApiError::unauthorized(refused))?;
        match self.look_up(&secret.sha256()).await? {
            Some(token) => Ok(Caller { token: Arc::new(token) }),
            None => Err(ApiError::unauthorized(refused)),
        }
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) token: Arc<Token>,
}

impl Caller {
    /// Refuses what the caller may not do.
    pub(crate) fn require(&self, action: Action) -> Result<(), ApiError> {
        if allows(self.token.role, action) {
            return Ok(());
        }
        let (name, role, needed) = (&self.token.name, self.token.role, least(action));
        let words = action.words();
        let detail =
            format!("the token `{name}` has the role {role} and may not {words}; it needs the role {needed}");
        Err(ApiError::forbidden(detail))
    }

    /// The caller as the audit log names it.
    pub(crate) fn signed(&self, request: &RequestId) -> Signed {
        Signed { actor: self.token.name.clone(), token: Some(self.token.id), request_id: request.0.clone() }
    }

    pub(crate) fn who(&self) -> Whoami {
        let Token { id, name, role, expires, .. } = &*self.token;
        Whoami { token_id: *id, name: name.clone(), role: *role, expires_at: *expires }
    }
}

/// A caller that may do `P`; the first argument of every handler behind the gate.
pub(crate) struct May<P> {
    pub(crate) caller: Caller,
    permission: PhantomData<P>,
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for May<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Without the gate in front there is no caller, and nothing is allowed.
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(ApiError::internal)?;
        caller.require(P::ACTION)?;
        Ok(Self { caller, permission: PhantomData })
    }
}

/// The layer in front of every route that needs a token.
pub(crate) async fn authenticate(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = state.gate.caller(request.headers()).await?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}
