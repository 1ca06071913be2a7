//! What people read and ask for, and what the code host tells, on PostgreSQL: the API's ports [`Reads`], [`Writes`],
//! [`Access`], [`Webhooks`] and [`Probe`].
//!
//! Lists go by keyset, never by offset. Writes create rows and leave messages; they never change a row that a shard
//! owns, so they need no fence. Deliberately absent: the owners' store (`store`), and decisions.

mod access;
mod ask;
mod audit;
mod budget;
mod campaigns;
mod changesets;
mod commands;
mod events;
mod installations;
mod pace;
mod probe;
mod rows;
mod runs;
mod steer;
mod targets;
mod webhooks;

use crate::store::{Connections, Postgres};
use async_trait::async_trait;
use campaigns_domain::{
    execution::rollout::PaceChange,
    id::{CampaignId, ChangesetId, CommandId, RunId, TargetId},
    publish::budget::Budget,
};
use campaigns_http::{
    ports::{
        Access, AskedFor, Asking, ChangesetFilter, ChangesetScope, CreatedRun, Delivery, EventRow, Events,
        Found, Listed, NewCommand, NewRun, NewSpec, NewToken, OrganizationQueue, Paced, Positions, Probe,
        Progress, Queues, Reads, Received, RunKey, Signed, Started, Steer, Steered, StoreError, TargetFilter,
        TargetKey, Token, Webhooks, Writes,
    },
    wire::{
        Applied, AuditEntry, Campaign, Changeset, Check, Command, Installation, Run, SpecVersion, Target,
        TargetDetail,
    },
};
use uuid::Uuid;

/// The API's ports on a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct Queries {
    pool: Connections,
}

impl Queries {
    /// Queries over the store's connections.
    pub fn new(store: &Postgres) -> Self {
        Self { pool: store.pool().clone() }
    }
}

#[async_trait]
impl Reads for Queries {
    async fn campaigns(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Listed<Campaign, String>, StoreError> {
        campaigns::list(&self.pool, after, limit).await
    }

    async fn campaign(&self, name: &str) -> Result<Option<Campaign>, StoreError> {
        campaigns::one(&mut *rows::connection(&self.pool).await?, name).await
    }

    async fn specs(
        &self,
        campaign: &str,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Option<Listed<SpecVersion, u32>>, StoreError> {
        campaigns::specs(&self.pool, campaign, before, limit).await
    }

    async fn runs(
        &self,
        campaign: &str,
        after: Option<RunKey>,
        limit: u32,
    ) -> Result<Option<Listed<Run, RunKey>>, StoreError> {
        runs::list(&self.pool, campaign, after, limit).await
    }

    async fn run(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        runs::one(&mut *rows::connection(&self.pool).await?, run).await
    }

    async fn targets(
        &self,
        run: RunId,
        filter: &TargetFilter,
        after: Option<TargetKey>,
        limit: u32,
    ) -> Result<Option<Listed<Target, TargetKey>>, StoreError> {
        targets::list(&self.pool, run, filter, after, limit).await
    }

    async fn target(&self, target: TargetId) -> Result<Option<TargetDetail>, StoreError> {
        targets::one(&self.pool, target).await
    }

    async fn changesets(
        &self,
        scope: &ChangesetScope,
        filter: &ChangesetFilter,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Option<Listed<Changeset, Uuid>>, StoreError> {
        changesets::list(&self.pool, scope, filter, after, limit).await
    }

    async fn changeset(&self, changeset: ChangesetId) -> Result<Option<(Changeset, u32)>, StoreError> {
        changesets::one(&self.pool, changeset).await
    }

    async fn command(&self, command: CommandId) -> Result<Option<Command>, StoreError> {
        commands::one(&mut *rows::connection(&self.pool).await?, command).await
    }

    async fn installations(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Listed<Installation, String>, StoreError> {
        installations::list(&self.pool, after, limit).await
    }

    async fn audit(
        &self,
        subject: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Listed<AuditEntry, i64>, StoreError> {
        audit::list(&self.pool, subject, before, limit).await
    }
}

#[async_trait]
impl Events for Queries {
    async fn progress(&self, run: RunId) -> Result<Option<Progress>, StoreError> {
        events::progress(&self.pool, run).await
    }

    async fn events(
        &self,
        run: RunId,
        after: &Positions,
        upto: &Positions,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        events::between(&self.pool, run, after, upto, limit).await
    }
}

#[async_trait]
impl Queues for Queries {
    async fn waiting_of(&self, campaign: &str) -> Result<Option<(CampaignId, Vec<String>)>, StoreError> {
        budget::waiting_of(&self.pool, campaign).await
    }

    async fn knows(&self, organization: &str) -> Result<bool, StoreError> {
        budget::knows(&self.pool, organization).await
    }

    async fn queue(&self, organization: &str, budget: &Budget) -> Result<OrganizationQueue, StoreError> {
        budget::queue(&self.pool, organization, budget).await
    }

    async fn results(&self, run: RunId) -> Result<Option<Found>, StoreError> {
        budget::results(&self.pool, run).await
    }
}

#[async_trait]
impl Writes for Queries {
    async fn apply(&self, by: &Signed, spec: NewSpec) -> Result<Applied, StoreError> {
        campaigns::apply(&self.pool, by, spec).await
    }

    async fn create_run(&self, by: &Signed, run: NewRun) -> Result<CreatedRun, StoreError> {
        runs::create(&self.pool, by, run).await
    }

    async fn steer_run(&self, run: RunId, steer: Steer, command: NewCommand) -> Result<Steered, StoreError> {
        steer::run(&self.pool, run, steer, command).await
    }

    async fn steer_campaign(
        &self,
        campaign: &str,
        steer: Steer,
        command: NewCommand,
    ) -> Result<Steered, StoreError> {
        steer::campaign(&self.pool, campaign, steer, command).await
    }

    async fn ask(&self, campaign: &str, asking: Asking, command: NewCommand) -> Result<AskedFor, StoreError> {
        ask::ask(&self.pool, campaign, asking, command).await
    }

    async fn pace_campaign(
        &self,
        campaign: &str,
        pace: PaceChange,
        command: NewCommand,
    ) -> Result<Paced, StoreError> {
        pace::campaign(&self.pool, campaign, pace, command).await
    }

    async fn sync(&self, campaign: &str, command: NewCommand) -> Result<Option<Started>, StoreError> {
        commands::sync(&self.pool, campaign, command).await
    }
}

#[async_trait]
impl Access for Queries {
    async fn token(&self, sha256: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        access::token(&self.pool, sha256).await
    }

    async fn add_first_token(&self, token: NewToken) -> Result<bool, StoreError> {
        access::add_first(&self.pool, token).await
    }

    async fn add_token(&self, by: &Signed, token: NewToken) -> Result<(), StoreError> {
        access::add(&self.pool, by, token).await
    }

    async fn revoke_token(&self, by: &Signed, id: Uuid) -> Result<bool, StoreError> {
        access::revoke(&self.pool, by, id).await
    }
}

#[async_trait]
impl Webhooks for Queries {
    async fn receive(&self, delivery: &Delivery) -> Result<Received, StoreError> {
        webhooks::receive(&self.pool, delivery).await
    }
}

#[async_trait]
impl Probe for Queries {
    async fn checks(&self) -> Vec<Check> {
        probe::checks(&self.pool).await
    }
}
