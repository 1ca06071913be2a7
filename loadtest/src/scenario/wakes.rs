//! The scenarios `streams`, `polling` and `partition`: a campaign that three replicas share, with one of the ways shut by
//! which they hear of work. It costs time and nothing else.
//!
//! Deliberately absent: limits of the code host; here it is only replicas that wait for one another.

use super::Settings;
use crate::{
    ask::Asked,
    campaign::{CAMPAIGN, SPEC},
    ending,
    judge::verdict::Limits,
    report::{Figure, Report},
    world::{Badness, Before, REPLICAS, World},
};
use anyhow::{Result, ensure};
use campaigns_wire::Run;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How often the run and the weather are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long a lease lives unless it is said.
const LEASE: u64 = 3;

/// With the pollers off: a wake-up that is lost is work that is never done.
pub(super) fn streams(settings: &Settings) -> Result<Report> {
    let mut random = StdRng::seed_from_u64(settings.seed);
    let (half, mut killed) = (targets(settings) / 2, 0);
    let by_streams = ["--poll-seconds=86400".to_owned()];
    carry_out("streams", settings, &by_streams, |world, run, _| {
        let changed = run.totals.by_state.get("changed").copied().unwrap_or(0);
        if killed == 0 && changed >= u64::from(half) {
            drop(world.take(random.random_range(0..REPLICAS))?);
            killed = 1;
        }
        Ok(("consumers killed on the way", killed))
    })
}

/// With the streams deleted again and again: no wake-up lives long enough to be relied upon.
pub(super) fn polling(settings: &Settings) -> Result<Report> {
    let mut deleted = 0;
    carry_out("polling", settings, &[], |world, _, _| {
        world.forget("*:wakes:*")?;
        deleted += 1;
        Ok(("times that all streams were deleted", deleted))
    })
}

/// With Redis cut off in every way that there is, each for two lives of a lease, and late in between.
pub(super) fn partition(settings: &Settings) -> Result<Report> {
    let each = Duration::from_secs(2 * settings.lease.unwrap_or(LEASE));
    let plan = [Badness::BlackHole, Badness::Late, Badness::HalfOpen, Badness::Late, Badness::Reset];
    let mut seen = 0;
    carry_out("partition", settings, &[], |world, _, since| {
        let now = usize::try_from(since.as_millis() / each.as_millis()).unwrap_or(usize::MAX);
        if seen <= now.min(plan.len()) {
            world.network(Before::Redis, plan.get(seen).copied());
            eprintln!("partition: {:?}", plan.get(seen));
            seen += 1;
        }
        Ok(("kinds of bad weather before Redis", seen.min(plan.len()) as u64))
    })
}

fn targets(settings: &Settings) -> u32 {
    settings.repositories.unwrap_or(1_000)
}

/// Carries a campaign out; `meanwhile` is called all the while, and says what it has done so far.
fn carry_out(
    scenario: &str,
    settings: &Settings,
    flags: &[String],
    mut meanwhile: impl FnMut(&mut World, &Run, Duration) -> Result<(&'static str, u64)>,
) -> Result<Report> {
    let targets = targets(settings);
    let lease = settings.lease.unwrap_or(LEASE);
    eprintln!("{scenario}: {targets} targets, --seed {}", settings.seed);
    let mut common =
        vec![format!("--lease-seconds={lease}"), "--parallelism=1".to_owned(), "--unlimited".to_owned()];
    common.extend_from_slice(flags);
    let mut world = World::start(targets, &["--no-limits".to_owned()], common)?;
    let api = world.answering()?;
    let _: Value = api.put(&format!("/campaigns/{CAMPAIGN}"), &json!({"spec": SPEC}))?;
    let run: Run = api.post(&format!("/campaigns/{CAMPAIGN}/runs"), &json!({}))?;
    let path = format!("/runs/{}", run.id);
    let begun = Instant::now();
    let patience = Duration::from_secs(180 + 2 * u64::from(targets));
    let (mut told, mut now, mut done) = (begun, run, ("", 0));
    let ended = loop {
        if let Some(read) = world.api().as_ref().and_then(|api: &Asked| api.get::<Run>(&path).ok()) {
            now = read;
        }
        if now.state.is_end() {
            break now;
        }
        done = meanwhile(&mut world, &now, begun.elapsed())?;
        if told.elapsed() > Duration::from_secs(15) {
            told = Instant::now();
            eprintln!("{scenario}: {:?} {:?}", now.totals.by_state, now.totals.changesets);
        }
        ensure!(
            begun.elapsed() < patience,
            "the run has not come to its end within {} s: {:?} {:?}",
            patience.as_secs(),
            now.totals.by_state,
            now.totals.changesets
        );
        thread::sleep(LOOK);
    };
    let taken = begun.elapsed().as_secs_f64();
    world.network(Before::Redis, None);
    let (judged, _) = ending::of(world, &ended, targets, &Limits::lifted())?;
    let mut figures =
        vec![Figure::shown("until the end", "s", taken), Figure::shown(done.0, "times", done.1 as f64)];
    figures.extend(judged);
    Ok(Report { scenario: scenario.to_owned(), figures })
}
