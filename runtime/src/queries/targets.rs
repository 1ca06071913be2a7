//! Targets: a run's list, and single ones with their executions. Deliberately absent: changing them.

use super::{
    rows::{count, failed, get, like, named, named_as, one_more, page},
    runs,
};
use crate::store::Connections;
use campaigns_domain::{
    execution::{run, target::TargetState},
    id::{RunId, TargetId},
    publish::standing::Pause,
};
use campaigns_http::{
    ports::{Listed, StoreError, TargetFilter, TargetKey},
    wire::{Execution, Target, TargetDetail},
};
use sqlx::{Row, postgres::PgRow, types::Json};
use uuid::Uuid;

pub(super) async fn list(
    pool: &Connections,
    run: RunId,
    filter: &TargetFilter,
    after: Option<TargetKey>,
    limit: u32,
) -> Result<Option<Listed<Target, TargetKey>>, StoreError> {
    if !runs::exists(pool, run).await? {
        return Ok(None);
    }
    let (position, id) = after.map_or((-1, Uuid::nil()), |(position, id)| (i64::from(position), id));
    let rows = sqlx::query(
        "SELECT t.*, (SELECT coalesce(p.paused_by, r.paused_by) FROM runs r JOIN campaigns p ON p.id = r.campaign \
         WHERE r.id = t.run) AS paused_by, \
         (SELECT o.pause FROM organizations o WHERE o.login = lower(split_part(t.repository, '/', 1))) AS mending, (SELECT r.reason FROM runs r WHERE r.id = t.run) AS halted FROM repo_targets t WHERE run = $1 AND (position, id) > ($2::bigint, $3) \
         AND (cardinality($4::text[]) = 0 OR state = ANY ($4)) AND lower(repository) LIKE $5 ORDER BY position, id LIMIT $6",
    )
    .bind(run.0)
    .bind(position)
    .bind(id)
    .bind(filter.states.iter().map(|state| state.as_str()).collect::<Vec<_>>())
    .bind(like(filter.repository.as_ref()))
    .bind(one_more(limit))
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    let listed = page(
        &rows,
        limit,
        |row| Ok((count(row, "position")?, target(row)?)),
        |(at, target)| (*at, target.id),
    )?;
    let items = listed.items.into_iter().map(|(_, target)| target).collect();
    Ok(Some(Listed { items, next: listed.next }))
}

pub(super) async fn one(pool: &Connections, id: TargetId) -> Result<Option<TargetDetail>, StoreError> {
    let row = sqlx::query(
        "SELECT t.*, (SELECT c.id FROM changesets c WHERE c.target = t.id LIMIT 1) AS changeset, \
         (SELECT coalesce(p.paused_by, r.paused_by) FROM runs r JOIN campaigns p ON p.id = r.campaign \
         WHERE r.id = t.run) AS paused_by, \
         (SELECT o.pause FROM organizations o WHERE o.login = lower(split_part(t.repository, '/', 1))) AS mending, (SELECT r.reason FROM runs r WHERE r.id = t.run) AS halted FROM repo_targets t WHERE t.id = $1",
    )
    .bind(id.0)
    .fetch_optional(pool)
    .await
    .map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    let rows = sqlx::query("SELECT * FROM executions WHERE target = $1 ORDER BY attempt")
        .bind(id.0)
        .fetch_all(pool)
        .await;
    let executions = rows.map_err(failed)?.iter().map(execution).collect::<Result<_, _>>()?;
    Ok(Some(TargetDetail {
        target: target(&row)?,
        executions,
        changeset_id: row.try_get("changeset").map_err(failed)?,
    }))
}

fn target(row: &PgRow) -> Result<Target, StoreError> {
    let standing: TargetState = named_as(row, "state")?;
    let (reason, paused): (String, Option<String>) = (get(row, "reason")?, get(row, "paused_by")?);
    let halted: &str = get(row, "halted")?;
    let repository: String = get(row, "repository")?;
    let owner = repository.split('/').next().unwrap_or_default();
    let mending = get::<Option<Json<Pause>>>(row, "mending")?.map(|Json(pause)| pause.words(owner));
    let paused = paused.map(|by| run::paused(&by, halted)).or(mending);
    Ok(Target {
        why: standing.why(&reason, paused.as_deref()),
        id: get(row, "id")?,
        run_id: get(row, "run")?,
        campaign_id: get(row, "campaign")?,
        repository,
        branch: get(row, "branch")?,
        workspace: get(row, "workspace")?,
        base: get(row, "base")?,
        state: named(row, "state")?,
        reason,
        // A repository that the code host did not show has no id there.
        missing: get::<i64>(row, "repository_id")? == 0,
        attempt: count(row, "attempt")?,
    })
}

fn execution(row: &PgRow) -> Result<Execution, StoreError> {
    Ok(Execution {
        id: get(row, "id")?,
        attempt: count(row, "attempt")?,
        state: named(row, "state")?,
        reason: get(row, "reason")?,
        manifest: get(row, "manifest")?,
        started_at: get(row, "started")?,
        ended_at: get(row, "finished")?,
    })
}
