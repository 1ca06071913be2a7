//! The scenario `spread`: one run of many targets on three replicas, of which nothing is run, so that only sharing is
//! measured; a fourth replica joins in the middle and gets work.
//!
//! Deliberately absent: pull requests. They go out from one replica for each organisation, the owner of its limits.

use super::Settings;
use crate::{
    campaign::{CAMPAIGN, SPEC},
    programs::Server,
    report::{Figure, Report},
    world::World,
};
use anyhow::{Context as _, Result, ensure};
use campaigns_wire::Run;
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a lease lives unless it is said: as shipped.
const LEASE: u64 = 10;
/// How long an attempt takes.
const TAKES: u64 = 20;
/// How far from even each replica's part may be.
const UNEVEN: f64 = 0.2;

/// Measures it.
pub(super) fn measure(settings: &Settings) -> Result<Report> {
    let targets = settings.repositories.unwrap_or(10_000);
    let lease = settings.lease.unwrap_or(LEASE);
    eprintln!("spread: {targets} targets");
    let flags = vec![
        format!("--lease-seconds={lease}"),
        format!("--null-executor={TAKES}"),
        "--parallelism=2".to_owned(),
        "--unlimited".to_owned(),
    ];
    let mut world = World::start(targets, &["--no-limits".to_owned()], flags)?;
    world.until_even(Duration::from_secs(30 * lease))?;
    let api = world.answering()?;
    let _: Value = api.put(&format!("/campaigns/{CAMPAIGN}"), &json!({"spec": SPEC}))?;
    let begun = Instant::now();
    let run: Run = api.post(&format!("/campaigns/{CAMPAIGN}/runs"), &json!({}))?;
    let path = format!("/runs/{}", run.id);

    until(&world, &path, u64::from(targets) / 2)?;
    let parts: Vec<f64> = world.up().map(|replica| executed(&world, replica)).collect::<Result<_>>()?;
    let all: f64 = parts.iter().sum();
    let mean = all / parts.len() as f64;
    let furthest = parts.iter().map(|part| (part - mean).abs() / mean).fold(0.0, f64::max);
    eprintln!("spread: {parts:?}");

    world.add()?;
    let joined = Instant::now();
    let fourth = world.up().last().context("there is no fourth replica")?;
    let mut until_work = f64::INFINITY;
    while joined.elapsed() < Duration::from_secs(20 * lease) {
        if executed(&world, fourth)? > 0.0 {
            until_work = joined.elapsed().as_secs_f64();
            break;
        }
        // Too small a run leaves nothing for it.
        if world.answering()?.get::<Run>(&path)?.state.is_end() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    until(&world, &path, u64::from(targets))?;
    let taken = begun.elapsed().as_secs_f64();
    let run: Run = world.answering()?.get(&path)?;
    let unchanged = run.totals.by_state.get("unchanged").copied().unwrap_or(0);
    let of_fourth = executed(&world, world.up().last().context("there is no fourth replica")?)?;
    let left = world.leave()?;
    left.broken.iter().for_each(|line| eprintln!("at rest: {line}"));
    let even = [(mean * (1.0 + furthest), mean)];
    Ok(Report {
        scenario: "spread".to_owned(),
        figures: vec![
            Figure::shown("until the end", "s", taken),
            Figure::at_most(
                "the part of a replica that is furthest from even",
                "targets",
                &even,
                1.0 + UNEVEN,
            ),
            Figure::at_most(
                "until a fourth replica has carried a target out, by the life of a lease",
                "s",
                &[(until_work, lease as f64)],
                2.0,
            ),
            Figure::shown("what the fourth carried out", "targets", of_fourth),
            Figure::exactly("targets that are unchanged", "targets", unchanged, u64::from(targets)),
            Figure::exactly("leases held at the end", "leases", left.leases, 0),
            Figure::exactly("rows that break a rule at rest", "rows", left.broken.len() as u64, 0),
        ],
    })
}

/// Waits until so many of a run's targets have reached an end; the run has with the last.
fn until(world: &World, path: &str, ended: u64) -> Result<()> {
    let (begun, mut told) = (Instant::now(), Instant::now());
    loop {
        let run: Run = world.answering()?.get(path)?;
        if run.state.is_end() || run.totals.by_state.get("unchanged").copied().unwrap_or(0) >= ended {
            return Ok(());
        }
        if told.elapsed() > Duration::from_secs(15) {
            told = Instant::now();
            eprintln!("spread: {:?}", run.totals.by_state);
        }
        let patience = Duration::from_secs(300 + ended / 2);
        ensure!(begun.elapsed() < patience, "the run does not go on: {:?}", run.totals.by_state);
        thread::sleep(Duration::from_millis(100));
    }
}

/// How many attempts a replica has carried out, by its own count.
fn executed(world: &World, replica: &Server) -> Result<f64> {
    let text = world.of(replica)?.text("/metrics")?;
    let counts = text.lines().filter(|line| {
        line.starts_with("campaigns_effects_total{")
            && line.contains("kind=\"execute\"")
            && line.contains("outcome=\"finished\"")
    });
    Ok(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}
