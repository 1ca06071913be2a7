//! The scenario `chaos`: a campaign on three replicas, while replicas are killed and frozen, Redis forgets everything,
//! Postgres is restarted, networks break and the code host fails. Limits bind all the while, by a minute and an hour that
//! are shorter than GitHub's. When the storm is over everything has to be as if nothing had been.
//!
//! Judged by the twin's log and the database's rows. Deliberately absent: a clock that is moved; what frozen processes
//! and leases do, they do in real time.

mod held_up;
mod plan;

use super::Settings;
use crate::{
    ask::Asked,
    campaign::{CAMPAIGN, SPEC},
    ending,
    judge::{
        SECOND,
        schedule::{self, Rules, Writes},
        verdict::Limits,
        windows::Window,
    },
    report::{Figure, Report},
    world::{Before, REPLICAS, World},
};
use anyhow::{Result, ensure};
use campaigns_wire::Run;
use held_up::Record;
use plan::{Mishap, Scale};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How many targets there are unless it is said. Half of them may be opened in an hour, so that what is left of them after
/// a storm of two hours can end within one more.
const TARGETS: u32 = 1_000;
/// How long the storm is unless it is said.
const STORM: u64 = 600;
/// How long a lease lives without being renewed, seconds.
const LEASE: u64 = 3;
/// How long everything may take to come to its end after the storm.
const CALM: Duration = Duration::from_secs(300);

/// The part of the storm in which limits have to bind, so that it is them, too, that it shakes.
const BOUND: f64 = 0.5;

/// How big it is.
struct Size {
    targets: u32,
    storm: u64,
    seed: u64,
    /// Pull requests in the shorter hour.
    per_hour: u64,
}

impl Size {
    fn of(settings: &Settings) -> Self {
        let targets = settings.repositories.unwrap_or(TARGETS);
        Self {
            targets,
            per_hour: settings.per_hour.unwrap_or(u64::from(targets) / 2).max(4),
            storm: settings.storm.unwrap_or(STORM),
            seed: settings.seed,
        }
    }

    /// The shorter minute: 20 s of a storm of 600 s.
    fn minute(&self) -> u64 {
        (self.storm / 30).max(1)
    }

    /// The shorter hour: half of the storm.
    fn hour(&self) -> u64 {
        self.storm / 2
    }

    /// To an hour's as 80 to 500, which are GitHub's.
    fn per_minute(&self) -> u64 {
        (self.per_hour * 80 / 500).max(2)
    }

    fn windows(&self) -> Vec<Window> {
        vec![
            Window::of(self.per_minute(), self.minute().cast_signed()),
            Window::of(self.per_hour, self.hour().cast_signed()),
        ]
    }

    fn scale(&self) -> Scale {
        let seconds = Duration::from_secs;
        Scale {
            storm: seconds(self.storm),
            hit: seconds((self.storm / 40).max(2 * LEASE + 2)),
            flush: seconds((self.storm / 10).max(7)),
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
            format!("--limit-hour={}", self.hour()),
            format!("--limit-creations-per-minute={}", self.per_minute()),
            format!("--limit-creations-per-hour={}", self.per_hour),
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
            // Writes one after the other take longer than the limits ask for, and then it is not these that hold a run up.
            "--write-spacing=0".to_owned(),
            "--parallelism=1".to_owned(),
            format!("--cap=content={}/{}s", self.per_minute(), self.minute()),
            format!("--cap=content={}/{}s", self.per_hour, self.hour()),
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
    let mut world = World::start(size.targets, &size.twin_flags(), size.server_flags())?;

    let api = world.answering()?;
    let _: Value = api.put(&format!("/campaigns/{CAMPAIGN}"), &json!({"spec": SPEC}))?;
    let run: Run = api.post(&format!("/campaigns/{CAMPAIGN}/runs"), &json!({}))?;
    let path = format!("/runs/{}", run.id);
    let storm_began = now();
    let mishaps = storm(&mut world, &size, &path)?;
    let storm_ended = now();
    let (ended, waited) = calm(&mut world, &path)?;
    let record = Record::of(&world)?;

    let limits = Limits { creations: size.windows(), ..Limits::lifted() };
    let (judged, log) = ending::of(world, &ended, size.targets, &limits)?;
    let rules = Rules { spacing: 0, writes: size.windows(), pulls: vec![] };
    let shortest = schedule::shortest(&rules, size.targets as usize, Writes { before: 0, after: 0 });
    let opened: Vec<i64> =
        log.iter().filter(|entry| entry.operation == "pulls/create").map(|entry| entry.arrived).collect();
    let span = opened.iter().max().zip(opened.iter().min()).map_or(0, |(last, first)| last - first);
    let storm = (storm_began, storm_ended);
    let seconds = |micros: i64| micros as f64 / SECOND as f64;
    let bound = (seconds(record.held_up(&size.windows(), &log, storm)), seconds(storm_ended - storm_began));
    let by_permits = seconds(record.full_by_permits(&size.windows(), storm));
    let name = "time of the storm in which a limit binds";
    let mut figures = vec![
        // In a short storm little is asked for before it is over.
        if size.storm < STORM {
            Figure::against(name, "s", &[bound])
        } else {
            Figure::at_least(name, "s", &[bound], BOUND)
        },
        Figure::against(
            "the same by the permits that count, without what is begun",
            "s",
            &[(by_permits, bound.1)],
        ),
        Figure::shown("mishaps", "mishaps", mishaps as f64),
        Figure::shown("until the end after the storm", "s", waited.as_secs_f64()),
        Figure::shown("pull requests were opened over", "s", span as f64 / SECOND as f64),
        Figure::shown("the shortest that the limits let it be", "s", shortest as f64 / SECOND as f64),
    ];
    figures.extend(judged);
    Ok(Report { scenario: "chaos".to_owned(), figures })
}

/// Microseconds since 1970, by the clock that the twin and the database go by, too.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
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
            Mishap::Kill => world.kill(random.random_range(0..REPLICAS)),
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
