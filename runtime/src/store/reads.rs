//! The reads of the port.
//!
//! Deliberately absent: what a row means (`rows`).

use super::{Postgres, failure, input::shard as column, rows};
use campaigns_actors::ports::{Backlog, Message, RunControl, StoreError};
use campaigns_domain::{
    changeset::Changeset,
    execution::{run::Run, target::Target},
    id::{ChangesetId, Digest, RunId, Shard, TargetId},
    spec::Spec,
};
use sqlx::Row as _;
use uuid::Uuid;

impl Postgres {
    pub(super) async fn read_inbox(&self, shards: &[Shard], limit: u32) -> Result<Vec<Message>, StoreError> {
        let shards: Vec<i16> = shards
            .iter()
            .map(|shard| column(*shard))
            .collect::<Result<_, _>>()
            .map_err(StoreError::Corrupt)?;
        let found = sqlx::query(
            "SELECT id, recipient, body FROM inbox WHERE shard = ANY($1) AND consumed_at IS NULL ORDER BY number LIMIT $2",
        )
        .bind(shards)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        found.iter().map(rows::message).collect()
    }

    pub(super) async fn read_backlog(&self, shard: Shard) -> Result<Backlog, StoreError> {
        let shard = column(shard).map_err(StoreError::Corrupt)?;
        let effects = sqlx::query(
            "SELECT id, shard, run, subject_kind, subject, kind, generation, state FROM effects \
             WHERE shard = $1 AND state <> 'done' ORDER BY number",
        )
        .bind(shard)
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        let organizations = sqlx::query_scalar(
            "SELECT DISTINCT organization FROM changesets WHERE shard = $1 AND state = 'scheduled' ORDER BY organization",
        )
        .bind(shard)
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        // A cancelled run is looked after for as long as something of it is held.
        let rollouts: Vec<Uuid> = sqlx::query_scalar(
            "SELECT id FROM runs r WHERE shard = $1 AND rollout ? 'ends' AND (state = 'running' OR (state = 'cancelled' \
             AND EXISTS (SELECT FROM changesets c WHERE c.run = r.id AND c.held))) AND state IN ('running', 'cancelled') \
             ORDER BY id",
        )
        .bind(shard)
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        Ok(Backlog {
            effects: effects.iter().map(rows::effect).collect::<Result<_, _>>()?,
            organizations,
            rollouts: rollouts.into_iter().map(RunId).collect(),
        })
    }

    pub(super) async fn read_run(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        // One statement, so that the run and its admissions are of the same moment.
        let found = sqlx::query(
            "SELECT r.*, \
             coalesce((SELECT jsonb_agg(jsonb_build_array(a.target, a.attempt)) FROM admissions a \
             WHERE a.run = r.id AND a.state = 'open'), '[]') AS open, \
             coalesce((SELECT jsonb_agg(jsonb_build_array(a.target, a.attempt) ORDER BY a.number) FROM admissions a \
             WHERE a.run = r.id AND a.state = 'asked'), '[]') AS again \
             FROM runs r WHERE r.id = $1",
        )
        .bind(run.0)
        .fetch_optional(&self.pool)
        .await
        .map_err(failure::read)?;
        found.as_ref().map(rows::run).transpose()
    }

    pub(super) async fn read_spec(&self, digest: &Digest) -> Result<Option<Spec>, StoreError> {
        let found = sqlx::query("SELECT normalised FROM specs WHERE digest = $1")
            .bind(&digest.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(failure::read)?;
        found.as_ref().map(rows::spec).transpose()
    }

    pub(super) async fn read_target(&self, target: TargetId) -> Result<Option<Target>, StoreError> {
        let found = sqlx::query("SELECT * FROM repo_targets WHERE id = $1")
            .bind(target.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(failure::read)?;
        found.as_ref().map(rows::target).transpose()
    }

    pub(super) async fn read_targets_at(
        &self,
        run: RunId,
        from: u32,
        count: u32,
    ) -> Result<Vec<TargetId>, StoreError> {
        let found: Vec<Uuid> = sqlx::query_scalar(
            "SELECT id FROM repo_targets WHERE run = $1 AND position >= $2 AND position < $3 AND takes_part \
             ORDER BY position, id",
        )
        .bind(run.0)
        .bind(i32::try_from(from).unwrap_or(i32::MAX))
        .bind(i32::try_from(from.saturating_add(count)).unwrap_or(i32::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        Ok(found.into_iter().map(TargetId).collect())
    }

    pub(super) async fn read_unfinished_targets(&self, run: RunId) -> Result<Vec<TargetId>, StoreError> {
        let found: Vec<Uuid> = sqlx::query_scalar(
            "SELECT id FROM repo_targets WHERE run = $1 AND state IN ('selected', 'queued', 'executing') \
             ORDER BY position, id",
        )
        .bind(run.0)
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        Ok(found.into_iter().map(TargetId).collect())
    }

    pub(super) async fn read_changeset(
        &self,
        changeset: ChangesetId,
    ) -> Result<Option<Changeset>, StoreError> {
        let found = sqlx::query("SELECT * FROM changesets WHERE id = $1")
            .bind(changeset.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(failure::read)?;
        found.as_ref().map(rows::changeset).transpose()
    }

    pub(super) async fn read_scheduled(
        &self,
        organization: &str,
        limit: u32,
    ) -> Result<Vec<Changeset>, StoreError> {
        let found = sqlx::query(
            "WITH urgent AS (SELECT id FROM runs WHERE rollout #>> '{pace,priority}' = 'urgent' \
             AND state IN ('selecting', 'running')), waiting AS (SELECT c.* FROM changesets c \
             WHERE c.organization = $1 AND c.state = 'scheduled' AND NOT c.held AND NOT c.errand ? 'paused' AND NOT EXISTS (\
             SELECT FROM runs r JOIN campaigns p ON p.id = r.campaign WHERE r.id = c.run \
             AND (r.paused_by IS NOT NULL OR p.paused_by IS NOT NULL))) \
             (SELECT * FROM waiting WHERE run IN (SELECT id FROM urgent) ORDER BY queue_number LIMIT $2) UNION ALL \
             (SELECT * FROM waiting WHERE run NOT IN (SELECT id FROM urgent) ORDER BY queue_number LIMIT $2) LIMIT $2",
        )
        .bind(organization.to_ascii_lowercase())
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        found.iter().map(rows::changeset).collect()
    }

    pub(super) async fn read_holds(&self, organization: &str) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM changesets c JOIN runs r ON r.id = c.run JOIN campaigns p ON p.id = r.campaign \
             WHERE c.organization = $1 AND c.state = 'scheduled' AND NOT c.held AND NOT c.errand ? 'paused' \
             AND (r.paused_by IS NOT NULL OR p.paused_by IS NOT NULL))",
        )
        .bind(organization.to_ascii_lowercase())
        .fetch_one(&self.pool)
        .await
        .map_err(failure::read)
    }

    pub(super) async fn read_run_control(&self, run: RunId) -> Result<Option<RunControl>, StoreError> {
        // Besides the rows, what waits for the run's owner: the newest word about a pause, and any cancellation.
        let found = sqlx::query(
            "WITH asked AS (SELECT body->>'kind' AS kind, body->>'by' AS by, number FROM inbox WHERE run = $1 \
             AND consumed_at IS NULL AND body->>'kind' IN ('pause_run', 'resume_run', 'cancel_run')) \
             SELECT CASE WHEN r.state IN ('selecting', 'running') AND EXISTS (SELECT FROM asked WHERE kind = 'cancel_run') \
             THEN 'cancelled' ELSE r.state END AS state, coalesce(c.paused_by, \
             (SELECT a.by FROM (SELECT kind, by FROM asked WHERE kind <> 'cancel_run' ORDER BY number DESC LIMIT 1) a \
             WHERE a.kind = 'pause_run'), r.paused_by) AS paused, \
             coalesce(r.rollout->'pace', '{}') AS pace, campaigns_now() AS at FROM runs r JOIN campaigns c ON c.id = r.campaign WHERE r.id = $1",
        )
        .bind(run.0)
        .fetch_optional(&self.pool)
        .await
        .map_err(failure::read)?;
        let Some(row) = found else { return Ok(None) };
        let state: String = row.try_get("state").map_err(failure::read)?;
        let paused = row.try_get("paused").map_err(failure::read)?;
        let at = row.try_get("at").map_err(failure::read)?;
        Ok(Some(RunControl {
            state: rows::named(&state)?,
            paused,
            pace: rows::json(&row, "pace")?,
            at: Some(at),
        }))
    }
}
