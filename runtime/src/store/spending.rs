//! What counts in the windows now, for whoever looks ahead.
//!
//! Each part of the statement reads one index from its newest end, as far as the longest window of its kind.
//! Deliberately absent: deciding by it; a permit is decided by the schema's function, under locks.

use super::{Connections, Postgres, failure};
use campaigns_actors::ports::{Counting, Spending, StoreError};
use campaigns_domain::{
    id::CampaignId,
    publish::budget::{Budget, Cap, Charge, Counted},
};
use chrono::{DateTime, Utc};
use sqlx::Row as _;
use uuid::Uuid;

const SPENDING: &str = "WITH n AS MATERIALIZED (SELECT campaigns_now() AS now), \
     p AS ( \
     SELECT p.* FROM permits p, n WHERE p.organization = $1 AND p.counts_from > n.now - make_interval(secs => $3) \
     UNION SELECT p.* FROM permits p, n WHERE p.organization = $1 AND p.opens_pull_request \
     AND p.counts_from > n.now - make_interval(secs => $4) \
     UNION SELECT p.* FROM permits p, n WHERE p.campaign = ANY($2) AND p.counts_from > n.now - make_interval(secs => $5) \
     UNION SELECT p.* FROM permits p, n WHERE p.campaign = ANY($2) AND p.opens_pull_request \
     AND p.counts_from > n.now - make_interval(secs => $6) \
     UNION SELECT p.* FROM permits p, n WHERE p.counts_from > n.now - make_interval(secs => $7) AND $7 > 0 \
     UNION SELECT p.* FROM permits p, n WHERE p.opens_pull_request AND $8 > 0 \
     AND p.counts_from > n.now - make_interval(secs => $8)) \
     SELECT n.now, p.organization, p.campaign, p.content, p.opens_pull_request, p.points, p.counts_from \
     FROM n LEFT JOIN p ON true ORDER BY p.counts_from";

/// The longest window of those that count pull requests, or of the others; 0 where there is none.
fn longest(caps: &[Cap], pull_requests: bool) -> f64 {
    let of_kind = caps.iter().filter(|cap| (cap.counted == Counted::PullRequests) == pull_requests);
    of_kind.map(|cap| f64::from(cap.window.seconds)).fold(0.0, f64::max)
}

/// What counts in the windows of `budget`.
pub(crate) async fn read(
    pool: &Connections,
    organization: &str,
    campaigns: &[CampaignId],
    budget: &Budget,
) -> Result<Spending, sqlx::Error> {
    let spacing = f64::from(budget.spacing) / 1000.0;
    let rows = sqlx::query(SPENDING)
        .bind(organization.to_ascii_lowercase())
        .bind(campaigns.iter().map(|campaign| campaign.0).collect::<Vec<_>>())
        .bind(longest(&budget.organization, false).max(spacing))
        .bind(longest(&budget.organization, true))
        .bind(longest(&budget.campaign, false))
        .bind(longest(&budget.campaign, true))
        .bind(longest(&budget.global, false))
        .bind(longest(&budget.global, true))
        .fetch_all(pool)
        .await?;
    let mut spending = Spending { now: DateTime::UNIX_EPOCH, permits: vec![] };
    for row in rows {
        spending.now = row.try_get("now")?;
        let Some(counts_from) = row.try_get::<Option<DateTime<Utc>>, _>("counts_from")? else { continue };
        let points: i32 = row.try_get("points")?;
        spending.permits.push(Counting {
            counts_from,
            organization: row.try_get("organization")?,
            campaign: CampaignId(row.try_get::<Uuid, _>("campaign")?),
            charge: Charge {
                content: row.try_get("content")?,
                pull_request: row.try_get("opens_pull_request")?,
                points: points.unsigned_abs(),
            },
        });
    }
    Ok(spending)
}

impl Postgres {
    pub(super) async fn read_spending(
        &self,
        organization: &str,
        campaigns: &[CampaignId],
        budget: &Budget,
    ) -> Result<Spending, StoreError> {
        read(&self.pool, organization, campaigns, budget).await.map_err(failure::read)
    }
}
