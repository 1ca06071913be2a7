//! The reference of durable transitions: the same rows, written by batches of 1,000 over four connections, with
//! nothing of what the store sees to (no fence, no guard by state, no counters, numbers given beforehand).
//!
//! Deliberately absent: anything cleverer; this is what a loop over `UNNEST` does.

use anyhow::Result;
use campaigns_benches::stage::{KIND, Stage, next};
use campaigns_domain::{
    execution::target::Target,
    id::{RunId, Shard},
};
use futures::future::try_join_all;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use std::time::Instant;

const CONNECTIONS: usize = 4;
const BATCH: usize = 1_000;

/// Four connections, each with its quarter of a run's targets.
pub(crate) struct Raw {
    writers: Vec<Writer>,
}

struct Writer {
    connection: PgConnection,
    run: RunId,
    targets: Vec<Target>,
    place: usize,
    /// Numbers of this writer's events; its own stretch for each shard.
    sequence: i64,
}

impl Raw {
    /// Connects.
    pub(crate) async fn new(stage: &Stage, run: RunId, targets: Vec<Target>) -> Result<Self> {
        let mut writers = vec![];
        for (place, some) in targets.chunks(targets.len().div_ceil(CONNECTIONS)).enumerate() {
            let connection = PgConnection::connect(&stage.server.url()).await?;
            let sequence = 1 + 1_000_000_000 * i64::try_from(place)?;
            writers.push(Writer { connection, run, targets: some.to_vec(), place: 0, sequence });
        }
        Ok(Self { writers })
    }

    /// Writes this many transitions. The microseconds for each.
    pub(crate) async fn write(&mut self, transitions: usize) -> Result<f64> {
        let share = transitions / CONNECTIONS;
        let began = Instant::now();
        let written = std::mem::take(&mut self.writers).into_iter().map(|mut writer| {
            tokio::spawn(async move {
                let mut rows = 0;
                while rows < share {
                    rows += writer.batch().await?;
                }
                anyhow::Ok((writer, rows))
            })
        });
        let written = try_join_all(written).await?.into_iter().collect::<Result<Vec<_>>>()?;
        let taken = began.elapsed().as_secs_f64() * 1e6;
        let (writers, rows): (Vec<_>, Vec<_>) = written.into_iter().unzip();
        self.writers = writers;
        Ok(taken / rows.into_iter().sum::<usize>() as f64)
    }
}

impl Writer {
    /// Moves its next targets on; how many they are.
    async fn batch(&mut self) -> Result<usize> {
        let from = self.place;
        let upto = (from + BATCH).min(self.targets.len());
        self.place = upto % self.targets.len();
        for target in &mut self.targets[from..upto] {
            *target = next(target);
        }
        let rows = &self.targets[from..upto];
        let sequences: Vec<i64> = (self.sequence..).take(rows.len()).collect();
        self.sequence += i64::try_from(rows.len())?;
        let shards: Vec<i16> =
            rows.iter().map(|row| i16::try_from(Shard::of_target(row.id).0)).collect::<Result<_, _>>()?;
        let data = |row: &Target| json!({"attempt": row.attempt, "reason": row.reason}).to_string();
        let written = sqlx::query(
            "WITH i AS MATERIALIZED (SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], \
             $5::bigint[], $6::bigint[], $7::smallint[], $8::text[]) \
             AS i (id, state, reason, attempt, version, sequence, shard, data)), \
             changed AS (UPDATE repo_targets r SET state = i.state, reason = i.reason, attempt = i.attempt, \
             infrastructure_failures = 0, version = i.version FROM i WHERE r.id = i.id RETURNING r.id) \
             INSERT INTO events (run, shard, sequence, at, subject_kind, subject, kind, data) \
             SELECT $9, i.shard, i.sequence, clock_timestamp(), 'target', i.id, $10, i.data::jsonb FROM i",
        )
        .bind(rows.iter().map(|row| row.id.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.state.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.reason.clone()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| i32::try_from(row.attempt)).collect::<Result<Vec<_>, _>>()?)
        .bind(rows.iter().map(|row| row.version).collect::<Vec<_>>())
        .bind(sequences)
        .bind(shards)
        .bind(rows.iter().map(data).collect::<Vec<_>>())
        .bind(self.run.0)
        .bind(KIND)
        .execute(&mut self.connection)
        .await?;
        anyhow::ensure!(
            written.rows_affected() == rows.len() as u64,
            "a batch wrote only a part of its rows"
        );
        Ok(upto - from)
    }
}
