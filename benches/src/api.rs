//! The API over a stage's store, with one reader's token, as the programs put it together.
//!
//! Deliberately absent: a socket, and owners to be woken.

use crate::stage::Stage;
use anyhow::Result;
use campaigns_actors::ports::memory::MemoryArtifacts;
use campaigns_domain::id::Shard;
use campaigns_http::{
    ApiParts, ApiState, Settings,
    auth::Secret,
    live::LiveSettings,
    ports::{Access as _, NewToken, Signed, Wake},
    wire::Role,
};
use campaigns_runtime::queries::Queries;
use std::sync::Arc;
use uuid::Uuid;

/// The API's state, told of every commit of the stage's store, and a token that may read.
pub async fn over(stage: &Stage, live: LiveSettings) -> Result<(ApiState, Secret)> {
    let queries = Arc::new(Queries::new(&stage.store));
    let secret = Secret::mint()?;
    let token = NewToken {
        id: Uuid::new_v4(),
        sha256: secret.sha256(),
        name: "bench".to_owned(),
        role: Role::Viewer,
        expires: None,
    };
    let by = Signed { actor: "bench".to_owned(), token: None, request_id: "bench".to_owned() };
    queries.add_token(&by, token).await?;
    let state = ApiState::new(ApiParts {
        reads: queries.clone(),
        events: queries.clone(),
        queues: queries.clone(),
        writes: queries.clone(),
        access: queries.clone(),
        webhooks: queries.clone(),
        probe: queries,
        artifacts: Arc::new(MemoryArtifacts::new()),
        wake: Arc::new(Nobody),
        metrics: Arc::new(String::new),
        version: "0.0.0".to_owned(),
        settings: Settings { live, ..Settings::default() },
    });
    let hub = state.hub();
    stage.store.tell_commits(move |run| hub.committed(run));
    Ok((state, secret))
}

/// Nobody waits to be woken.
struct Nobody;

#[async_trait::async_trait]
impl Wake for Nobody {
    async fn wake(&self, _shards: &[Shard]) {}
}
