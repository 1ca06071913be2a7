//! Planning a run: its targets in one fenced commit, against a COPY of the same rows into the same table; and whether
//! ten times as many take about ten times as long.
//!
//! Deliberately absent: asking GitHub which repositories there are.

use super::report::Figure;
use anyhow::Result;
use campaigns_actors::ports::Store as _;
use campaigns_benches::stage::{Stage, target};
use campaigns_domain::{
    execution::target::Target,
    id::{RunId, Shard},
};
use sqlx::{Connection as _, PgConnection};
use std::{fmt::Write as _, time::Instant};

const SOME: u32 = 10_000;
const MANY: u32 = 100_000;

/// The seconds of a commit that adds targets, and of a COPY of as many.
pub(crate) async fn targets(stage: Stage, pairs: u32) -> Result<Vec<Figure>> {
    planned(&stage, 100).await?;
    let (mut to_copy, mut to_some) = (vec![], vec![]);
    for pair in 1..=pairs {
        let (some, copy);
        if pair % 2 == 1 {
            some = planned(&stage, SOME).await?;
            copy = copied(&stage, SOME).await?;
        } else {
            copy = copied(&stage, SOME).await?;
            some = planned(&stage, SOME).await?;
        }
        let many = planned(&stage, MANY).await?;
        eprintln!("pair {pair} of {pairs}: {some:.2} s, COPY {copy:.2} s, ten times as many {many:.2} s");
        to_copy.push((some, copy));
        to_some.push((many, some));
    }
    Ok(vec![
        Figure::at_most("planning 10,000 targets, against a COPY of their rows", "s", &to_copy, 3.0),
        Figure::at_most("planning 100,000 targets, against 10,000", "s", &to_some, 12.0),
    ])
}

async fn planned(stage: &Stage, count: u32) -> Result<f64> {
    let run = stage.run().await?;
    let targets: Vec<Target> = (0..count).map(|position| target(&run, position)).collect();
    let transition = stage.adding(&run, &targets);
    let began = Instant::now();
    stage.store.commit(transition).await?;
    let taken = began.elapsed().as_secs_f64();
    forget(stage, run.id).await?;
    Ok(taken)
}

async fn copied(stage: &Stage, count: u32) -> Result<f64> {
    let run = stage.run().await?;
    let mut rows = String::new();
    for position in 0..count {
        let target = target(&run, position);
        let shard = Shard::of_target(target.id);
        // Writing to a string cannot fail.
        let _ = writeln!(
            rows,
            "{}\t{shard}\t{}\t{}\t{position}\tt\t{}\t{}\t{}\t{}\t\t{}\t{}\t0\t0\t1",
            target.id,
            target.run,
            target.campaign,
            target.repository_id.0,
            target.repository,
            target.branch,
            target.base.0,
            target.state.as_str(),
            target.reason,
        );
    }
    let began = Instant::now();
    let mut connection = stage.store.pool().acquire().await?;
    let mut copy = connection
        .copy_in_raw(
            "COPY repo_targets (id, shard, run, campaign, position, takes_part, repository_id, repository, branch, \
             base, workspace, state, reason, attempt, infrastructure_failures, version) FROM STDIN",
        )
        .await?;
    copy.send(rows.as_bytes()).await?;
    anyhow::ensure!(copy.finish().await? == u64::from(count), "not every row was copied");
    let taken = began.elapsed().as_secs_f64();
    forget(stage, run.id).await?;
    Ok(taken)
}

/// Removes a run's targets, so that whoever comes next finds the table as the one before did.
async fn forget(stage: &Stage, run: RunId) -> Result<()> {
    // Over a connection of its own: it may take longer than the store lets a statement take.
    let mut connection = PgConnection::connect(&stage.server.url()).await?;
    sqlx::query("DELETE FROM repo_targets WHERE run = $1").bind(run.0).execute(&mut connection).await?;
    sqlx::raw_sql("VACUUM ANALYZE repo_targets").execute(&mut connection).await?;
    sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
    Ok(connection.close().await?)
}
