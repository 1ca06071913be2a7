//! The reads of the port that follow pull requests: what is due, and what is followed.
//!
//! Each costs the same however many pull requests wait. Deliberately absent: when something is due, which the domain
//! decides and a commit writes.

use super::{Postgres, failure, input::shard as column, rows};
use campaigns_actors::ports::{Followed, StoreError};
use campaigns_domain::{
    changeset::Changeset,
    id::{CampaignId, ChangesetId, RepositoryId, Shard},
};
use uuid::Uuid;

/// How many due rows of one shard are looked at for the organisations they belong to.
const LOOKED_AT: i64 = 100;

macro_rules! followed {
    ($where:literal) => {
        // The time is read once: a volatile function in a condition would keep the index from being used.
        concat!(
            "SELECT *, (extract(epoch FROM campaigns_now() - changed) * 1000000)::bigint AS quiet FROM changesets ",
            $where
        )
    };
}

impl Postgres {
    pub(super) async fn read_due_organizations(&self, shards: &[Shard]) -> Result<Vec<String>, StoreError> {
        let shards: Vec<i16> = shards
            .iter()
            .map(|shard| column(*shard))
            .collect::<Result<_, _>>()
            .map_err(StoreError::Corrupt)?;
        sqlx::query_scalar(
            "SELECT DISTINCT d.organization FROM unnest($1::smallint[]) AS s (id) CROSS JOIN LATERAL \
             (SELECT c.organization FROM changesets c WHERE c.shard = s.id AND c.due <= (SELECT campaigns_now()) \
             ORDER BY c.due LIMIT $2) d ORDER BY 1",
        )
        .bind(shards)
        .bind(LOOKED_AT)
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)
    }

    pub(super) async fn read_due(&self, organization: &str, limit: u32) -> Result<Vec<Followed>, StoreError> {
        let shard = column(Shard::of_organization(organization)).map_err(StoreError::Corrupt)?;
        let found = sqlx::query(followed!(
            "WHERE shard = $1 AND organization = $2 AND due <= (SELECT campaigns_now()) ORDER BY due, id LIMIT $3"
        ))
        .bind(shard)
        .bind(organization.to_ascii_lowercase())
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        found.iter().map(rows::followed).collect()
    }

    pub(super) async fn read_followed_in(
        &self,
        organization: &str,
        repository: RepositoryId,
    ) -> Result<Vec<Changeset>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM changesets WHERE organization = $1 AND repository_id = $2 \
             AND (pull_request IS NOT NULL OR away IS NOT NULL) AND state <> 'merged' ORDER BY id",
        )
        .bind(organization.to_ascii_lowercase())
        .bind(i64::try_from(repository.0).map_err(|error| StoreError::Corrupt(error.to_string()))?)
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        found.iter().map(rows::changeset).collect()
    }

    pub(super) async fn count_redoing(&self, organization: &str) -> Result<u64, StoreError> {
        let found: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM changesets WHERE organization = $1 AND errand->>'redo' IS NOT NULL",
        )
        .bind(organization.to_ascii_lowercase())
        .fetch_one(&self.pool)
        .await
        .map_err(failure::read)?;
        Ok(u64::try_from(found).unwrap_or_default())
    }

    pub(super) async fn read_followed(
        &self,
        campaign: CampaignId,
        organization: &str,
        after: Option<ChangesetId>,
        limit: u32,
    ) -> Result<Vec<Followed>, StoreError> {
        let found = sqlx::query(followed!(
            "WHERE campaign = $1 AND organization = $2 AND id > $3 \
             AND (pull_request IS NOT NULL OR away IS NOT NULL) AND state <> 'merged' ORDER BY id LIMIT $4"
        ))
        .bind(campaign.0)
        .bind(organization.to_ascii_lowercase())
        .bind(after.map_or(Uuid::nil(), |after| after.0))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        found.iter().map(rows::followed).collect()
    }
}
