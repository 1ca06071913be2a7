//! `loadtest`: measures Campaigns as a user would run it, each figure as a ratio to a reference of the same run.
//!
//! Progress goes to standard error, the report to standard output. Deliberately absent: knowledge of the product's
//! inside; a scenario starts its programs and reads what they leave behind.

mod alone;
mod ask;
mod campaign;
mod ending;
mod guardian;
mod judge;
mod measure;
mod process;
mod programs;
mod proxy;
mod report;
mod scenario;
mod world;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use std::process::ExitCode;

/// Measure Campaigns against references in the same run.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario.
    Run(Run),
    /// List the scenarios.
    List,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Its name, or `all`: each of them in turn, small where no size is said.
    scenario: String,
    /// How the report is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Markdown)]
    output: Output,
    /// Alternating pairs of subject and reference; the median of their ratios is quoted. 5 unless it is said.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=25))]
    pairs: Option<u32>,
    /// Repositories, where a scenario has them; fewer than its own number makes the figure a trial.
    #[arg(long, visible_alias = "targets")]
    repos: Option<u32>,
    /// Content-creating writes an hour, where a scenario has such a limit; GitHub's 500 otherwise.
    #[arg(long)]
    per_hour: Option<u64>,
    /// In real time, with limits scaled down, where a scenario moves the clock otherwise.
    #[arg(long)]
    real_time: bool,
    /// How long a storm lasts, in seconds, where a scenario has one; its limits are scaled down with it.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(10..=3600))]
    storm: Option<u64>,
    /// How long a lease lives, in seconds, where a scenario has replicas.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    lease: Option<u64>,
    /// How often a replica is killed, in the scenario that measures that; 20 times unless it is said.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    kills: Option<u32>,
    /// Which requests faults hit, and what else chance decides.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table for people.
    Markdown,
    /// One JSON document.
    Json,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::List => {
            for scenario in scenario::ALL {
                println!("{:<17} {}", scenario.name, scenario.about);
            }
            ExitCode::SUCCESS
        }
        Command::Run(run) => {
            let ended = if guardian::is_guarded() { carry_out(&run) } else { guardian::guard() };
            ended.unwrap_or_else(|error| {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            })
        }
    }
}

fn carry_out(run: &Run) -> anyhow::Result<ExitCode> {
    let settings = scenario::Settings {
        pairs: run.pairs.unwrap_or(5),
        repositories: run.repos,
        per_hour: run.per_hour,
        real_time: run.real_time,
        storm: run.storm,
        lease: run.lease,
        kills: run.kills.unwrap_or(20),
        seed: run.seed,
    };
    if run.scenario == "all" {
        return Ok(all(run, &settings));
    }
    let chosen = scenario::ALL.iter().find(|known| known.is(&run.scenario));
    let chosen = chosen.with_context(|| {
        format!("there is no scenario `{}`; `loadtest list` shows what there is", run.scenario)
    })?;
    let report = (chosen.measure)(&settings)?;
    match run.output {
        Output::Json => println!("{}", serde_json::to_string(&report)?),
        Output::Markdown => print!("{}", report.markdown()),
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// Every scenario in turn, small where no size was said: one report, as far as each could be measured.
fn all(run: &Run, settings: &scenario::Settings) -> ExitCode {
    let (mut reports, mut failed) = (vec![], vec![]);
    for (number, scenario) in scenario::ALL.iter().enumerate() {
        let small = scenario.small;
        let sized = scenario::Settings {
            pairs: run.pairs.unwrap_or(small.pairs),
            repositories: run.repos.or(Some(small.repositories).filter(|repositories| *repositories > 0)),
            storm: run.storm.or(Some(small.storm)),
            lease: run.lease.or(Some(small.lease)),
            kills: run.kills.unwrap_or(small.kills),
            ..settings.clone()
        };
        eprintln!("all: {} of {}: {}, {sized:?}", number + 1, scenario::ALL.len(), scenario.name);
        match (scenario.measure)(&sized) {
            Ok(report) => reports.push(report),
            Err(error) => {
                eprintln!("error: {}: {error:#}", scenario.name);
                failed
                    .push(report::Failed { scenario: scenario.name.to_owned(), error: format!("{error:#}") });
            }
        }
    }
    let whole = report::Whole { reports, failed };
    match run.output {
        Output::Json => println!("{}", serde_json::json!(whole)),
        Output::Markdown => print!("{}", whole.markdown()),
    }
    if whole.holds() { ExitCode::SUCCESS } else { ExitCode::from(3) }
}
