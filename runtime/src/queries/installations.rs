//! Where the App is installed, with what holds an organisation up. Deliberately absent: recording it (`webhooks`).

use super::rows::{failed, get, one_more, page};
use crate::store::Connections;
use campaigns_domain::publish::{
    installation::{InstallationState, missing},
    standing::Pause,
};
use campaigns_http::{
    ports::{Listed, StoreError},
    wire::{Installation, OrganizationPause},
};
use serde_json::Value;
use sqlx::{postgres::PgRow, types::Json};
use std::collections::BTreeMap;

pub(super) async fn list(
    pool: &Connections,
    after: Option<String>,
    limit: u32,
) -> Result<Listed<Installation, String>, StoreError> {
    let rows = sqlx::query(
        "SELECT i.*, o.pause, o.paused_since FROM installations i \
         LEFT JOIN organizations o ON o.login = i.organization \
         WHERE i.organization > $1 ORDER BY i.organization LIMIT $2",
    )
    .bind(after.unwrap_or_default())
    .bind(one_more(limit))
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    page(&rows, limit, installation, |installation| installation.organization.clone())
}

fn installation(row: &PgRow) -> Result<Installation, StoreError> {
    let organization: String = get(row, "organization")?;
    let state = InstallationState::of(get(row, "suspended")?, get(row, "removed")?);
    let Json(permissions): Json<BTreeMap<String, Value>> = get(row, "permissions")?;
    let granted = permissions
        .into_iter()
        .filter_map(|(name, level)| level.as_str().map(|level| (name, level.to_owned())))
        .collect();
    let since = get(row, "paused_since")?;
    let pause = get::<Option<Json<Pause>>>(row, "pause")?.map(|Json(pause)| OrganizationPause {
        organization: organization.clone(),
        cause: pause.why.cause.as_str().to_owned(),
        reason: pause.why.reason,
        since,
    });
    let id: i64 = get(row, "id")?;
    Ok(Installation {
        id: id.unsigned_abs(),
        state: state.as_str().to_owned(),
        since: get(row, "since")?,
        pause,
        // One that is gone has none, and that is not what is to be mended.
        missing_permissions: if state == InstallationState::Removed { vec![] } else { missing(&granted) },
        repositories: get(row, "repository_selection")?,
        seen_at: get(row, "seen")?,
        organization,
    })
}
