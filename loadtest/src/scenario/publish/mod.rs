//! The scenarios `publish`: a campaign over 1,000 repositories of one organisation against a twin that enforces
//! GitHub's limits, its clock and the database's moved together, judged by the twin's log. How long it takes by the
//! twin's clock, from the first write to the last one, is held against the shortest schedule that keeps every rule.
//!
//! The moved clocks run on with the system's, so what the server needs for its own work counts. Deliberately absent: a
//! limit of the scenario's own; the twin's are GitHub's and the server's are its defaults.

mod clocks;
mod people;

use super::Settings;
use crate::{
    ask::Asked,
    campaign::{self, CAMPAIGN, ORGANIZATION, SPEC},
    judge::{
        SECOND,
        schedule::{self, Rules, Writes},
        verdict::{self, Limits, Verdict},
        windows::{self, Window},
    },
    programs::{Database, Server, Twin},
    report::{Figure, Report},
};
use anyhow::{Context as _, Result, bail, ensure};
use campaigns_twin::Entry;
use campaigns_wire::Run;
use clocks::Clocks;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

/// A day's pull requests where the daily cap is not meant to hold anything up.
const NO_DAILY_CAP: u64 = 100_000;
/// A run that has not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(3 * 3_600);

/// What a scenario varies.
struct Variant {
    name: &'static str,
    targets: u32,
    per_minute: u64,
    per_hour: u64,
    per_day: u64,
    /// Milliseconds.
    spacing: i64,
    real_time: bool,
    faults: Option<u64>,
}

impl Variant {
    fn new(name: &'static str, settings: &Settings) -> Self {
        let github = Self {
            name,
            targets: settings.repositories.unwrap_or(1_000),
            per_minute: 80,
            per_hour: settings.per_hour.unwrap_or(500),
            per_day: NO_DAILY_CAP,
            spacing: 1_000,
            real_time: settings.real_time,
            faults: None,
        };
        if !settings.real_time {
            return github;
        }
        // Four full minutes of 60 writes, and the fifth begun: it is the windows that decide, not the machine.
        let targets = settings.repositories.unwrap_or(61);
        Self { targets, per_minute: 60, spacing: 250, ..github }
    }

    fn rules(&self) -> Rules {
        Rules {
            spacing: self.spacing * (SECOND / 1_000),
            writes: vec![
                Window::of(self.per_minute, 60),
                Window::of(self.per_hour, 3_600),
                Window::of(900 / 5, 60),
            ],
            pulls: vec![Window::of(self.per_day, 86_400)],
        }
    }

    fn limits(&self) -> Limits {
        let rules = self.rules();
        Limits {
            creations: vec![Window::of(self.per_minute, 60), Window::of(self.per_hour, 3_600)],
            pulls: rules.pulls,
            spacing: rules.spacing,
            ..Limits::documented()
        }
    }
}

/// The daily cap raised.
pub(super) fn limits(settings: &Settings) -> Result<Report> {
    measure(&Variant::new("publish", settings))
}

/// Every default.
pub(super) fn defaults(settings: &Settings) -> Result<Report> {
    measure(&Variant { per_day: 150, ..Variant::new("publish-defaults", settings) })
}

/// Executed and lost, and refused for no reason.
pub(super) fn faults(settings: &Settings) -> Result<Report> {
    measure(&Variant { faults: Some(settings.seed), ..Variant::new("publish-faults", settings) })
}

fn measure(variant: &Variant) -> Result<Report> {
    let room = tempfile::Builder::new().prefix("loadtest-").tempdir()?;
    // A database that runs as another user has to get through to its folder.
    fs::set_permissions(room.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
    let trees = room.path().join("trees");
    campaign::seed(&trees, variant.targets)?;
    let twin = Twin::start_with(
        ORGANIZATION,
        &trees,
        variant.targets,
        &room.path().join("world"),
        &twin_flags(variant),
    )?;
    let database = Database::start(&room.path().join("database"))?;
    let server = Server::start(&room.path().join("data"), &database, &twin, &server_flags(variant))?;
    let api = Asked::new(format!("{}/api/v1", server.url), server.token.clone())?;
    if let Some(seed) = variant.faults {
        people::send_webhooks(&twin, &server, seed)?;
    }
    let begun = Instant::now();
    let clocks = Clocks::new(&twin, &database, variant.rules())?;
    let mut clocks = if variant.faults.is_some() { clocks.hasty() } else { clocks };
    carry_out(variant, &api, &mut clocks)?;
    let taken = begun.elapsed().as_secs_f64();
    let skipped = clocks.skipped as f64 / SECOND as f64;
    let state: Value = twin.admin()?.get("/state")?;
    let known = match variant.faults {
        Some(_) => Some(people::known(&api, &mut clocks, &people::act(&twin, &state)?)?),
        None => None,
    };
    drop(server);
    let log = campaign::log(&twin)?;
    let verdict = verdict::judge(&log, &variant.limits());
    eprintln!(
        "{}: {} requests, {skipped:.0} s skipped, {taken:.0} s waited for; {verdict:?}",
        variant.name,
        log.len()
    );
    report(variant, &verdict, &log, &state, known)
}

fn twin_flags(variant: &Variant) -> Vec<String> {
    let mut flags = vec![
        format!("--limit-creations-per-minute={}", variant.per_minute),
        format!("--limit-creations-per-hour={}", variant.per_hour),
    ];
    if let Some(seed) = variant.faults {
        let lost = json!({"kind": "execute_then_refuse", "status": 502});
        let told = json!({"kind": "secondary_limit", "retry_after": 60});
        let untold = json!({"kind": "secondary_limit"});
        for (at, (share, effect)) in [(0.05, lost), (0.01, told), (0.01, untold)].into_iter().enumerate() {
            let seed = seed.wrapping_mul(16).wrapping_add(at as u64);
            let fault = json!({"writes": true, "probability": share, "seed": seed, "effect": effect});
            flags.extend(["--fault".to_owned(), fault.to_string()]);
        }
    }
    flags
}

fn server_flags(variant: &Variant) -> Vec<String> {
    vec![
        format!("--per-minute={}", variant.per_minute),
        format!("--per-hour={}", variant.per_hour),
        format!("--per-day={}", variant.per_day),
        format!("--write-spacing={}", variant.spacing),
    ]
}

/// Carries the campaign out to its end.
fn carry_out(variant: &Variant, api: &Asked, clocks: &mut Clocks) -> Result<()> {
    let _: Value = api.put(&format!("/campaigns/{CAMPAIGN}"), &json!({"spec": SPEC}))?;
    let run: Run = api.post(&format!("/campaigns/{CAMPAIGN}/runs"), &json!({}))?;
    let begun = Instant::now();
    let (mut looked, mut told, mut executing) = (Instant::now(), Instant::now(), true);
    loop {
        if looked.elapsed() > Duration::from_millis(250) {
            looked = Instant::now();
            let now: Run = api.get(&format!("/runs/{}", run.id))?;
            if now.state.is_end() {
                ensure!(now.reason.is_empty() || now.totals.targets > 0, "the run ended: {}", now.reason);
                return Ok(());
            }
            executing = ["selected", "queued", "executing"]
                .iter()
                .any(|state| now.totals.by_state.get(*state).is_some_and(|count| *count > 0));
            if told.elapsed() > Duration::from_secs(15) {
                told = Instant::now();
                eprintln!("{}: {:?} {:?}", variant.name, now.totals.by_state, now.totals.changesets);
            }
            if begun.elapsed() > PATIENCE {
                bail!("the run does not end: {now:?}");
            }
        }
        if !variant.real_time {
            clocks.turn(executing)?;
        }
        thread::sleep(Duration::from_millis(3));
    }
}

fn report(
    variant: &Variant,
    verdict: &Verdict,
    log: &[Entry],
    state: &Value,
    known: Option<u64>,
) -> Result<Report> {
    let targets = u64::from(variant.targets);
    let mut figures = vec![];
    if variant.faults.is_none() {
        let shortest = schedule::shortest(&variant.rules(), variant.targets as usize, each(log, targets)?);
        let pair = (verdict.makespan as f64 / SECOND as f64, shortest as f64 / SECOND as f64);
        figures.push(Figure::at_most(&format!("time of {targets} pull requests"), "s", &[pair], 1.02));
        let hour = Window::of(variant.per_hour, 3_600);
        let writes = log.iter().filter(|entry| entry.creates).map(|entry| (entry.arrived, 1));
        let fullest = windows::slide(hour, writes).fullest as f64;
        let most = variant.per_hour as f64;
        figures.push(Figure::against(
            "the most writes in an hour, of those allowed",
            "writes",
            &[(fullest, most)],
        ));
    } else {
        let hit = |what: &dyn Fn(&&Entry) -> bool| log.iter().filter(what).count() as f64;
        let lost = hit(&|entry| entry.answered == Some(502));
        let told = hit(&|entry| entry.limit.as_deref() == Some("fault"));
        figures.push(Figure::shown("writes executed and then lost", "requests", lost));
        figures.push(Figure::shown("writes refused by a fault", "requests", told));
        figures.push(Figure::exactly(
            "writes before a Retry-After was over",
            "requests",
            verdict.impatient,
            0,
        ));
    }
    if let Some(known) = known {
        let name = "changesets that stand where people took them";
        figures.push(Figure::exactly(name, "changesets", known, targets));
    }
    let one_each = campaign::one_each(state);
    figures.extend([
        Figure::exactly("repositories with exactly one open pull request", "repositories", one_each, targets),
        Figure::exactly("pull requests beyond the first of a branch", "pull requests", verdict.duplicates, 0),
        Figure::exactly("requests over a limit", "requests", verdict.over, 0),
        Figure::exactly("refused by a secondary limit", "requests", verdict.refused, 0),
        Figure::exactly("refused by the primary limit", "requests", verdict.used_up, 0),
        Figure::exactly("writes too soon after another", "requests", verdict.crowded, 0),
        Figure::shown("least time between writes", "s", verdict.closest.unwrap_or(0) as f64 / SECOND as f64),
    ]);
    Ok(Report { scenario: variant.name.to_owned(), figures })
}

/// What each target took, which is the same for all of them.
fn each(log: &[Entry], targets: u64) -> Result<Writes> {
    let mut writes: BTreeMap<&str, Writes> = BTreeMap::new();
    let mut opened: BTreeMap<&str, bool> = BTreeMap::new();
    for entry in log.iter().filter(|entry| entry.creates) {
        let repo = entry.repo.as_deref().context("a write of no repository")?;
        let counted = writes.entry(repo).or_insert(Writes { before: 0, after: 0 });
        if entry.operation == "pulls/create" {
            opened.insert(repo, true);
        } else if opened.contains_key(repo) {
            counted.after += 1;
        } else {
            counted.before += 1;
        }
    }
    ensure!(writes.len() as u64 == targets, "{} of {targets} repositories were written to", writes.len());
    let first = *writes.values().next().context("nothing was written")?;
    ensure!(
        writes.values().all(|other| *other == first),
        "targets took different numbers of writes: {writes:?}"
    );
    Ok(first)
}
