//! The events of a run: how far every part is, and the events between two positions.
//!
//! A part's events become visible in the order of their numbers, since its owner commits one after the other; so
//! what is read behind a position never has a gap. Deliberately absent: cursors and streams.

use super::rows::{failed, get, named};
use crate::store::Connections;
use campaigns_domain::id::RunId;
use campaigns_http::{
    ports::{EventRow, Positions, Progress, StoreError},
    wire::{RunEnded, RunState},
};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use std::collections::HashMap;

/// How far a run is, in one snapshot.
pub(super) async fn progress(pool: &Connections, run: RunId) -> Result<Option<Progress>, StoreError> {
    let row = sqlx::query(
        "SELECT r.state, r.reason, coalesce(array_agg(p.shard) FILTER (WHERE p.shard IS NOT NULL), '{}') AS shards, \
         coalesce(array_agg(p.last_sequence) FILTER (WHERE p.shard IS NOT NULL), '{}') AS sequences, \
         coalesce(sum(p.targets_selected + p.targets_queued + p.targets_executing), 0)::bigint AS under_way \
         FROM runs r LEFT JOIN run_parts p ON p.run = r.id WHERE r.id = $1 GROUP BY r.id",
    )
    .bind(run.0)
    .fetch_optional(pool)
    .await
    .map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    let mut positions = Positions::START;
    let (shards, sequences): (Vec<i16>, Vec<i64>) = (get(&row, "shards")?, get(&row, "sequences")?);
    for (shard, sequence) in shards.into_iter().zip(sequences) {
        positions.set(u16::try_from(shard).unwrap_or(u16::MAX), sequence);
    }
    let state: RunState = named(&row, "state")?;
    // A run that was cancelled ends before its targets have heard of it.
    let over = state.is_end() && get::<i64>(&row, "under_way")? == 0;
    let ended = if over { Some(RunEnded { state, reason: get(&row, "reason")? }) } else { None };
    Ok(Some(Progress { positions, ended }))
}

/// The events behind `after` and up to `upto`, at most `limit`: in order within each part, by time across parts.
pub(super) async fn between(
    pool: &Connections,
    run: RunId,
    after: &Positions,
    upto: &Positions,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let parts =
        after.sequences().iter().zip(upto.sequences()).enumerate().filter(|(_, (after, upto))| after < upto);
    let (mut shards, mut afters, mut uptos) = (vec![], vec![], vec![]);
    for (shard, (after, upto)) in parts {
        shards.push(i16::try_from(shard).unwrap_or(i16::MAX));
        afters.push(*after);
        uptos.push(*upto);
    }
    if shards.is_empty() {
        return Ok(vec![]);
    }
    let each =
        (2 * i64::from(limit) / i64::try_from(shards.len()).unwrap_or(1)).clamp(8, i64::from(limit).max(8));
    let rows = sqlx::query(
        "SELECT e.shard, e.sequence, e.at, e.subject_kind, e.subject, e.kind, e.data::text AS data, \
         coalesce(t.repository, c.repository) AS repository \
         FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS p (shard, after, upto) \
         CROSS JOIN LATERAL (SELECT * FROM events v WHERE v.run = $1 AND v.shard = p.shard \
         AND v.sequence > p.after AND v.sequence <= p.upto ORDER BY v.sequence LIMIT $5) e \
         LEFT JOIN repo_targets t ON e.subject_kind = 'target' AND t.id = e.subject \
         LEFT JOIN changesets c ON e.subject_kind = 'changeset' AND c.id = e.subject",
    )
    .bind(run.0)
    .bind(shards)
    .bind(afters)
    .bind(uptos)
    .bind(each)
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    let rows = rows.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    Ok(merged(rows, upto, each, usize::try_from(limit).unwrap_or(usize::MAX)))
}

/// Merges the parts by time. A part of which only the first `each` events were read could go on before the others
/// do: what is later than the last one read of any such part waits for the next page.
fn merged(mut rows: Vec<EventRow>, upto: &Positions, each: i64, limit: usize) -> Vec<EventRow> {
    rows.sort_by_key(|row| (row.shard, row.sequence));
    let mut parts: HashMap<u16, (i64, i64, DateTime<Utc>)> = HashMap::new();
    let mut timed = Vec::with_capacity(rows.len());
    for row in rows {
        // A clock that was set back must not turn the order of a part around.
        let (count, last, at) = parts.entry(row.shard).or_insert((0, 0, row.at));
        *count += 1;
        *last = row.sequence;
        *at = row.at.max(*at);
        timed.push((*at, row));
    }
    let cut_off = parts.iter().filter(|(shard, (count, last, _))| *count >= each && *last < upto.of(**shard));
    let horizon = cut_off.map(|(_, (_, _, at))| *at).min();
    timed.retain(|(at, _)| horizon.is_none_or(|horizon| *at <= horizon));
    timed.sort_by_key(|(at, row)| (*at, row.shard, row.sequence));
    timed.truncate(limit);
    timed.into_iter().map(|(_, row)| row).collect()
}

fn event(row: &PgRow) -> Result<EventRow, StoreError> {
    let shard: i16 = get(row, "shard")?;
    let data: String = get(row, "data")?;
    Ok(EventRow {
        shard: u16::try_from(shard).map_err(|_| StoreError::Corrupt(format!("shard {shard}")))?,
        sequence: get(row, "sequence")?,
        at: get(row, "at")?,
        subject: get(row, "subject_kind")?,
        subject_id: get(row, "subject")?,
        repository: get(row, "repository")?,
        kind: get(row, "kind")?,
        data: RawValue::from_string(data).map_err(|error| StoreError::Corrupt(error.to_string()))?,
    })
}
