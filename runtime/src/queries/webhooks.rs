//! Deliveries of webhooks: one row each, by the App and the delivery's id.
//!
//! Deliberately absent: acting on them (`webhooks`), which is their owners'.

use super::rows::{failed, get};
use crate::store::Connections;
use campaigns_http::ports::{Delivery, Hint, Received, StoreError, Whereabouts};

/// Keeps a delivery. What waits for nobody is processed from the start.
pub(super) async fn receive(pool: &Connections, delivery: &Delivery) -> Result<Received, StoreError> {
    let nowhere = Whereabouts::default();
    let (concerns, there) = match &delivery.hint {
        Hint::Nothing => ("nothing", &nowhere),
        Hint::Installation(there) => ("installation", there),
        Hint::PullRequests(there) => ("pull_requests", there),
    };
    // `xmax` is 0 in a row that this statement made, and the statement's own number in one that it found.
    let row = sqlx::query(
        "INSERT INTO webhooks AS w (app, delivery, shard, event, action, concerns, installation, organization, \
         repositories, all_of_them, pull_requests, branches, commits, processed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
         CASE WHEN $6 = 'nothing' THEN campaigns_now() END) \
         ON CONFLICT (delivery, app) DO UPDATE SET times = w.times + 1 \
         RETURNING xmax = 0 AS new, processed IS NOT NULL AS processed",
    )
    .bind(number(delivery.app))
    .bind(delivery.id)
    .bind(i16::try_from(delivery.shard().0).unwrap_or(i16::MAX))
    .bind(&delivery.event)
    .bind(&delivery.action)
    .bind(concerns)
    .bind(delivery.installation.map(number))
    .bind(&delivery.organization)
    .bind(numbers(&there.repositories))
    .bind(there.all)
    .bind(numbers(&there.pull_requests))
    .bind(&there.branches)
    .bind(&there.commits)
    .fetch_one(pool)
    .await
    .map_err(failed)?;
    let (new, processed): (bool, bool) = (get(&row, "new")?, get(&row, "processed")?);
    Ok(match (new, processed) {
        (true, _) => Received::New,
        (false, false) => Received::Waiting,
        (false, true) => Received::Processed,
    })
}

/// An id of the code host. Those that the database has no room for are left out when a payload is read.
fn number(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

fn numbers(ids: &[u64]) -> Vec<i64> {
    ids.iter().map(|id| number(*id)).collect()
}
