//! Where the App is installed: read afresh when GitHub tells that something about it changed, and listed every so
//! often, since telling can fail. A payload is never believed.
//!
//! Deliberately absent: what follows for an organisation whose installation is suspended or gone; its owner reads the
//! row.

use super::{Delay, FENCED, Work, columns, number};
use crate::github::Installation;
use campaigns_actors::ports::Fence;
use campaigns_http::ports::APP_SHARD;
use serde_json::json;
use sqlx::{AssertSqlSafe, types::Json};
use std::collections::BTreeSet;

impl Work {
    /// Reads these installations and records what they are.
    pub(super) async fn read_installations(&self, held: &[Fence], ids: &BTreeSet<i64>) -> Result<(), Delay> {
        let Some(fence) = held.iter().find(|fence| fence.shard == APP_SHARD) else { return Ok(()) };
        if !self.github.is_app() {
            return Ok(());
        }
        for id in ids {
            let Ok(known) = u64::try_from(*id) else { continue };
            match self.github.installation(known).await? {
                Some(found) => self.record(*fence, &[found]).await?,
                None => self.gone(*fence, &[*id], false).await?,
            }
        }
        Ok(())
    }

    /// Lists every installation; those that are not there any more are recorded as removed.
    ///
    /// # Errors
    /// Where GitHub or the database did not answer. A listing that broke off removes nothing.
    pub async fn list_installations(&self, fence: Fence) -> Result<(), Delay> {
        let found = self.github.installations().await?;
        self.record(fence, &found).await?;
        let there: Vec<i64> = found.iter().map(|found| number(found.id)).collect();
        self.gone(fence, &there, true).await
    }

    async fn record(&self, fence: Fence, found: &[Installation]) -> Result<(), Delay> {
        let (shards, epochs) = columns(&[fence]);
        let rows: Vec<_> = found.iter().map(row).collect();
        // An organisation that installed the App anew has another installation: the old row gives way.
        let text = format!(
            "{FENCED}, i AS (SELECT DISTINCT ON (organization) x.* FROM jsonb_to_recordset($3) AS x \
             (id bigint, organization text, account_kind text, suspended boolean, permissions jsonb, \
             repository_selection text, events jsonb) ORDER BY organization, id DESC) \
             INSERT INTO installations AS o (id, organization, account_kind, suspended, permissions, \
             repository_selection, events, removed, seen) \
             SELECT i.id, i.organization, i.account_kind, i.suspended, i.permissions, i.repository_selection, i.events, \
             false, campaigns_now() FROM i, f \
             ON CONFLICT (organization) DO UPDATE SET id = excluded.id, account_kind = excluded.account_kind, \
             suspended = excluded.suspended, permissions = excluded.permissions, \
             repository_selection = excluded.repository_selection, events = excluded.events, removed = false, \
             seen = excluded.seen"
        );
        sqlx::query(AssertSqlSafe(text))
            .bind(&shards)
            .bind(&epochs)
            .bind(Json(rows))
            .execute(self.postgres.pool())
            .await?;
        Ok(())
    }

    /// Records these installations as removed, or with `others` all but these.
    async fn gone(&self, fence: Fence, ids: &[i64], others: bool) -> Result<(), Delay> {
        let (shards, epochs) = columns(&[fence]);
        let text = format!(
            "{FENCED} UPDATE installations o SET removed = true, seen = campaigns_now() FROM f \
             WHERE (o.id = ANY($3)) <> $4 AND NOT o.removed"
        );
        sqlx::query(AssertSqlSafe(text))
            .bind(&shards)
            .bind(&epochs)
            .bind(ids)
            .bind(others)
            .execute(self.postgres.pool())
            .await?;
        Ok(())
    }
}

fn row(found: &Installation) -> serde_json::Value {
    json!({
        "id": number(found.id),
        "organization": found.account.login.to_ascii_lowercase(),
        "account_kind": found.account.kind,
        "suspended": found.suspended_at.is_some(),
        "permissions": if found.permissions.is_object() { found.permissions.clone() } else { json!({}) },
        "repository_selection": found.repository_selection,
        "events": found.events,
    })
}
