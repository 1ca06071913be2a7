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
    publish::budget::Window,
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
        let windows = windows(&request);
        // The permit's life is counted from before the request for it, so that it never outlives the row's.
        let asked = Instant::now();
        let id = Uuid::new_v4();
        let answer: Result<(String, i64), sqlx::Error> = sqlx::query_as(
            "SELECT outcome, wait_microseconds FROM campaigns_take_permit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
             make_interval(secs => $11), make_interval(secs => $12))",
        )
        .bind(id)
        .bind(i16::try_from(fence.shard.0).unwrap_or(-1))
        .bind(fence.epoch.0)
        .bind(organization)
        .bind(request.campaign.0)
        .bind(request.run.0)
        .bind(request.opens_pull_request)
        .bind(windows.iter().map(|(window, _)| i64::from(window.seconds)).collect::<Vec<_>>())
        .bind(windows.iter().map(|(window, _)| i64::from(window.cap)).collect::<Vec<_>>())
        .bind(windows.iter().map(|(_, pull_requests_only)| *pull_requests_only).collect::<Vec<_>>())
        .bind(PERMIT_LIFE.as_secs_f64())
        .bind(PERMIT_ANSWER_WITHIN.as_secs_f64())
        .fetch_one(&self.fence_pool)
        .await;
        let (outcome, wait) = answer.map_err(|error| match Failure::of(&error) {
            Failure::Refused(words) => CommitError::Refused(words),
            Failure::Again(words) | Failure::Unavailable(words) => CommitError::Unavailable(words),
        })?;
        match outcome.as_str() {
            "granted" => Ok(PermitAnswer::Granted(Permit { id, expires: asked + PERMIT_LIFE })),
            "wait" => Ok(PermitAnswer::Wait(Duration::from_micros(wait.unsigned_abs()))),
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
}

/// The windows that a request has to fit into, and whether each counts pull requests alone.
fn windows(request: &PermitRequest) -> Vec<(Window, bool)> {
    let writes = request.budget.writes.iter().map(|window| (*window, false));
    let opened = request.budget.pull_requests.iter().filter(|_| request.opens_pull_request);
    writes.chain(opened.map(|window| (*window, true))).collect()
}
