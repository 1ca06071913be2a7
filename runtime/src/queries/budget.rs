//! What forecasts are made from: what waits in an organisation, what counts there, and what a run found to change.
//!
//! Deliberately absent: the forecast.

use super::{
    campaigns,
    rows::{failed, get},
    runs,
};
use crate::store::spending;
use campaigns_domain::{
    changeset::Worn,
    execution::Manifest,
    id::{CampaignId, ChangesetId, RunId},
    publish::{
        budget::{Budget, Planned, WriteKind, writes},
        dress,
        standing::{AdaptivePace, Pause},
    },
    spec::Dress,
};
use campaigns_http::ports::{OrganizationQueue, Queued, Results, StoreError};
use chrono::{DateTime, Utc};
use sqlx::{PgPool, postgres::PgRow, types::Json};
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) async fn waiting_of(
    pool: &PgPool,
    campaign: &str,
) -> Result<Option<(CampaignId, Vec<String>)>, StoreError> {
    let Some(id) = campaigns::id(pool, campaign).await? else { return Ok(None) };
    let organizations: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT organization FROM changesets WHERE campaign = $1 AND state IN ('scheduled', 'publishing') \
         ORDER BY organization",
    )
    .bind(id)
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    Ok(Some((CampaignId(id), organizations)))
}

pub(super) async fn knows(pool: &PgPool, organization: &str) -> Result<bool, StoreError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM changesets WHERE organization = $1 AND state = 'scheduled') \
         OR EXISTS (SELECT FROM permits WHERE organization = $1) \
         OR EXISTS (SELECT FROM organizations WHERE login = $1) \
         OR EXISTS (SELECT FROM installations WHERE organization = $1)",
    )
    .bind(organization.to_ascii_lowercase())
    .fetch_one(pool)
    .await
    .map_err(failed)
}

pub(super) async fn queue(
    pool: &PgPool,
    organization: &str,
    budget: &Budget,
) -> Result<OrganizationQueue, StoreError> {
    let rows = sqlx::query(
        "SELECT c.id, c.campaign, k.name, c.run, c.repository, c.state, c.head IS NOT NULL AS on_branch, \
         c.pull_request IS NOT NULL AS proposed, e.manifest, c.wanted->'dress' AS dress, c.shown->'worn' AS worn, \
         split_part(c.repository, '/', 1) AS owner FROM changesets c JOIN campaigns k ON k.id = c.campaign \
         LEFT JOIN executions e ON e.target = (c.wanted->>'target')::uuid AND e.attempt = (c.wanted->>'attempt')::integer \
         WHERE c.organization = $1 AND c.state IN ('scheduled', 'publishing') AND NOT c.held \
         AND NOT EXISTS (SELECT FROM runs r WHERE r.id = c.run AND (r.paused_by IS NOT NULL OR k.paused_by IS NOT NULL)) \
         ORDER BY c.queue_number, c.id",
    )
    .bind(organization.to_ascii_lowercase())
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    let queued: Vec<Queued> = rows.iter().map(queued).collect::<Result<_, _>>()?;
    let mut waiting: Vec<CampaignId> = queued.iter().map(|queued| queued.planned.campaign).collect();
    waiting.sort_unstable();
    waiting.dedup();
    let spending = spending::read(pool, organization, &waiting, budget).await.map_err(failed)?;
    let standing = sqlx::query("SELECT not_before, reason, pause, pace FROM organizations WHERE login = $1")
        .bind(organization.to_ascii_lowercase())
        .fetch_optional(pool)
        .await
        .map_err(failed)?;
    let mut queue =
        OrganizationQueue { queued, spending, quiet: None, pause: None, pace: AdaptivePace::default() };
    if let Some(row) = &standing {
        let until: Option<DateTime<Utc>> = get(row, "not_before")?;
        let reason: String = get(row, "reason")?;
        queue.quiet = until.filter(|until| *until > queue.spending.now).map(|until| (until, reason));
        queue.pause = get::<Option<Json<Pause>>>(row, "pause")?.map(|Json(pause)| pause);
        queue.pace = get::<Json<AdaptivePace>>(row, "pace")?.0;
    }
    Ok(queue)
}

fn queued(row: &PgRow) -> Result<Queued, StoreError> {
    let state: &str = get(row, "state")?;
    Ok(Queued {
        planned: Planned {
            changeset: ChangesetId(get(row, "id")?),
            campaign: CampaignId(get(row, "campaign")?),
            writes: planned(row, get(row, "on_branch")?, get(row, "proposed")?)?,
        },
        campaign: get(row, "name")?,
        run: RunId(get(row, "run")?),
        repository: get(row, "repository")?,
        sending: state == "publishing",
    })
}

/// The writes of the result in this row, and those for what its pull request is to wear and does not yet. Where no
/// result is kept, as many as the smallest one takes.
fn planned(row: &PgRow, on_branch: bool, proposed: bool) -> Result<Vec<WriteKind>, StoreError> {
    let dress = get::<Option<Json<Dress>>>(row, "dress")?.map(|Json(dress)| dress).unwrap_or_default();
    let worn = get::<Option<Json<Worn>>>(row, "worn")?.map(|Json(worn)| worn).unwrap_or_default();
    let owner: &str = get(row, "owner")?;
    let dress = dress::writes(&dress.wanted(owner).without(&worn));
    let manifest: Option<Json<Manifest>> = get(row, "manifest")?;
    let manifest = manifest.map(|Json(manifest)| manifest);
    Ok(manifest.map_or_else(
        || {
            let smallest = [WriteKind::Tree, WriteKind::Commit, WriteKind::Branch, WriteKind::PullRequest];
            smallest.into_iter().chain(dress.clone()).collect()
        },
        |manifest| writes(&manifest, on_branch, proposed, &dress),
    ))
}

pub(super) async fn results(pool: &PgPool, run: RunId) -> Result<Option<Vec<Results>>, StoreError> {
    if !runs::exists(pool, run).await? {
        return Ok(None);
    }
    let rows = sqlx::query(
        "SELECT t.id, t.campaign, lower(split_part(t.repository, '/', 1)) AS organization, e.manifest, \
         split_part(t.repository, '/', 1) AS owner, s.normalised->'changesetTemplate' AS dress, NULL::jsonb AS worn \
         FROM repo_targets t JOIN runs r ON r.id = t.run JOIN specs s ON s.digest = r.spec LEFT JOIN executions e ON e.target = t.id AND e.attempt = t.attempt \
         WHERE t.run = $1 AND t.state = 'changed' ORDER BY t.position, t.id",
    )
    .bind(run.0)
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    let mut by_organization: BTreeMap<String, Vec<Planned>> = BTreeMap::new();
    for row in &rows {
        // There is no changeset yet: the target's id stands for the one it would propose.
        let id: Uuid = get(row, "id")?;
        let planned = Planned {
            changeset: ChangesetId(id),
            campaign: CampaignId(get(row, "campaign")?),
            writes: planned(row, false, false)?,
        };
        by_organization.entry(get(row, "organization")?).or_default().push(planned);
    }
    let results =
        by_organization.into_iter().map(|(organization, planned)| Results { organization, planned });
    Ok(Some(results.collect()))
}
