//! A request from its intent to an answer that counts: which name the repository has now, which token, what to
//! do about a 401, a moved repository and a read that failed.
//!
//! A write is sent once. It is sent a second time only after an answer that says it was not done: a 401 (with a
//! new token) or a redirect (to the repository's new name). Deliberately absent: what the answers hold.

use super::{
    GitHub,
    answer::{self, About},
    paid::Paid,
    token::{Bearer, Scope},
    wire::{JSON, Lost, Outgoing, Raw},
};
use bytes::Bytes;
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef};
use http::{Method, StatusCode};
use rand::Rng;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Where a request goes.
#[derive(Debug, Clone)]
pub(super) enum Route<'a> {
    /// A path under the API's root.
    Path(String),
    /// GraphQL's one address.
    Graphql,
    /// A path under a repository, whatever it is called by now.
    Repository(&'a RepositoryRef, String),
}

/// A request as it is meant.
pub(super) struct Ask<'a> {
    /// GitHub's operation id.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) route: Route<'a>,
    pub(super) accept: &'static str,
    pub(super) body: Option<Bytes>,
    pub(super) scope: Scope,
    pub(super) about: About,
    pub(super) paid: Paid<'a>,
    /// Statuses besides success that the caller understands itself.
    pub(super) understood: &'a [u16],
}

impl<'a> Ask<'a> {
    /// A read as the installation of `owner`.
    pub(super) fn get(
        operation: &'static str,
        route: Route<'a>,
        owner: &str,
        subject: String,
        paid: Paid<'a>,
    ) -> Self {
        Self {
            operation,
            method: Method::GET,
            route,
            accept: JSON,
            body: None,
            scope: Scope::owner(owner),
            about: About { doing: format!("reading {subject}"), subject, write: false, app: false },
            paid,
            understood: &[],
        }
    }

    /// A query of GraphQL with its variables, as the installation of `owner`. `about` is a read.
    pub(super) fn query(
        operation: &'static str,
        owner: &str,
        about: About,
        query: &str,
        variables: serde_json::Value,
        budget: &'a ReadBudget,
    ) -> Self {
        let body = serde_json::json!({ "query": query, "variables": variables }).to_string();
        Self {
            operation,
            method: Method::POST,
            route: Route::Graphql,
            accept: JSON,
            body: Some(Bytes::from(body)),
            scope: Scope::owner(owner),
            about,
            paid: Paid::Query(budget),
            understood: &[],
        }
    }

    pub(super) fn understanding(mut self, statuses: &'a [u16]) -> Self {
        self.understood = statuses;
        self
    }
}

impl GitHub {
    /// Asks, and reads the answer's JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, CodeHostError> {
        let about = ask.about.clone();
        let raw = self.ask(ask).await?;
        parse(&about, &raw)
    }

    /// Asks until there is an answer that counts.
    pub(super) async fn ask(&self, mut ask: Ask<'_>) -> Result<Raw, CodeHostError> {
        ask.about.app = self.tokens.is_app();
        let (mut tried, mut minted_again, mut moved) = (1, false, 0);
        loop {
            let bearer = self.tokens.bearer(&self.wire, &ask.scope).await;
            let bearer = bearer.map_err(|error| match &ask.route {
                Route::Repository(repository, _) => self.unless_moved(repository, error),
                _ => error,
            })?;
            let outgoing = self.outgoing(&ask, &bearer);
            let address = outgoing.address.clone();
            let raw = match self.wire.exchange(outgoing).await {
                Ok(raw) => raw,
                Err(lost) => {
                    self.after_loss(&ask.about, lost, &mut tried).await?;
                    continue;
                }
            };
            let status = raw.status;
            if status.is_success() || ask.understood.contains(&status.as_u16()) {
                return Ok(raw);
            }
            if status == StatusCode::UNAUTHORIZED
                && !minted_again
                && self.tokens.refused(&ask.scope, &bearer, &raw.headers).await
            {
                minted_again = true;
                continue;
            }
            if is_redirect(status) && moved < 3 {
                moved += 1;
                self.follow(&mut ask, &address, &raw).await?;
                continue;
            }
            if status.is_server_error()
                && status != StatusCode::NOT_IMPLEMENTED
                && !ask.about.write
                && tried < self.wire.config.read_attempts
            {
                self.pause(tried).await;
                tried += 1;
                continue;
            }
            return Err(answer::refusal(&ask.about, status, &raw.headers, &raw.body));
        }
    }

    /// What a lost answer means; returns where a read may be tried again.
    pub(super) async fn after_loss(
        &self,
        about: &About,
        lost: Lost,
        tried: &mut u32,
    ) -> Result<(), CodeHostError> {
        match lost {
            Lost::PermitExpired => Err(CodeHostError::PermitExpired),
            Lost::Held(limited) => Err(limited),
            Lost::Unanswered(reason) if about.write => {
                Err(CodeHostError::Unknown(format!("{}: {reason}", about.doing)))
            }
            Lost::NotSent(reason) | Lost::Unanswered(reason) => {
                if about.write || *tried >= self.wire.config.read_attempts {
                    return Err(CodeHostError::Unavailable(format!("{}: {reason}", about.doing)));
                }
                self.pause(*tried).await;
                *tried += 1;
                Ok(())
            }
        }
    }

    async fn pause(&self, tried: u32) {
        let base = 200 * (1_u64 << tried.min(5));
        let jitter = rand::rng().random_range(0..=base / 2);
        tokio::time::sleep(Duration::from_millis(base / 2 + jitter)).await;
    }

    /// Where a route leads, as far as is known here.
    fn address(&self, route: &Route<'_>) -> String {
        match route {
            Route::Path(path) => self.wire.endpoint.address(path),
            Route::Graphql => self.wire.endpoint.graphql(),
            Route::Repository(repository, rest) => {
                let name = self.name(repository);
                self.wire.endpoint.address(&format!("/repos/{}/{}{rest}", name.owner(), name.name()))
            }
        }
    }

    pub(super) fn outgoing<'b>(&self, ask: &'b Ask<'_>, bearer: &Bearer) -> Outgoing<'b> {
        let timeouts = &self.wire.config.timeouts;
        Outgoing {
            operation: ask.operation,
            method: ask.method.clone(),
            address: self.address(&ask.route),
            accept: ask.accept,
            body: ask.body.clone(),
            authorization: Some(bearer.header.clone()),
            timeout: if ask.about.write { timeouts.write } else { timeouts.read },
            paid: ask.paid,
        }
    }

    /// Follows a redirect within this API, from the address that was asked: to the repository under its new name, or a
    /// plain path.
    async fn follow(&self, ask: &mut Ask<'_>, asked: &str, raw: &Raw) -> Result<(), CodeHostError> {
        let refused = || answer::refusal(&ask.about, raw.status, &raw.headers, &raw.body);
        let location = super::wire::text(&raw.headers, "location").to_owned();
        let path = self.wire.endpoint.path_of(&location).ok_or_else(refused)?;
        match &ask.route {
            Route::Path(_) => ask.route = Route::Path(path),
            // It has no other address.
            Route::Graphql => return Err(refused()),
            Route::Repository(repository, _) => {
                let now = Box::pin(self.locate(repository, ask.paid)).await?;
                // Not what it was called a moment ago: somebody else may have found the new name while this was asked
                // for by the old one.
                if self.address(&ask.route) == asked {
                    return Err(refused());
                }
                if let Scope::Owner(owner) | Scope::Repository { owner, .. } | Scope::Actions { owner, .. } =
                    &mut ask.scope
                {
                    *owner = now.owner().to_ascii_lowercase();
                }
            }
        }
        Ok(())
    }
}

/// Reads an answer's JSON. An answer that makes no sense says nothing about a write.
pub(super) fn parse<T: DeserializeOwned>(about: &About, raw: &Raw) -> Result<T, CodeHostError> {
    serde_json::from_slice(&raw.body).map_err(|error| {
        let reason = format!("{}: the answer made no sense ({} bytes, {error})", about.doing, raw.body.len());
        if about.write { CodeHostError::Inconclusive(reason) } else { CodeHostError::Unavailable(reason) }
    })
}

pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 307 | 308)
}
