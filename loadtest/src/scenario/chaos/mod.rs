//! The scenario `chaos`: a campaign on three replicas, while replicas are killed and frozen, Redis forgets everything,
//! Postgres is restarted, networks break and the code host fails. Limits bind all the while, by a minute and an hour that
//! are shorter than GitHub's. When the storm is over everything has to be as if nothing had been.
//!
//! Judged by the twin's log and the database's rows. Deliberately absent: a clock that is moved; what frozen processes
//! and leases do, they do in real time.

mod plan;
mod world;

use super::Settings;
use crate::{
    ask::Asked,
    campaign::{self, CAMPAIGN, ORGANIZATION, SPEC},
    judge::{
        SECOND,
        schedule::{self, Rules, Writes},
        verdict::{self, Limits},
        windows::Window,
    },
    programs::Twin,
    report::{Figure, Report},
};
use anyhow::{Context as _, Result, ensure};
use campaigns_wire::Run;
use plan::{Before, Mishap, Scale};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    fs, thread,
    time::{Duration, Instant},
};
use world::{REPLICAS, World};

/// How long the storm is unless it is said.
const STORM: u64 = 300;
/// How long a lease lives without being renewed, seconds.
const LEASE: u64 = 3;
/// How long everything may take to come to its end after the storm.
const CALM: Duration = Duration::from_secs(300);

/// How big it is.
struct Size {
    targets: u32,
    storm: u64,
    seed: u64,
}

impl Size {
    fn of(settings: &Settings) -> Self {
        Self {
            targets: settings.repositories.unwrap_or(1_000),
            storm: settings.storm.unwrap_or(STORM),
            seed: settings.seed,
        }
    }

    /// The shorter minute: for a storm of 300 s it is 20 s, as it would be with GitHub's minute and a storm of 900 s.
    fn minute(&self) -> u64 {
        (self.storm / 15).max(1)
    }

    fn per_minute(&self) -> u64 {
        (u64::from(self.targets) * 80 / 1_000).max(2)
    }

    fn per_hour(&self) -> u64 {
        (u64::from(self.targets) / 2).max(4)
    }

    fn windows(&self) -> Vec<Window> {
        vec![
            Window::of(self.per_minute(), self.minute().cast_signed()),
            Window::of(self.per_hour(), self.storm.cast_signed()),
        ]
    }

    fn scale(&self) -> Scale {
        let seconds = Duration::from_secs;
        Scale {
            storm: seconds(self.storm),
            hit: seconds((self.storm / 20).max(2 * LEASE + 2)),
            flush: seconds((self.storm / 5).max(7)),
        }
    }

    fn twin_flags(&self) -> Vec<String> {
        let lost = json!({"kind": "execute_then_refuse", "status": 502});
        let told = json!({"kind": "secondary_limit", "retry_after": 1});
        let fault = |share: f64, number: u64, effect: Value| {
            let seed = self.seed.wrapping_mul(16).wrapping_add(number);
            let fault = json!({"writes": true, "probability": share, "seed": seed, "effect": effect});
            ["--fault".to_owned(), fault.to_string()]
        };
        let mut flags = vec![
            "--creating=pulls".to_owned(),
            format!("--limit-minute={}", self.minute()),
            format!("--limit-hour={}", self.storm),
            format!("--limit-creations-per-minute={}", self.per_minute()),
            format!("--limit-creations-per-hour={}", self.per_hour()),
        ];
        let others = ["core", "graphql", "rest-points", "graphql-points"];
        flags.extend(others.map(|limit| format!("--limit-{limit}=100000000")));
        flags.extend(fault(0.05, 0, lost));
        flags.extend(fault(0.02, 1, told));
        flags
    }

    fn server_flags(&self) -> Vec<String> {
        let mut flags = vec![
            format!("--lease-seconds={LEASE}"),
            "--content-writes=pull-request".to_owned(),
            "--write-spacing=10".to_owned(),
            "--parallelism=1".to_owned(),
            format!("--cap=content={}/{}s", self.per_minute(), self.minute()),
            format!("--cap=content={}/{}s", self.per_hour(), self.storm),
        ];
        flags.extend(["minute", "hour", "day"].map(|window| format!("--per-{window}=1000000")));
        flags.push("--points-per-minute=100000000".to_owned());
        flags
    }
}

/// Measures it.
pub(super) fn measure(settings: &Settings) -> Result<Report> {
    let size = Size::of(settings);
    eprintln!("chaos: {} targets, a storm of {} s, --seed {}", size.targets, size.storm, size.seed);
    let room = tempfile::Builder::new().prefix("loadtest-").tempdir()?;
    // A database that runs as another user has to get through to its folder.
    fs::set_permissions(room.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
    let trees = room.path().join("trees");
    campaign::seed(&trees, size.targets)?;
    let folder = room.path().join("world");
    let twin = Twin::start_with(ORGANIZATION, &trees, size.targets, &folder, &size.twin_flags())?;
    let mut world = World::start(room.path(), twin, size.server_flags())?;

    let api = world.api().context("no replica answers")?;
    let _: Value = api.put(&format!("/campaigns/{CAMPAIGN}"), &json!({"spec": SPEC}))?;
    let run: Run = api.post(&format!("/campaigns/{CAMPAIGN}/runs"), &json!({}))?;
    let path = format!("/runs/{}", run.id);
    let mishaps = storm(&mut world, &size, &path)?;
    let (ended, waited) = calm(&mut world, &path)?;

    let state: Value = world.twin().admin()?.get("/state")?;
    let log = campaign::log(world.twin())?;
    let left = world.leave()?;
    left.broken.iter().for_each(|line| eprintln!("chaos: {line}"));
    let limits = Limits { creations: size.windows(), ..Limits::lifted() };
    let verdict = verdict::judge(&log, &limits);
    let targets = u64::from(size.targets);
    let rules = Rules { spacing: 0, writes: size.windows(), pulls: vec![] };
    let shortest = schedule::shortest(&rules, size.targets as usize, Writes { before: 0, after: 0 });
    let opened: Vec<i64> =
        log.iter().filter(|entry| entry.operation == "pulls/create").map(|entry| entry.arrived).collect();
    let span = opened.iter().max().zip(opened.iter().min()).map_or(0, |(last, first)| last - first);
    let changed = ended.totals.by_state.get("changed").copied().unwrap_or(0);
    let open = ended.totals.changesets.get("open").copied().unwrap_or(0);
    Ok(Report {
        scenario: "chaos".to_owned(),
        figures: vec![
            Figure::shown("mishaps", "mishaps", mishaps as f64),
            Figure::shown("until the end after the storm", "s", waited.as_secs_f64()),
            Figure::shown("pull requests were opened over", "s", span as f64 / SECOND as f64),
            Figure::shown("the shortest that the limits let it be", "s", shortest as f64 / SECOND as f64),
            Figure::exactly("targets that are changed", "targets", changed, targets),
            Figure::exactly("changesets that are open", "changesets", open, targets),
            Figure::exactly(
                "repositories with exactly one open pull request",
                "repositories",
                campaign::one_each(&state),
                targets,
            ),
            Figure::exactly(
                "pull requests beyond the first of a branch",
                "pull requests",
                verdict.duplicates,
                0,
            ),
            Figure::exactly("requests over a limit", "requests", verdict.over, 0),
            Figure::exactly("refused by a secondary limit", "requests", verdict.refused, 0),
            Figure::exactly("leases held at the end", "leases", left.leases, 0),
            Figure::exactly("rows that break a rule at rest", "rows", left.broken.len() as u64, 0),
        ],
    })
}

/// What is to be undone when its time has come.
enum Undo {
    Thaw(usize),
    Clear(Before),
}

/// Has everything go wrong that is planned; how much that was.
fn storm(world: &mut World, size: &Size, run: &str) -> Result<usize> {
    let scale = size.scale();
    let plan = plan::draw(scale, size.seed);
    let mut random = StdRng::seed_from_u64(size.seed.wrapping_add(1));
    let mut undo: Vec<(Duration, Undo)> = vec![];
    let begun = Instant::now();
    let mut told = Instant::now();
    for (at, what) in &plan {
        while begun.elapsed() < *at {
            relieve(world, &mut undo, begun.elapsed());
            world.mend();
            if told.elapsed() > Duration::from_secs(15) {
                told = Instant::now();
                tell(world.api(), run);
            }
            thread::sleep(Duration::from_millis(20));
        }
        eprintln!("chaos: {:>4} s {what:?}", at.as_secs());
        let frozen = |undo: &[(Duration, Undo)], number| {
            undo.iter().any(|(_, undo)| matches!(undo, Undo::Thaw(other) if *other == number))
        };
        match what {
            Mishap::Kill => world.kill(random.random_range(0..REPLICAS))?,
            Mishap::Freeze => {
                let number = random.random_range(0..REPLICAS);
                if !frozen(&undo, number) {
                    world.freeze(number, true);
                    undo.push((begun.elapsed() + Duration::from_secs(2 * LEASE), Undo::Thaw(number)));
                }
            }
            Mishap::Flush => world.flush()?,
            Mishap::Database => world.restart_database()?,
            Mishap::Network(before, badness) => {
                world.network(*before, Some(*badness));
                undo.push((begun.elapsed() + scale.hit / 3, Undo::Clear(*before)));
            }
        }
    }
    relieve(world, &mut undo, Duration::MAX);
    world.mend();
    Ok(plan.len())
}

/// Undoes what is due to be undone.
fn relieve(world: &mut World, undo: &mut Vec<(Duration, Undo)>, now: Duration) {
    undo.retain(|(at, what)| {
        if *at > now {
            return true;
        }
        match what {
            Undo::Thaw(number) => world.freeze(*number, false),
            Undo::Clear(before) => world.network(*before, None),
        }
        false
    });
}

/// Waits until the run has ended; how it stands then, and how long that took.
fn calm(world: &mut World, run: &str) -> Result<(Run, Duration)> {
    let begun = Instant::now();
    let mut told = Instant::now();
    loop {
        world.mend();
        if let Some(now) = world.api().and_then(|api| api.get::<Run>(run).ok())
            && now.state.is_end()
        {
            return Ok((now, begun.elapsed()));
        }
        if told.elapsed() > Duration::from_secs(15) {
            told = Instant::now();
            tell(world.api(), run);
        }
        ensure!(
            begun.elapsed() < CALM,
            "the run has not come to its end {} s after the storm",
            CALM.as_secs()
        );
        thread::sleep(Duration::from_millis(200));
    }
}

fn tell(api: Option<Asked>, run: &str) {
    match api.and_then(|api| api.get::<Run>(run).ok()) {
        Some(now) => eprintln!("chaos: {:?} {:?}", now.totals.by_state, now.totals.changesets),
        None => eprintln!("chaos: no replica answers just now"),
    }
}
