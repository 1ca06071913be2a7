//! The reads of a rollout: whether anything has happened, what became of each wave, and which changesets are held.
//!
//! Counted from the rows and kept nowhere, so that no number can differ from what it counts; asked only after the
//! run's parts show that something has happened. Deliberately absent: what the numbers mean.

use super::{Connections, Postgres, failure, rows};
use campaigns_actors::ports::{Held, RolloutCounts, RolloutMark, StoreError, Wanted};
use campaigns_domain::{
    changeset,
    id::{ChangesetId, RunId},
    publish::rollout::{Checks, Kind, WaveCounts},
};
use chrono::{DateTime, Utc};
use sqlx::Row as _;
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

/// What became of each wave of a run.
pub(crate) async fn read(
    pool: &Connections,
    run: RunId,
    ends: &[u32],
    releasing: &BTreeSet<ChangesetId>,
    long: Duration,
) -> Result<RolloutCounts, StoreError> {
    let ends: Vec<i32> = ends.iter().map(|end| i32::try_from(*end).unwrap_or(i32::MAX)).collect();
    let asked: Vec<Uuid> = releasing.iter().map(|id| id.0).collect();
    let mut counts =
        RolloutCounts { waves: vec![WaveCounts::default(); ends.len()], ..RolloutCounts::default() };
    // One statement, so that a target's end, the message that proposes its changes, and the changeset that follows from
    // that are of the same moment.
    let found = sqlx::query(
        "SELECT width_bucket(position, $2) AS wave, 'target' AS what, state, false AS opened, false AS held, \
         NULL AS checks, false AS long, count(*) AS count, NULL::timestamptz AS settles FROM repo_targets WHERE run = $1 AND takes_part GROUP BY 1, 3 \
         UNION ALL \
         SELECT width_bucket(t.position, $2), 'changeset', c.state, c.pull_request IS NOT NULL, \
         (c.held AND NOT c.id = ANY($3)) OR c.errand ? 'paused', c.checks, coalesce(c.checks_since <= m.now - make_interval(secs => $4), false), count(*), \
         min(c.checks_since) + make_interval(secs => $4) FROM (SELECT campaigns_now() AS now OFFSET 0) m, \
         changesets c JOIN repo_targets t ON t.id = c.target WHERE c.run = $1 GROUP BY 1, 3, 4, 5, 6, 7 \
         UNION ALL \
         SELECT width_bucket(t.position, $2), 'proposed', '', false, false, NULL, false, count(*), NULL \
         FROM inbox m JOIN repo_targets t ON t.id = (m.body #>> '{proposal,target}')::uuid \
         WHERE m.run = $1 AND m.consumed_at IS NULL AND m.body ->> 'kind' = 'proposed' GROUP BY 1",
    )
    .bind(run.0)
    .bind(&ends)
    .bind(&asked)
    .bind(long.as_secs_f64())
    .fetch_all(pool)
    .await
    .map_err(failure::read)?;
    for row in &found {
        let wave: i32 = row.try_get("wave").map_err(failure::read)?;
        let Some(wave) = usize::try_from(wave).ok().and_then(|wave| counts.waves.get_mut(wave)) else {
            return Err(StoreError::Corrupt(format!("run {run} has targets behind its last wave")));
        };
        let what: String = row.try_get("what").map_err(failure::read)?;
        let state: String = row.try_get("state").map_err(failure::read)?;
        let count: i64 = row.try_get("count").map_err(failure::read)?;
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match what.as_str() {
            "target" => {
                wave.add_targets(rows::named(&state)?, count);
                continue;
            }
            "proposed" => {
                wave.add_proposed(count);
                continue;
            }
            _ => {}
        }
        let checks: Option<String> = row.try_get("checks").map_err(failure::read)?;
        let checks = checks.as_deref().map(rows::named).transpose()?;
        let stands: bool = row.try_get("long").map_err(failure::read)?;
        let kind = Kind {
            state: rows::named(&state)?,
            opened: row.try_get("opened").map_err(failure::read)?,
            held: row.try_get("held").map_err(failure::read)?,
            checks: Checks::of(checks, stands),
        };
        if checks == Some(changeset::Checks::None) && !stands {
            let at: Option<DateTime<Utc>> = row.try_get("settles").map_err(failure::read)?;
            counts.settles = counts.settles.into_iter().chain(at).min();
        }
        wave.add_changesets(kind, count);
    }
    if !asked.is_empty() {
        let still: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM changesets WHERE id = ANY($1) AND held")
            .bind(&asked)
            .fetch_all(pool)
            .await
            .map_err(failure::read)?;
        counts.releasing = still.into_iter().map(ChangesetId).collect();
    }
    Ok(counts)
}

impl Postgres {
    pub(super) async fn read_rollout_mark(&self, run: RunId) -> Result<RolloutMark, StoreError> {
        let row = sqlx::query(
            "SELECT coalesce(sum(last_sequence), 0)::bigint AS events, campaigns_now() AS now FROM run_parts WHERE run = $1",
        )
        .bind(run.0)
        .fetch_one(&self.pool)
        .await
        .map_err(failure::read)?;
        Ok(RolloutMark {
            events: row.try_get("events").map_err(failure::read)?,
            now: row.try_get("now").map_err(failure::read)?,
        })
    }

    pub(super) async fn read_rollout_counts(
        &self,
        run: RunId,
        ends: &[u32],
        releasing: &BTreeSet<ChangesetId>,
        long: Duration,
    ) -> Result<RolloutCounts, StoreError> {
        read(&self.pool, run, ends, releasing, long).await
    }

    pub(super) async fn read_held(&self, run: RunId, wanted: &Wanted) -> Result<Vec<Held>, StoreError> {
        let found = sqlx::query(
            "SELECT c.id, c.organization, c.version FROM changesets c JOIN repo_targets t ON t.id = c.target \
             JOIN runs r ON r.id = c.run \
             WHERE c.run = $1 AND c.held AND (c.pull_request IS NOT NULL) = $2 AND t.position < $3 \
             AND NOT c.id = ANY($4) AND (NOT c.errand ? 'paused' OR r.state = 'cancelled') ORDER BY t.position, c.id LIMIT $5",
        )
        .bind(run.0)
        .bind(wanted.opened)
        .bind(i32::try_from(wanted.before).unwrap_or(i32::MAX))
        .bind(wanted.except.iter().map(|id| id.0).collect::<Vec<_>>())
        .bind(i64::from(wanted.limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failure::read)?;
        let held = |row: &sqlx::postgres::PgRow| {
            Ok(Held {
                changeset: ChangesetId(row.try_get("id").map_err(failure::read)?),
                organization: row.try_get("organization").map_err(failure::read)?,
                version: row.try_get("version").map_err(failure::read)?,
            })
        };
        found.iter().map(held).collect()
    }
}
