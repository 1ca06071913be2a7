//! Epochs and permits: the two things that are decided by the database itself, each by one function of the schema
//! in one round trip.
//!
//! Deliberately absent: the rules' SQL, which is in the migrations.

use super::{
    Postgres,
    failure::{self, Failure},
};
use campaigns_actors::ports::{CommitError, Lease, Permit, PermitAnswer, PermitRequest, StoreError};
use campaigns_domain::{
    id::{Epoch, Shard},
    publish::budget::HeldBy,
};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How long after its grant a permit's request may leave.
const PERMIT_LIFE: Duration = Duration::from_secs(2);
/// How long after leaving a request may still reach the host; an unanswered permit counts for that much longer.
const PERMIT_ANSWER_WITHIN: Duration = Duration::from_secs(5);

impl Postgres {
    pub(super) async fn mint_epoch(&self, shard: Shard, owner: Uuid) -> Result<Epoch, StoreError> {
        let id =
            i16::try_from(shard.0).map_err(|_| StoreError::Corrupt(format!("there is no shard {shard}")))?;
        let epoch: Option<i64> = sqlx::query_scalar("SELECT campaigns_take_over($1, $2)")
            .bind(id)
            .bind(owner)
            .fetch_one(&self.fence_pool)
            .await
            .map_err(failure::read)?;
        epoch.map(Epoch).ok_or_else(|| StoreError::Corrupt(format!("there is no shard {shard}")))
    }

    pub(super) async fn grant_permit(
        &self,
        lease: &Lease,
        request: PermitRequest,
    ) -> Result<PermitAnswer, CommitError> {
        let fence = lease.fence();
        let organization = request.organization.to_ascii_lowercase();
        if Shard::of_organization(&organization) != fence.shard {
            return Err(CommitError::Refused(format!(
                "`{organization}` does not live in shard {}",
                fence.shard
            )));
        }
        let charge = request.budget.charge(request.kind);
        let caps: Vec<_> = request.budget.caps(charge).collect();
        // The permit's life is counted from before the request for it, so that it never outlives the row's.
        let asked = Instant::now();
        let id = Uuid::new_v4();
        let answer: Result<(String, i64, Option<i32>), sqlx::Error> = sqlx::query_as(
            "SELECT outcome, wait_microseconds, held_by FROM campaigns_take_permit($1, $2, $3, $4, $5, $6, $7, $8, $9, \
             $10, $11, $12, $13, $14, $15, make_interval(secs => $16), make_interval(secs => $17), \
             make_interval(secs => $18))",
        )
        .bind(id)
        .bind(i16::try_from(fence.shard.0).unwrap_or(-1))
        .bind(fence.epoch.0)
        .bind(organization)
        .bind(request.campaign.0)
        .bind(request.run.0)
        .bind(request.kind.as_str())
        .bind(charge.content)
        .bind(charge.pull_request)
        .bind(i64::from(charge.points))
        .bind(caps.iter().map(|(scope, _)| scope.as_str()).collect::<Vec<_>>())
        .bind(caps.iter().map(|(_, cap)| cap.counted.as_str()).collect::<Vec<_>>())
        .bind(caps.iter().map(|(_, cap)| i64::from(cap.window.seconds)).collect::<Vec<_>>())
        .bind(caps.iter().map(|(_, cap)| i64::from(cap.window.cap)).collect::<Vec<_>>())
        .bind(caps.iter().map(|(_, cap)| i64::from(cap.counted.weight(charge))).collect::<Vec<_>>())
        .bind(f64::from(request.budget.spacing) / 1000.0)
        .bind(PERMIT_LIFE.as_secs_f64())
        .bind(PERMIT_ANSWER_WITHIN.as_secs_f64())
        .fetch_one(&self.fence_pool)
        .await;
        let (outcome, wait, held_by) = answer.map_err(|error| CommitError::from(Failure::of(&error)))?;
        match outcome.as_str() {
            "granted" => Ok(PermitAnswer::Granted(Permit { id, expires: asked + PERMIT_LIFE })),
            "wait" => {
                let position = held_by.and_then(|held_by| usize::try_from(held_by).ok()).unwrap_or_default();
                // Positions count from 1; 0 is the distance to the write before.
                let cap = position.checked_sub(1).and_then(|position| caps.get(position));
                let by =
                    cap.map_or(HeldBy::Spacing, |(scope, cap)| HeldBy::Window { scope: *scope, cap: *cap });
                Ok(PermitAnswer::Wait(Duration::from_micros(wait.unsigned_abs()), by))
            }
            _ => Err(CommitError::Fenced(fence)),
        }
    }

    pub(super) async fn record_answer(&self, permit: &Permit) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE permits SET answered = n.now, counts_from = n.now FROM (SELECT campaigns_now() AS now) n \
             WHERE id = $1 AND answered IS NULL",
        )
        .bind(permit.id)
        .execute(&self.fence_pool)
        .await
        .map(drop)
        .map_err(failure::read)
    }

    pub(super) async fn take_back(&self, permit: &Permit) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM permits WHERE id = $1 AND answered IS NULL")
            .bind(permit.id)
            .execute(&self.fence_pool)
            .await
            .map(drop)
            .map_err(failure::read)
    }
}
