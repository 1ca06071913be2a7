//! The scenario `failover`: how long the work of a replica stands still that is killed, at the life of a lease as shipped,
//! and of one that is asked to stop. By the database's clock: from the kill until the last shard of the killed one has
//! an owner that may write.
//!
//! Deliberately absent: other mishaps (`chaos`).

use super::Settings;
use crate::{
    campaign,
    judge::verdict::{self, Limits},
    programs::Session,
    report::{Figure, Report, median},
    world::{REPLICAS, World},
};
use anyhow::{Context as _, Result, ensure};
use campaigns_wire::Run;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a lease lives unless it is said: as shipped.
const LEASE: u64 = 10;
/// How many kills there are for one replica that is asked to stop.
const KILLS_PER_STOP: u32 = 2;

/// Campaigns that are carried out one after the other, so that there is work all the while.
struct Work {
    begun: u32,
    path: String,
}

impl Work {
    /// Begins the next campaign where the last has ended.
    fn keep_going(&mut self, world: &World) -> Result<()> {
        let Some(api) = world.api() else { return Ok(()) };
        if !self.path.is_empty() && !api.get::<Run>(&self.path)?.state.is_end() {
            return Ok(());
        }
        self.begun += 1;
        let (spec, name) = campaign::another(self.begun);
        let _: Value = api.put(&format!("/campaigns/{name}"), &json!({"spec": spec}))?;
        let run: Run = api.post(&format!("/campaigns/{name}/runs"), &json!({}))?;
        self.path = format!("/runs/{}", run.id);
        Ok(())
    }
}

/// What became of a replica's shards, in seconds from its end.
struct Taken {
    /// Until the first of them had another owner.
    first: f64,
    /// Until the last had.
    last: f64,
}

/// Measures it.
pub(super) fn measure(settings: &Settings) -> Result<Report> {
    let targets = settings.repositories.unwrap_or(300);
    let lease = settings.lease.unwrap_or(LEASE);
    let (life, patience) = (lease as f64, Duration::from_secs(60 + 20 * lease));
    eprintln!("failover: {} kills, leases of {lease} s, --seed {}", settings.kills, settings.seed);
    let mut random = StdRng::seed_from_u64(settings.seed);
    let flags =
        vec![format!("--lease-seconds={lease}"), "--parallelism=1".to_owned(), "--unlimited".to_owned()];
    let mut world = World::start(targets, &["--no-limits".to_owned()], flags)?;
    let mut session = world.session()?;
    let mut work = Work { begun: 0, path: String::new() };
    let (mut killed, mut stopped) = (vec![], vec![]);
    let all = settings.kills + settings.kills.div_ceil(KILLS_PER_STOP);
    for turn in 1..=all {
        world.complete(patience)?;
        world.until_even(patience)?;
        work.keep_going(&world)?;
        // At any moment between two renewals.
        thread::sleep(Duration::from_secs_f64(random.random_range(0.0..life / 3.0)));
        let replica = world.take(random.random_range(0..REPLICAS))?;
        let (id, kill) = (replica.replica.clone(), turn % (KILLS_PER_STOP + 1) != 0);
        session.ask(&format!(
            "CREATE TEMP TABLE IF NOT EXISTS gone (shard smallint, at timestamptz); DELETE FROM gone; \
             INSERT INTO gone SELECT id, clock_timestamp() FROM shards WHERE owner = '{id}'; SELECT count(*) FROM gone"
        ))?;
        if kill {
            drop(replica)
        } else {
            replica.stop()?
        };
        let taken = taken(&mut session, &id, patience)?;
        eprintln!(
            "failover: {} {:.3} to {:.3} of a lease's life",
            if kill { "killed" } else { "stopped" },
            taken.first / life,
            taken.last / life
        );
        if kill { killed.push(taken) } else { stopped.push(taken) }
    }
    world.complete(patience)?;
    let begun = Instant::now();
    loop {
        let run: Run = world.api().context("no replica answers")?.get(&work.path)?;
        if run.state.is_end() {
            break;
        }
        ensure!(begun.elapsed() < patience * 5, "the last campaign does not end: {:?}", run.totals);
        thread::sleep(Duration::from_millis(100));
    }
    let verdict = verdict::judge(&campaign::log(world.twin())?, &Limits::lifted());
    drop(session);
    let left = world.leave()?;
    left.broken.iter().for_each(|line| eprintln!("at rest: {line}"));
    let pairs = |taken: &[Taken]| taken.iter().map(|taken| (taken.last, life)).collect::<Vec<_>>();
    let firsts = median(killed.iter().map(|taken| taken.first));
    Ok(Report {
        scenario: "failover".to_owned(),
        figures: vec![
            Figure::at_most("a killed replica's work stands still, median", "s", &pairs(&killed), 0.95),
            Figure::never_over("the same, the longest", "s", &pairs(&killed), 1.1),
            Figure::shown("the same until its first shard goes on, median", "s", firsts),
            Figure::never_over(
                "a replica's work that is asked to stop, the longest",
                "s",
                &pairs(&stopped),
                0.1,
            ),
            Figure::shown("campaigns carried out meanwhile", "campaigns", f64::from(work.begun)),
            Figure::exactly(
                "pull requests beyond the first of a branch",
                "pull requests",
                verdict.duplicates,
                0,
            ),
            Figure::exactly("leases held at the end", "leases", left.leases, 0),
            Figure::exactly("rows that break a rule at rest", "rows", left.broken.len() as u64, 0),
        ],
    })
}

/// Waits until every shard that was there at a replica's end has another owner.
fn taken(session: &mut Session, id: &str, patience: Duration) -> Result<Taken> {
    let begun = Instant::now();
    let held = format!("SELECT count(*) FROM shards WHERE owner = '{id}'");
    while session.ask(&held)? != "0" {
        ensure!(begun.elapsed() < patience, "the shards of a replica that has ended are not taken over");
        thread::sleep(Duration::from_millis(20));
    }
    let span = session.ask(
        "SELECT extract(epoch FROM min(owned_since - at)) || ' ' || extract(epoch FROM max(owned_since - at)) \
         FROM gone JOIN shards ON id = shard",
    )?;
    let (first, last) = span.split_once(' ').context("the database does not say when shards were taken")?;
    Ok(Taken { first: first.parse()?, last: last.parse()? })
}
