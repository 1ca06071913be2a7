//! Places for review requests: taken and counted by functions of the schema, each in one round trip.
//!
//! Deliberately absent: the rules' SQL, which is in the migrations.

use super::{
    Postgres,
    failure::{self, Failure},
};
use async_trait::async_trait;
use campaigns_actors::ports::{CommitError, Lease, ReviewRequest, Reviewing, StoreError};
use campaigns_domain::id::{CampaignId, Shard};
use std::collections::BTreeMap;

#[async_trait]
impl Reviewing for Postgres {
    async fn take_reviews(&self, lease: &Lease, request: ReviewRequest) -> Result<Vec<String>, CommitError> {
        let fence = lease.fence();
        if Shard::of_organization(&request.organization) != fence.shard {
            let message = format!("`{}` does not live in shard {}", request.organization, fence.shard);
            return Err(CommitError::Refused(message));
        }
        let names: Vec<String> = request.candidates.iter().map(|name| name.to_ascii_lowercase()).collect();
        let answer: Result<(String, Option<Vec<i32>>), sqlx::Error> = sqlx::query_as(
            "SELECT outcome, places FROM campaigns_take_reviews($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(i16::try_from(fence.shard.0).unwrap_or(-1))
        .bind(fence.epoch.0)
        .bind(request.campaign.0)
        .bind(request.changeset.0)
        .bind(i32::try_from(request.generation).unwrap_or(i32::MAX))
        .bind(names)
        .bind(i64::from(request.at_most))
        .bind(i64::from(request.max_open_each))
        .fetch_one(&self.fence_pool)
        .await;
        let (outcome, places) = answer.map_err(|error| CommitError::from(Failure::of(&error)))?;
        if outcome != "taken" {
            return Err(CommitError::Fenced(fence));
        }
        // Positions count from 1.
        let name = |place: i32| request.candidates.get(usize::try_from(place - 1).ok()?).cloned();
        Ok(places.unwrap_or_default().into_iter().filter_map(name).collect())
    }

    async fn open_reviews(&self, campaign: CampaignId) -> Result<BTreeMap<String, u32>, StoreError> {
        let counted: Vec<(String, i64)> =
            sqlx::query_as("SELECT reviewer, count(*) FROM campaigns_open_reviews($1) GROUP BY reviewer")
                .bind(campaign.0)
                .fetch_all(&self.pool)
                .await
                .map_err(failure::read)?;
        let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(counted.into_iter().map(|(name, open)| (name, count(open))).collect())
    }
}
