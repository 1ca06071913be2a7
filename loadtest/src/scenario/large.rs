//! The scenarios `large` and `steady`: runs of which nothing is run, from the question to the last target's end, so that
//! planning, admitting, committing and telling is all that there is. `large` has one of a tenth and one of the whole,
//! `steady` one after another of the same size.
//!
//! The reference is what the database takes to write the rows of the run's events once more, in batches over four
//! connections. Deliberately absent: pull requests (`publish`), and several replicas (`spread`).

use super::Settings;
use crate::{
    alone::Alone,
    campaign, process,
    programs::{Database, Session},
    report::{Figure, Report, median},
};
use anyhow::{Result, ensure};
use campaigns_wire::Run;
use std::{
    thread,
    time::{Duration, Instant},
};

/// Over how many connections the reference is written.
const CONNECTIONS: usize = 4;
/// Into how many shards the work is split.
const SHARDS: usize = 64;
/// What a target may cost where there are ten times as many, or after as many others.
const EVEN: f64 = 1.25;
/// How many runs follow one another in `steady`.
const RUNS: u32 = 8;
/// Attempts take no time, and as many as a run admits at once are carried out at once.
const FLAGS: [&str; 3] = ["--unlimited", "--null-executor=0", "--parallelism=64"];

/// Measures `large`.
pub(super) fn large(settings: &Settings) -> Result<Report> {
    let targets = settings.repositories.unwrap_or(10_000);
    let few = (targets / 10).max(1);
    eprintln!("large: {few} targets, then {targets}");
    let mut broken = 0;
    let mut of = |count| -> Result<(f64, f64)> {
        let alone = Alone::start(count, &FLAGS)?;
        let measured = one(&alone, 1, count)?;
        broken += alone.leave()?;
        Ok(measured)
    };
    let (small, _) = of(few)?;
    let (taken, written) = of(targets)?;
    let per_second = f64::from(targets) / taken;
    Ok(Report {
        scenario: "large".to_owned(),
        figures: vec![
            Figure::shown(&format!("targets of {targets}"), "1/s", per_second),
            Figure::at_most(
                &format!("a target among {targets}, against one among {few}"),
                "ms",
                &[(1_000.0 * taken / f64::from(targets), 1_000.0 * small / f64::from(few))],
                EVEN,
            ),
            Figure::against(
                &format!("a run of {targets}, against writing the rows of its events once more"),
                "s",
                &[(taken, written)],
            ),
            Figure::exactly("rows that break a rule at rest", "rows", broken, 0),
        ],
    })
}

/// Measures `steady`.
pub(super) fn steady(settings: &Settings) -> Result<Report> {
    let targets = settings.repositories.unwrap_or(1_000);
    eprintln!("steady: {RUNS} runs of {targets} targets");
    let alone = Alone::start(targets, &FLAGS)?;
    one(&alone, 0, targets)?;
    let before = process::memory(alone.server.process())?;
    let (mut times, mut pairs) = (vec![], vec![]);
    for number in 1..=RUNS {
        let (taken, written) = one(&alone, number, targets)?;
        times.push(taken);
        pairs.push((taken, written));
    }
    let grown = process::memory(alone.server.process())? - before;
    let broken = alone.leave()?;
    let (early, late) = times.split_at(times.len() / 2);
    let each = |times: &[f64]| 1_000.0 * median(times.iter().copied()) / f64::from(targets);
    Ok(Report {
        scenario: "steady".to_owned(),
        figures: vec![
            Figure::shown("targets", "1/s", f64::from(targets) / median(times.iter().copied())),
            Figure::at_most(
                "a target in the later half of the runs, against the earlier",
                "ms",
                &[(each(late), each(early))],
                EVEN,
            ),
            Figure::against("a run, against writing the rows of its events once more", "s", &pairs),
            Figure::shown(
                "memory of the server that each target has left behind",
                "B",
                grown / f64::from(RUNS * targets),
            ),
            Figure::exactly("rows that break a rule at rest", "rows", broken, 0),
        ],
    })
}

/// One run: the seconds that it took, and those of writing the rows of its events once more.
fn one(alone: &Alone, number: u32, count: u32) -> Result<(f64, f64)> {
    let (spec, name) = campaign::another(number);
    let patience = Duration::from_secs(300 + u64::from(count) / 10);
    let (run, taken) = alone.carry_out(&name, &spec, patience)?;
    let unchanged = run.totals.by_state.get("unchanged").copied().unwrap_or(0);
    ensure!(unchanged == u64::from(count), "not every target has come to its end: {:?}", run.totals);
    let written = written(&alone.database, &run)?;
    eprintln!("{name}: {count} targets in {taken:.2} s, the rows of their events in {written:.2} s");
    Ok((taken, written))
}

/// The seconds that the rows of a run's events take to be written into a table like theirs, a batch for each shard.
fn written(database: &Database, run: &Run) -> Result<f64> {
    let mut sessions = (0..CONNECTIONS).map(|_| Session::open(database)).collect::<Result<Vec<_>>>()?;
    sessions[0].ask(
        "DROP TABLE IF EXISTS events_once_more; CREATE TABLE events_once_more (LIKE events INCLUDING ALL); SELECT 'there'",
    )?;
    let begun = Instant::now();
    let writing: Vec<_> = sessions
        .into_iter()
        .enumerate()
        .map(|(first, mut session)| {
            let run = run.id.to_string();
            thread::spawn(move || -> Result<()> {
                for shard in (first..SHARDS).step_by(CONNECTIONS) {
                    session.ask(&format!(
                        "WITH w AS (INSERT INTO events_once_more SELECT * FROM events WHERE run = '{run}' \
                         AND shard = {shard} RETURNING 1) SELECT count(*) FROM w"
                    ))?;
                }
                Ok(())
            })
        })
        .collect();
    for thread in writing {
        thread.join().map_err(|_| anyhow::anyhow!("a writer of the reference has panicked"))??;
    }
    let taken = begun.elapsed().as_secs_f64();
    Session::open(database)?.ask("DROP TABLE events_once_more; SELECT 'gone'")?;
    Ok(taken)
}
