//! The audit log: one row in the transaction of every change, and pages of them.
//!
//! Deliberately absent: changing or removing rows, which the database refuses.

use super::rows::{failed, get, one_more, page};
use crate::store::Connections;
use campaigns_http::{
    ports::{Listed, Signed, StoreError},
    wire::AuditEntry,
};
use serde_json::{Value, json};
use sqlx::{PgConnection, postgres::PgRow};

/// What was changed.
pub(super) struct Change<'a> {
    pub(super) action: &'a str,
    pub(super) kind: &'a str,
    pub(super) subject: &'a str,
    pub(super) before: Value,
    pub(super) after: Value,
}

/// Notes a change, in the caller's transaction.
pub(super) async fn note(
    connection: &mut PgConnection,
    by: &Signed,
    change: Change<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit_log (actor, action, subject_kind, subject, request_id, data) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&by.actor)
    .bind(change.action)
    .bind(change.kind)
    .bind(change.subject)
    .bind(&by.request_id)
    .bind(json!({ "before": change.before, "after": change.after, "token": by.token }))
    .execute(connection)
    .await
    .map(drop)
    .map_err(failed)
}

pub(super) async fn list(
    pool: &Connections,
    subject: Option<&str>,
    before: Option<i64>,
    limit: u32,
) -> Result<Listed<AuditEntry, i64>, StoreError> {
    let before = before.unwrap_or(i64::MAX);
    let rows = match subject.and_then(|subject| subject.split_once('/')) {
        None => {
            sqlx::query("SELECT * FROM audit_log WHERE number < $1 ORDER BY number DESC LIMIT $2")
                .bind(before)
                .bind(one_more(limit))
                .fetch_all(pool)
                .await
        }
        Some((kind, subject)) => {
            sqlx::query(
                "SELECT * FROM audit_log WHERE subject = $3 AND subject_kind = $4 AND number < $1 \
                 ORDER BY number DESC LIMIT $2",
            )
            .bind(before)
            .bind(one_more(limit))
            .bind(subject)
            .bind(kind)
            .fetch_all(pool)
            .await
        }
    };
    page(&rows.map_err(failed)?, limit, entry, |entry| entry.id)
}

fn entry(row: &PgRow) -> Result<AuditEntry, StoreError> {
    let mut data: Value = get(row, "data")?;
    let mut take = |name: &str| data.get_mut(name).map(Value::take).unwrap_or_default();
    Ok(AuditEntry {
        id: get(row, "number")?,
        at: get(row, "at")?,
        actor: get(row, "actor")?,
        action: get(row, "action")?,
        subject: format!("{}/{}", get::<&str>(row, "subject_kind")?, get::<&str>(row, "subject")?),
        request_id: get::<Option<String>>(row, "request_id")?.unwrap_or_default(),
        before: take("before"),
        after: take("after"),
    })
}
