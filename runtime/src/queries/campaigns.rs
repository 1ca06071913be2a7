//! Campaigns and their specs: lists, single ones, and putting a spec in force.
//!
//! Deliberately absent: what a spec means; it is text, normal form and digest here.

use super::{
    audit::{Change, note},
    rows::{count, counts, failed, get, one_more, page},
};
use crate::store::Connections;
use campaigns_http::{
    ports::{Listed, NewSpec, Signed, StoreError},
    wire::{Applied, Campaign, OrganizationPause, SpecVersion},
};
use serde_json::{Value, json};
use sqlx::{PgConnection, postgres::PgRow, types::Json};
use uuid::Uuid;

macro_rules! campaigns {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.name, c.owner, c.created, c.changed, c.paused_by, c.paused_at, s.digest, s.version, ",
            "coalesce(s.normalised->>'description', '') AS description, ",
            "(SELECT r.id FROM runs r WHERE r.campaign = c.id AND NOT coalesce((r.options->>'rebase')::boolean, false) ",
            "ORDER BY r.created DESC, r.id DESC LIMIT 1) AS latest_run, ",
            "(SELECT coalesce(jsonb_object_agg(k.state, k.number), '{}') FROM (SELECT state, count(*) AS number ",
            "FROM changesets WHERE campaign = c.id GROUP BY state) k) AS changesets, ",
            "(SELECT coalesce(jsonb_agg(jsonb_build_object('organization', o.login, 'cause', o.pause->>'cause', ",
            "'reason', o.pause->>'reason', 'since', o.paused_since) ORDER BY o.login), '[]') ",
            "FROM organizations o WHERE o.pause IS NOT NULL AND (",
            "EXISTS (SELECT FROM changesets g WHERE g.campaign = c.id AND g.organization = o.login ",
            "AND g.state NOT IN ('merged', 'closed')) ",
            "OR EXISTS (SELECT FROM runs r JOIN repo_targets t ON t.run = r.id WHERE r.campaign = c.id ",
            "AND r.state = 'running' AND t.state IN ('selected', 'queued', 'executing') ",
            "AND lower(split_part(t.repository, '/', 1)) = o.login) ",
            "OR EXISTS (SELECT FROM runs r JOIN specs z ON z.digest = r.spec, jsonb_array_elements(z.normalised->'on') q ",
            "WHERE r.campaign = c.id AND r.state = 'selecting' ",
            "AND o.login IN (lower(q->>'organization'), lower(split_part(q->>'repository', '/', 1)))))) ",
            "AS paused_organizations ",
            "FROM campaigns c JOIN specs s ON s.digest = c.spec ",
            $rest
        )
    };
}

pub(super) async fn list(
    pool: &Connections,
    after: Option<String>,
    limit: u32,
) -> Result<Listed<Campaign, String>, StoreError> {
    let rows = sqlx::query(campaigns!("WHERE c.name > $1 ORDER BY c.name LIMIT $2"))
        .bind(after.unwrap_or_default())
        .bind(one_more(limit))
        .fetch_all(pool)
        .await
        .map_err(failed)?;
    page(&rows, limit, campaign, |campaign| campaign.name.clone())
}

pub(super) async fn one(connection: &mut PgConnection, name: &str) -> Result<Option<Campaign>, StoreError> {
    let row = sqlx::query(campaigns!("WHERE c.name = $1")).bind(name).fetch_optional(connection).await;
    row.map_err(failed)?.as_ref().map(campaign).transpose()
}

/// The campaign's id.
pub(super) async fn id(pool: &Connections, name: &str) -> Result<Option<Uuid>, StoreError> {
    sqlx::query_scalar("SELECT id FROM campaigns WHERE name = $1")
        .bind(name)
        .fetch_optional(pool)
        .await
        .map_err(failed)
}

pub(super) async fn specs(
    pool: &Connections,
    campaign: &str,
    before: Option<u32>,
    limit: u32,
) -> Result<Option<Listed<SpecVersion, u32>>, StoreError> {
    let Some(campaign) = id(pool, campaign).await? else { return Ok(None) };
    let rows = sqlx::query(
        "SELECT * FROM specs WHERE campaign = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
    )
    .bind(campaign)
    .bind(before.and_then(|before| i32::try_from(before).ok()).unwrap_or(i32::MAX))
    .bind(one_more(limit))
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    page(&rows, limit, version, |version| version.version).map(Some)
}

/// Puts a spec in force, with its row of the audit log.
pub(super) async fn apply(pool: &Connections, by: &Signed, spec: NewSpec) -> Result<Applied, StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    let made = sqlx::query(
        "INSERT INTO campaigns (id, name, owner) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
    )
    .bind(spec.campaign.0)
    .bind(&spec.name)
    .bind(&by.actor)
    .execute(&mut *transaction)
    .await
    .map_err(failed)?;
    let created = made.rows_affected() == 1;
    // Whoever applies to the same campaign meanwhile waits here; runs of it do not.
    let (campaign, before): (Uuid, Option<String>) =
        sqlx::query_as("SELECT id, spec FROM campaigns WHERE name = $1 FOR NO KEY UPDATE")
            .bind(&spec.name)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
    let normal: Value = serde_json::from_str(&spec.normal)
        .map_err(|error| StoreError::Corrupt(format!("the spec's normal form: {error}")))?;
    let added = sqlx::query(
        "INSERT INTO specs (digest, campaign, version, raw, normalised, created_by) \
         SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5 FROM specs WHERE campaign = $2 \
         ON CONFLICT (digest) DO NOTHING",
    )
    .bind(&spec.digest.0)
    .bind(campaign)
    .bind(&spec.raw)
    .bind(normal)
    .bind(&by.actor)
    .execute(&mut *transaction)
    .await
    .map_err(failed)?;
    if before.as_deref() != Some(spec.digest.0.as_str()) {
        sqlx::query("UPDATE campaigns SET spec = $2, changed = clock_timestamp() WHERE id = $1")
            .bind(campaign)
            .bind(&spec.digest.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    let after = one(&mut transaction, &spec.name).await?;
    let after =
        after.ok_or_else(|| StoreError::Corrupt(format!("campaign `{}` has no spec in force", spec.name)))?;
    let change = Change {
        action: "campaign.apply",
        kind: "campaign",
        subject: &spec.name,
        before: before.map_or(Value::Null, |digest| json!({ "spec": digest })),
        after: json!({ "spec": after.spec, "version": after.version }),
    };
    note(&mut transaction, by, change).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(Applied { campaign: after, created, new_version: added.rows_affected() == 1 })
}

fn campaign(row: &PgRow) -> Result<Campaign, StoreError> {
    Ok(Campaign {
        id: get(row, "id")?,
        name: get(row, "name")?,
        description: get(row, "description")?,
        owner: get(row, "owner")?,
        spec: get(row, "digest")?,
        version: count(row, "version")?,
        latest_run: get(row, "latest_run")?,
        paused_by: get(row, "paused_by")?,
        paused_at: get(row, "paused_at")?,
        paused_organizations: get::<Json<Vec<OrganizationPause>>>(row, "paused_organizations")?.0,
        changesets: counts(row, "changesets")?,
        created_at: get(row, "created")?,
        updated_at: get(row, "changed")?,
    })
}

fn version(row: &PgRow) -> Result<SpecVersion, StoreError> {
    Ok(SpecVersion {
        digest: get(row, "digest")?,
        version: count(row, "version")?,
        raw: get(row, "raw")?,
        normal: get(row, "normalised")?,
        created_by: get(row, "created_by")?,
        created_at: get(row, "created")?,
    })
}
