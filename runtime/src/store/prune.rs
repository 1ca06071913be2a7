//! The read of what a run may close of earlier versions.
//!
//! Deliberately absent: deciding it (`campaigns_domain::publish::prune`).

use super::{Postgres, failure, rows};
use campaigns_actors::ports::{Prunable, StoreError};
use campaigns_domain::{id::RunId, publish::prune::Candidate};

impl Postgres {
    pub(super) async fn read_prunable(&self, run: RunId) -> Result<Prunable, StoreError> {
        let known: Option<(bool, i64)> = sqlx::query_as(
            "SELECT p.spec IS NULL OR p.spec = r.spec, (SELECT count(*) FROM changesets c \
             WHERE c.campaign = p.id AND c.state NOT IN ('merged', 'closed')) \
             FROM runs r JOIN campaigns p ON p.id = r.campaign WHERE r.id = $1",
        )
        .bind(run.0)
        .fetch_optional(&self.pool)
        .await
        .map_err(failure::read)?;
        let Some((in_force, all)) = known else { return Ok(Prunable::default()) };
        // Each repository's targets once, by its id or, where GitHub did not show it, by its name.
        let found = sqlx::query(
            "WITH here AS (SELECT repository_id, CASE WHEN repository_id = 0 THEN lower(repository) END AS name, \
             jsonb_agg(jsonb_build_object('branch', branch, 'state', state, 'missing', repository_id = 0) \
             ORDER BY branch COLLATE \"C\") AS targets FROM repo_targets WHERE run = $1 GROUP BY 1, 2) \
             SELECT c.*, coalesce(t.targets, '[]') || coalesce(m.targets, '[]') AS here FROM runs r \
             JOIN changesets c ON c.campaign = r.campaign JOIN runs o ON o.id = c.run \
             LEFT JOIN here t ON t.repository_id = c.repository_id AND t.name IS NULL \
             LEFT JOIN here m ON m.name = lower(c.repository) \
             WHERE r.id = $1 AND c.state NOT IN ('merged', 'closed') AND o.spec <> r.spec ORDER BY c.id",
        )
        .bind(run.0)
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        let candidate =
            |row| Ok(Candidate { changeset: rows::changeset(row)?, here: rows::json(row, "here")? });
        Ok(Prunable {
            in_force,
            all: u64::try_from(all).unwrap_or_default(),
            candidates: found.iter().map(candidate).collect::<Result<_, StoreError>>()?,
        })
    }
}
