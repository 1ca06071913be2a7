//! What forecasts are made from: what waits in an organisation, what counts there, and what a run found to change.
//!
//! Deliberately absent: the forecast.

use super::{
    campaigns,
    rows::{failed, get},
    runs,
};
use crate::store::{Connections, rollout as counts, spending};
use campaigns_domain::{
    changeset::Worn,
    execution::{Manifest, rollout::Progress, run},
    id::{CampaignId, ChangesetId, RunId},
    publish::{
        budget::{Budget, Planned, WriteKind, writes},
        dress,
        rollout::NO_CHECKS_AFTER,
        standing::{AdaptivePace, Pause},
    },
    spec::{Dress, Rollout},
};
use campaigns_http::ports::{Found, HeldAt, OrganizationQueue, Queued, Results, StoreError, WaitingRun};
use chrono::{DateTime, Utc};
use sqlx::{postgres::PgRow, types::Json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub(super) async fn waiting_of(
    pool: &Connections,
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

pub(super) async fn knows(pool: &Connections, organization: &str) -> Result<bool, StoreError> {
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
    pool: &Connections,
    organization: &str,
    budget: &Budget,
) -> Result<OrganizationQueue, StoreError> {
    let rows = sqlx::query(
        "WITH runs_here AS (SELECT DISTINCT run FROM changesets WHERE organization = $1 AND state IN ('scheduled', 'publishing')), \
         held AS (SELECT c.id, t.position, c.pull_request IS NOT NULL AS opened, \
         row_number() OVER (PARTITION BY c.run, c.pull_request IS NOT NULL ORDER BY t.position, c.id) - 1 AS before \
         FROM changesets c JOIN repo_targets t ON t.id = c.target JOIN runs r ON r.id = c.run \
         WHERE c.run IN (SELECT run FROM runs_here) AND c.held AND c.state = 'scheduled' AND NOT c.errand ? 'paused' \
         AND NOT coalesce(r.rollout->'releasing', '[]') ? c.id::text) \
         SELECT c.id, c.campaign, k.name, c.run, c.repository, c.state, c.head IS NOT NULL AS on_branch, \
         c.pull_request IS NOT NULL AS proposed, e.manifest, h.position, h.before, c.wanted->'dress' AS dress, \
         c.shown->'worn' AS worn, c.errand->>'paused' AS paused_by, split_part(c.repository, '/', 1) AS owner \
         FROM changesets c JOIN campaigns k ON k.id = c.campaign JOIN runs r ON r.id = c.run LEFT JOIN held h ON h.id = c.id \
         LEFT JOIN executions e ON e.target = (coalesce(c.wanted->'made_by', c.wanted)->>'target')::uuid \
         AND e.attempt = (coalesce(c.wanted->'made_by', c.wanted)->>'attempt')::integer \
         WHERE c.organization = $1 AND c.state IN ('scheduled', 'publishing') \
         ORDER BY h.id IS NOT NULL, r.rollout #>> '{pace,priority}' IS NOT DISTINCT FROM 'urgent' DESC, h.position, \
         c.queue_number, c.id",
    )
    .bind(organization.to_ascii_lowercase())
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    let queued: Vec<Queued> = rows.iter().map(queued).collect::<Result<_, _>>()?;
    let mut waiting: Vec<CampaignId> = queued.iter().map(|queued| queued.planned.campaign).collect();
    waiting.sort_unstable();
    waiting.dedup();
    let runs = waiting_runs(pool, &queued).await?;
    let budget = OrganizationQueue::own(&runs).within(budget);
    let spending = spending::read(pool, organization, &waiting, &budget).await.map_err(failed)?;
    let standing = sqlx::query(
        "SELECT not_before, reason, pause, paused_since, pace FROM organizations WHERE login = $1",
    )
    .bind(organization.to_ascii_lowercase())
    .fetch_optional(pool)
    .await
    .map_err(failed)?;
    let mut queue =
        OrganizationQueue { queued, runs, spending, quiet: None, pause: None, pace: AdaptivePace::default() };
    if let Some(row) = &standing {
        let until: Option<DateTime<Utc>> = get(row, "not_before")?;
        let reason: String = get(row, "reason")?;
        queue.quiet = until.filter(|until| *until > queue.spending.now).map(|until| (until, reason));
        let since = get(row, "paused_since")?;
        queue.pause = get::<Option<Json<Pause>>>(row, "pause")?.map(|Json(pause)| (pause, since));
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
        held: held(row)?,
        paused_by: get(row, "paused_by")?,
    })
}

fn held(row: &PgRow) -> Result<Option<HeldAt>, StoreError> {
    let Some(position) = get::<Option<i32>>(row, "position")? else { return Ok(None) };
    let before: i64 = get(row, "before")?;
    Ok(Some(HeldAt {
        position: position.unsigned_abs(),
        opened: get(row, "proposed")?,
        before: u32::try_from(before).unwrap_or(u32::MAX),
    }))
}

/// The runs that these are of.
async fn waiting_runs(pool: &Connections, queued: &[Queued]) -> Result<Vec<WaitingRun>, StoreError> {
    let ids: BTreeSet<Uuid> = queued.iter().map(|queued| queued.run.0).collect();
    let holding: BTreeSet<Uuid> =
        queued.iter().filter(|queued| queued.held.is_some()).map(|queued| queued.run.0).collect();
    let rows = sqlx::query(
        "SELECT r.id, r.campaign, k.name, s.normalised->'rollout' AS wanted, r.rollout, r.reason, \
         coalesce(k.paused_by, r.paused_by) AS paused_by, \
         (SELECT count(DISTINCT c.organization) <= 1 FROM changesets c WHERE c.run = r.id \
         AND c.state IN ('scheduled', 'publishing')) AS alone \
         FROM runs r JOIN campaigns k ON k.id = r.campaign JOIN specs s ON s.digest = r.spec WHERE r.id = ANY($1) ORDER BY r.id",
    )
    .bind(ids.into_iter().collect::<Vec<_>>())
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    let mut runs = vec![];
    for row in &rows {
        let run = RunId(get(row, "id")?);
        let Json(progress): Json<Progress> = get(row, "rollout")?;
        let waves = if holding.contains(&run.0) {
            counts::read(pool, run, &progress.ends, &progress.releasing, NO_CHECKS_AFTER).await?.waves
        } else {
            vec![]
        };
        let (paused, halted): (Option<String>, &str) = (get(row, "paused_by")?, get(row, "reason")?);
        runs.push(WaitingRun {
            run,
            campaign: (CampaignId(get(row, "campaign")?), get(row, "name")?),
            rollout: wanted(row, "wanted")?,
            paused: paused.map(|by| run::paused(&by, halted)),
            progress,
            waves,
            alone: get(row, "alone")?,
        });
    }
    Ok(runs)
}

fn wanted(row: &PgRow, column: &str) -> Result<Option<Rollout>, StoreError> {
    Ok(get::<Option<Json<Rollout>>>(row, column)?.map(|Json(rollout)| rollout))
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

pub(super) async fn results(pool: &Connections, run: RunId) -> Result<Option<Found>, StoreError> {
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
    let spec = sqlx::query(
        "SELECT s.normalised->'rollout' AS wanted FROM runs r JOIN specs s ON s.digest = r.spec WHERE r.id = $1",
    )
    .bind(run.0)
    .fetch_one(pool)
    .await
    .map_err(failed)?;
    Ok(Some(Found { rollout: wanted(&spec, "wanted")?, results: results.collect() }))
}
