//! Where the App is installed: read afresh when GitHub tells that something about it changed, and listed every so
//! often, since telling can fail. A payload is never believed.
//!
//! Whatever changed of one is told to its organisation in the statement that records it. Deliberately absent: what
//! follows there, which its owner decides.

use super::{Delay, FENCED, Work, columns, number};
use crate::github::Installation;
use campaigns_actors::ports::{Fence, MessageBody, Recipient};
use campaigns_domain::{id::Shard, publish::installation::InstallationState};
use campaigns_http::ports::APP_SHARD;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, types::Json};
use std::collections::BTreeSet;
use uuid::Uuid;

impl Work {
    /// Reads these installations and records what they are; the shards whose owners have messages now.
    pub(super) async fn read_installations(
        &self,
        held: &[Fence],
        ids: &BTreeSet<i64>,
    ) -> Result<BTreeSet<Shard>, Delay> {
        let mut wake = BTreeSet::new();
        let Some(fence) = held.iter().find(|fence| fence.shard == APP_SHARD) else { return Ok(wake) };
        if !self.github.is_app() {
            return Ok(wake);
        }
        for id in ids {
            let Ok(known) = u64::try_from(*id) else { continue };
            wake.extend(match self.github.installation(known).await? {
                Some(found) => self.record(*fence, &[found]).await?,
                None => self.gone(*fence, &[*id], false).await?,
            });
        }
        Ok(wake)
    }

    /// Lists every installation; those that are not there any more are recorded as removed. The shards whose owners
    /// have messages now.
    ///
    /// # Errors
    /// Where GitHub or the database did not answer. A listing that broke off removes nothing.
    pub async fn list_installations(&self, fence: Fence) -> Result<BTreeSet<Shard>, Delay> {
        let found = self.github.installations().await?;
        let mut wake = self.record(fence, &found).await?;
        let there: Vec<i64> = found.iter().map(|found| number(found.id)).collect();
        wake.extend(self.gone(fence, &there, true).await?);
        Ok(wake)
    }

    async fn record(&self, fence: Fence, found: &[Installation]) -> Result<BTreeSet<Shard>, Delay> {
        let (shards, epochs) = columns(&[fence]);
        let rows = found.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        // An organisation that installed the App anew has another installation: the old row gives way. Both parts see the
        // rows as they were before.
        let text = format!(
            "{FENCED}, i AS (SELECT DISTINCT ON (organization) x.* FROM jsonb_to_recordset($3) AS x \
             (id bigint, organization text, account_kind text, suspended boolean, suspended_at timestamptz, permissions jsonb, \
             repository_selection text, events jsonb, message uuid, home smallint, recipient jsonb, body jsonb) \
             ORDER BY organization, id DESC), \
             news AS (SELECT i.* \
             FROM i LEFT JOIN installations o ON o.organization = i.organization \
             WHERE o.id IS NULL OR (o.suspended, o.removed, o.permissions) IS DISTINCT FROM (i.suspended, false, i.permissions)), \
             sent AS (INSERT INTO inbox (id, shard, recipient, body) \
             SELECT n.message, n.home, n.recipient, n.body FROM news n, f RETURNING shard), \
             kept AS (INSERT INTO installations AS o (id, organization, account_kind, suspended, permissions, \
             repository_selection, events, removed, seen, since) \
             SELECT i.id, i.organization, i.account_kind, i.suspended, i.permissions, i.repository_selection, i.events, \
             false, campaigns_now(), coalesce(i.suspended_at, campaigns_now()) FROM i, f \
             ON CONFLICT (organization) DO UPDATE SET id = excluded.id, account_kind = excluded.account_kind, \
             suspended = excluded.suspended, permissions = excluded.permissions, \
             repository_selection = excluded.repository_selection, events = excluded.events, removed = false, \
             seen = excluded.seen, since = CASE WHEN (o.suspended, o.removed) = (excluded.suspended, false) \
             THEN coalesce(o.since, excluded.since) ELSE excluded.since END) \
             SELECT shard FROM sent"
        );
        let told: Vec<i16> = sqlx::query_scalar(AssertSqlSafe(text))
            .bind(&shards)
            .bind(&epochs)
            .bind(Json(rows))
            .fetch_all(self.postgres.pool())
            .await?;
        Ok(told.into_iter().filter_map(shard).collect())
    }

    /// Records these installations as removed, or with `others` all but these.
    async fn gone(&self, fence: Fence, ids: &[i64], others: bool) -> Result<BTreeSet<Shard>, Delay> {
        let (shards, epochs) = columns(&[fence]);
        // Nobody else changes these rows: what is found here is still so below.
        let gone: Vec<String> = sqlx::query_scalar(
            "SELECT organization FROM installations WHERE (id = ANY($1)) <> $2 AND NOT removed ORDER BY id",
        )
        .bind(ids)
        .bind(others)
        .fetch_all(self.postgres.pool())
        .await?;
        if gone.is_empty() {
            return Ok(BTreeSet::new());
        }
        let messages: Vec<_> =
            gone.iter().map(|login| message(login, InstallationState::Removed)).collect::<Result<_, _>>()?;
        let text = format!(
            "{FENCED}, n AS (SELECT x.* FROM jsonb_to_recordset($3) AS x \
             (organization text, message uuid, home smallint, recipient jsonb, body jsonb)), \
             kept AS (UPDATE installations o SET removed = true, seen = campaigns_now(), since = campaigns_now() FROM n, f \
             WHERE o.organization = n.organization AND NOT o.removed RETURNING o.organization), \
             sent AS (INSERT INTO inbox (id, shard, recipient, body) SELECT n.message, n.home, n.recipient, n.body \
             FROM n JOIN kept ON kept.organization = n.organization RETURNING shard) \
             SELECT shard FROM sent"
        );
        let told: Vec<i16> = sqlx::query_scalar(AssertSqlSafe(text))
            .bind(&shards)
            .bind(&epochs)
            .bind(Json(messages))
            .fetch_all(self.postgres.pool())
            .await?;
        Ok(told.into_iter().filter_map(shard).collect())
    }
}

fn shard(number: i16) -> Option<Shard> {
    u16::try_from(number).ok().map(Shard)
}

/// What an organisation is told of its installation.
fn message(login: &str, state: InstallationState) -> Result<Value, serde_json::Error> {
    let recipient = Recipient::Organization(login.to_owned());
    Ok(json!({
        "organization": login,
        "message": Uuid::now_v7(),
        "home": recipient.shard().0,
        "recipient": serde_json::to_value(&recipient)?,
        "body": serde_json::to_value(MessageBody::Installation { state })?,
    }))
}

fn row(found: &Installation) -> Result<Value, serde_json::Error> {
    let login = found.account.login.to_ascii_lowercase();
    let mut row = message(&login, InstallationState::of(found.suspended_at.is_some(), false))?;
    let of_it = json!({
        "id": number(found.id),
        "account_kind": found.account.kind,
        "suspended": found.suspended_at.is_some(),
        "suspended_at": found.suspended_at,
        "permissions": if found.permissions.is_object() { found.permissions.clone() } else { json!({}) },
        "repository_selection": found.repository_selection,
        "events": found.events,
    });
    if let (Value::Object(row), Value::Object(of_it)) = (&mut row, of_it) {
        row.extend(of_it);
    }
    Ok(row)
}
