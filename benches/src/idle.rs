//! How long a lone transition waits for its answer, against an `UPDATE` of one row over a connection of
//! its own.
//!
//! Deliberately absent: load. Gathering commits must cost whoever is alone nothing.

use super::report::{Figure, median};
use anyhow::Result;
use campaigns_benches::stage::Stage;
use sqlx::{Connection as _, PgConnection};
use std::time::Instant;

/// How many of each make a pair.
const EACH: usize = 100;

/// The median answer of each side, one transition and one update in turn.
pub(crate) async fn latency(stage: Stage, pairs: u32) -> Result<Vec<Figure>> {
    let (_, mut targets) = stage.run_of(1_000).await?;
    sqlx::raw_sql(
        "CREATE TABLE bench_row (id integer PRIMARY KEY, n bigint NOT NULL); INSERT INTO bench_row VALUES (1, 0)",
    )
    .execute(stage.store.pool())
    .await?;
    let mut connection = PgConnection::connect(&stage.server.url()).await?;
    let mut each = vec![];
    for pair in 0..=pairs {
        let (mut subject, mut reference) = (vec![], vec![]);
        for target in targets.iter_mut().take(EACH) {
            let began = Instant::now();
            stage.step(target).await?;
            subject.push(began.elapsed().as_secs_f64() * 1e3);
            let began = Instant::now();
            sqlx::query("UPDATE bench_row SET n = n + 1 WHERE id = $1")
                .bind(1)
                .execute(&mut connection)
                .await?;
            reference.push(began.elapsed().as_secs_f64() * 1e3);
        }
        // The first round prepares the statements.
        if pair > 0 {
            let medians = (median(subject.into_iter()), median(reference.into_iter()));
            eprintln!("pair {pair} of {pairs}: {:.2} ms, one row {:.2} ms", medians.0, medians.1);
            each.push(medians);
        }
    }
    Ok(vec![Figure::at_most("a lone transition's answer, against a one-row commit (p50)", "ms", &each, 1.4)])
}
