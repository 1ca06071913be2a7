//! The scenario `idle`: 100,000 pull requests that wait for their merge, and what a replica spends on them when nothing is
//! due to be read: processor time, statements of the database, memory. The same with a hundredth of them is the reference.
//!
//! A few pull requests are opened through the twin. The others are rows beside theirs, copied while the server is
//! stopped, each with a target, a changeset and a branch name of its own, and with the pull request of one that is real;
//! so that what is read when they are due is there. Deliberately absent: 100,000 repositories.

use super::Settings;
use crate::{
    alone::Alone,
    campaign::{self, CAMPAIGN, SPEC},
    process,
    programs::Session,
    report::{Figure, Report},
};
use anyhow::{Result, ensure};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How many pull requests there really are.
const REAL: u32 = 20;
/// How long it is looked at.
const LOOKED: Duration = Duration::from_secs(60);
/// How long the server has to itself before that.
const SETTLED: Duration = Duration::from_secs(20);
/// What a task that sleeps costs in bytes: what waits may not cost more, so that nothing sleeps for it.
const SLEEPER: f64 = 441.0;

/// What a time of waiting has cost.
struct Cost {
    seconds: f64,
    processor: f64,
    transactions: f64,
    rows: f64,
    memory: f64,
    requests: f64,
}

/// When what waits is due to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Not while it is looked at.
    Later,
    /// As the server itself spreads it, nothing having happened for up to thirty days.
    Spread,
}

/// Measures it.
pub(super) fn measure(settings: &Settings) -> Result<Report> {
    let many = settings.repositories.unwrap_or(100_000).max(100 * REAL);
    let few = (many / 100).max(REAL);
    eprintln!("idle: {many} waiting pull requests, and {few} as the reference");
    let alone = Alone::start(REAL, &["--unlimited", "--parallelism=2"])?;
    let (run, _) = alone.carry_out(CAMPAIGN, SPEC, Duration::from_secs(300))?;
    let open = run.totals.changesets.get("open").copied().unwrap_or(0);
    ensure!(open == u64::from(REAL), "not every pull request is open: {:?}", run.totals);
    let alone = alone.meanwhile(|session| waiting(session, few, Due::Later))?;
    let reference = look(&alone, "few")?;
    let alone = alone.meanwhile(|session| waiting(session, many, Due::Later))?;
    let subject = look(&alone, "many")?;
    let alone = alone.meanwhile(|session| waiting(session, many, Due::Spread))?;
    let spread = look(&alone, "many, read as they are due")?;
    let broken = alone.leave()?;

    let a_second = |cost: &Cost, amount: f64| amount / cost.seconds;
    let more = f64::from(many - few);
    let each = ((subject.memory - reference.memory) / more).max(0.0);
    let transactions =
        (a_second(&subject, subject.transactions), a_second(&reference, reference.transactions));
    let rows = (a_second(&subject, subject.rows), a_second(&reference, reference.rows));
    let all = format!("{many} waiting: ");
    let name = |what: &str| format!("{all}{what}");
    Ok(Report {
        scenario: "idle".to_owned(),
        figures: vec![
            Figure::at_most(
                &name("processor time of the server"),
                "s",
                &[(subject.processor, subject.seconds)],
                0.01,
            ),
            Figure::against(
                &format!("the same with {few}"),
                "s",
                &[(reference.processor, reference.seconds)],
            ),
            Figure::at_most(
                &name(&format!("transactions of the database, against {few}")),
                "1/s",
                &[transactions],
                1.1,
            ),
            Figure::at_most(&name("rows that these read"), "1/s", &[rows], 1.5),
            Figure::at_most(
                &name("memory of the server for each more, against a task that sleeps"),
                "B",
                &[(each, SLEEPER)],
                1.0,
            ),
            Figure::against(
                &name("processor time where each is read as it is due"),
                "s",
                &[(spread.processor, spread.seconds)],
            ),
            Figure::shown(
                "the same: requests to the code host",
                "1/min",
                spread.requests / spread.seconds * 60.0,
            ),
            Figure::shown(
                "the same: transactions of the database",
                "1/s",
                a_second(&spread, spread.transactions),
            ),
            Figure::exactly("rows that break a rule at rest", "rows", broken, 0),
        ],
    })
}

/// Waits, and says what that has cost.
fn look(alone: &Alone, which: &str) -> Result<Cost> {
    thread::sleep(SETTLED);
    let mut session = Session::open(&alone.database)?;
    let mut told = || -> Result<(f64, f64)> {
        let line = session.ask(
            "SELECT xact_commit + xact_rollback || ' ' || tup_returned + tup_fetched FROM pg_stat_database \
             WHERE datname = current_database()",
        )?;
        let (transactions, rows) = line.split_once(' ').unwrap_or_default();
        Ok((transactions.parse()?, rows.parse()?))
    };
    let server = alone.server.process();
    let requests = || campaign::log(&alone.twin).map(|log| log.len() as f64);
    let (began, processor, before, asked) = (Instant::now(), process::spent(server)?, told()?, requests()?);
    thread::sleep(LOOKED);
    let after = told()?;
    let cost = Cost {
        seconds: began.elapsed().as_secs_f64(),
        processor: process::spent(server)? - processor,
        transactions: after.0 - before.0,
        rows: after.1 - before.1,
        memory: process::memory(server)?,
        requests: requests()? - asked,
    };
    eprintln!(
        "idle: {which}: {:.2} s of processor time, {} transactions, {} rows, {} requests, {:.1} MB",
        cost.processor,
        cost.transactions,
        cost.rows,
        cost.requests,
        cost.memory / 1e6
    );
    Ok(cost)
}

/// Has so many pull requests wait, with what counts them made true.
fn waiting(session: &mut Session, count: u32, due: Due) -> Result<()> {
    let copies = count / REAL - 1;
    let wait = "least(greatest((n.now - n.changed) / 4, interval '1 minute'), interval '1 day')";
    let due = match due {
        Due::Later => "n.now + interval '2 hours' + random() * interval '1 day'".to_owned(),
        Due::Spread => format!("n.now + random() * {wait}"),
    };
    let others = |table: &str, own: &str| {
        format!(
            "(SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name = '{table}' AND column_name NOT IN ({own}))"
        )
    };
    let (targets, changesets) =
        (others("repo_targets", "'id'"), others("changesets", "'id', 'target', 'head_branch'"));
    let made = session.ask(&format!(
        "CREATE TABLE IF NOT EXISTS originals AS SELECT id FROM changesets; \
         CREATE TEMP TABLE copies AS SELECT c.id AS of, c.target AS of_target, n AS number, gen_random_uuid() AS id, \
         gen_random_uuid() AS target FROM changesets c JOIN originals USING (id), generate_series(1, {copies}) n \
         WHERE NOT EXISTS (SELECT FROM changesets o WHERE o.head_branch = c.head_branch || '-' || n); \
         DO $$ BEGIN \
         EXECUTE format('INSERT INTO repo_targets (id, %1$s) SELECT p.target, %1$s FROM copies p JOIN repo_targets t \
         ON t.id = p.of_target', {targets}); \
         EXECUTE format('INSERT INTO changesets (id, target, head_branch, %1$s) SELECT p.id, p.target, c.head_branch || \
         ''-'' || p.number, %1$s FROM (SELECT id, target, of, number FROM copies) p JOIN (SELECT id AS source, head_branch, \
         %1$s FROM changesets) c ON c.source = p.of', {changesets}); END $$; \
         UPDATE changesets c SET changed = n.changed, due = {due} FROM (SELECT id, now() AS now, now() - random() * \
         interval '30 days' AS changed FROM changesets) n WHERE n.id = c.id; \
         UPDATE run_parts SET changesets_open = changesets_open + (SELECT count(*) FROM copies) WHERE changesets_open > 0; \
         UPDATE run_parts p SET targets_changed = targets_changed + (SELECT count(*) FROM copies) WHERE (run, shard) = \
         (SELECT run, shard FROM run_parts LIMIT 1); \
         UPDATE runs SET total = total + (SELECT count(*) FROM copies), next_position = next_position + \
         (SELECT count(*) FROM copies), ended = ended + (SELECT count(*) FROM copies), proposed = proposed + \
         (SELECT count(*) FROM copies), settled = settled + (SELECT count(*) FROM copies); \
         DROP TABLE copies; \
         SELECT count(*) FROM changesets WHERE state = 'open' AND due > now() - interval '1 minute'"
    ))?;
    ensure!(made == (REAL * (copies + 1)).to_string(), "{made} pull requests wait");
    session.ask("VACUUM ANALYZE; CHECKPOINT; SELECT 'at rest'").map(drop)
}
