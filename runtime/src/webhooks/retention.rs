//! Deleting what has served its time, a bounded number of rows at once, each by the owner of its shard.
//!
//! A delivery is kept for longer than GitHub keeps it, so that one that comes again is known. Deliberately absent: any
//! row that somebody still waits for.

use super::{Delay, FENCED, Work, columns};
use campaigns_actors::ports::Fence;
use campaigns_http::ports::APP_SHARD;
use sqlx::AssertSqlSafe;

/// How many rows of a kind go at once.
const ROUND: i64 = 5_000;

impl Work {
    /// Deletes deliveries that were seen to two weeks ago, the messages that came of them, and the count of what was
    /// asked for again.
    ///
    /// # Errors
    /// Where the database did not answer.
    pub async fn forget(&self, held: &[Fence]) -> Result<(), Delay> {
        let deliveries = "DELETE FROM webhooks w WHERE (w.delivery, w.app) IN (SELECT o.delivery, o.app FROM webhooks o \
             JOIN f ON f.id = o.shard WHERE o.received < campaigns_now() - interval '14 days' \
             AND o.processed IS NOT NULL ORDER BY o.received LIMIT $3)";
        let messages = "DELETE FROM inbox m WHERE m.id IN (SELECT o.id FROM inbox o JOIN f ON f.id = o.shard \
             WHERE o.run IS NULL AND o.consumed_at < campaigns_now() - interval '1 day' AND o.body->>'kind' IN ('look', 'installation') LIMIT $3)";
        for delete in [deliveries, messages] {
            self.delete(held, delete).await?;
        }
        if let Some(fence) = held.iter().find(|fence| fence.shard == APP_SHARD) {
            let redeliveries = "DELETE FROM webhook_redeliveries r WHERE r.delivery IN (SELECT o.delivery \
                 FROM webhook_redeliveries o, f WHERE o.asked < campaigns_now() - interval '14 days' LIMIT $3)";
            self.delete(&[*fence], redeliveries).await?;
        }
        Ok(())
    }

    /// Deletes permits that no window can count any more. They stay for twice as long as the longest one, so that a
    /// window that is made longer finds what counts in it.
    ///
    /// # Errors
    /// Where the database did not answer.
    pub async fn forget_permits(&self, held: &[Fence]) -> Result<(), Delay> {
        let (shards, epochs) = columns(held);
        // The time is read once: a volatile function in a condition would keep the index from being used.
        let text = format!(
            "{FENCED} DELETE FROM permits p WHERE p.id IN (SELECT o.id FROM permits o JOIN f ON f.id = o.shard \
             WHERE o.counts_from < (SELECT campaigns_now()) - 2 * make_interval(secs => $4) ORDER BY o.counts_from LIMIT $3)"
        );
        sqlx::query(AssertSqlSafe(text))
            .bind(&shards)
            .bind(&epochs)
            .bind(ROUND)
            .bind(self.permits_count_for.as_seconds_f64())
            .execute(self.postgres.pool())
            .await?;
        Ok(())
    }

    async fn delete(&self, held: &[Fence], delete: &str) -> Result<(), Delay> {
        let (shards, epochs) = columns(held);
        sqlx::query(AssertSqlSafe(format!("{FENCED} {delete}")))
            .bind(&shards)
            .bind(&epochs)
            .bind(ROUND)
            .execute(self.postgres.pool())
            .await?;
        Ok(())
    }
}
