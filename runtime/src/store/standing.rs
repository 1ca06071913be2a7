//! Where an organisation stands: read by everybody, recorded by the owner of its shard.
//!
//! Deliberately absent: what it leads to.

use super::{
    Postgres,
    failure::{self, Failure},
};
use campaigns_actors::ports::{CommitError, Lease, Standing, StoreError};
use campaigns_domain::{
    id::{MessageId, Shard},
    publish::standing::{AdaptivePace, Pause},
};
use sqlx::{Row as _, types::Json};
use std::time::Duration;

impl Postgres {
    pub(super) async fn read_standing(&self, organization: &str) -> Result<Standing, StoreError> {
        let found = sqlx::query(
            "SELECT greatest(extract(epoch FROM not_before - campaigns_now()) * 1000000, 0)::bigint AS left, reason, \
             pause, pace FROM organizations WHERE login = $1",
        )
        .bind(organization.to_ascii_lowercase())
        .fetch_optional(&self.pool)
        .await
        .map_err(failure::read)?;
        let Some(row) = found else { return Ok(Standing::default()) };
        let left: Option<i64> = row.try_get("left").map_err(failure::read)?;
        let left = left.map(|left| Duration::from_micros(left.unsigned_abs())).filter(|left| !left.is_zero());
        let reason: String = row.try_get("reason").map_err(failure::read)?;
        let pause: Option<Json<Pause>> = row.try_get("pause").map_err(failure::read)?;
        let Json(pace): Json<AdaptivePace> = row.try_get("pace").map_err(failure::read)?;
        Ok(Standing { quiet: left.map(|left| (left, reason)), pause: pause.map(|Json(pause)| pause), pace })
    }

    pub(super) async fn write_standing(
        &self,
        lease: &Lease,
        organization: &str,
        standing: &Standing,
        consumed: &[MessageId],
    ) -> Result<(), CommitError> {
        let fence = lease.fence();
        let organization = organization.to_ascii_lowercase();
        if Shard::of_organization(&organization) != fence.shard {
            let words = format!("`{organization}` does not live in shard {}", fence.shard);
            return Err(CommitError::Refused(words));
        }
        let (left, reason) = standing.quiet.clone().unzip();
        let recorded: Result<bool, sqlx::Error> = sqlx::query_scalar(
            "SELECT campaigns_set_standing($1, $2, $3, make_interval(secs => $4), $5, $6, $7, $8)",
        )
        .bind(i16::try_from(fence.shard.0).unwrap_or(-1))
        .bind(fence.epoch.0)
        .bind(organization)
        .bind(left.map(|left| left.as_secs_f64()))
        .bind(reason.unwrap_or_default())
        .bind(standing.pause.as_ref().map(Json))
        .bind(Json(standing.pace))
        .bind(consumed.iter().map(|message| message.0).collect::<Vec<_>>())
        .fetch_one(&self.fence_pool)
        .await;
        let recorded = recorded.map_err(|error| CommitError::from(Failure::of(&error)))?;
        if recorded { Ok(()) } else { Err(CommitError::Fenced(fence)) }
    }
}
