//! `loadtest`: measures Campaigns as a user would run it, each figure as a ratio to a reference of the same run.
//!
//! Progress goes to standard error, the report to standard output. Deliberately absent: knowledge of the product's
//! inside; a scenario starts its programs and reads what they leave behind.

mod ask;
mod campaign;
mod ending;
mod judge;
mod measure;
mod programs;
mod proxy;
mod report;
mod scenario;
mod world;

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
    /// Its name, or `all`.
    scenario: String,
    /// How the report is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Markdown)]
    output: Output,
    /// Alternating pairs of subject and reference; the median of their ratios is quoted.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=25))]
    pairs: u32,
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
    /// How often a replica is killed, in the scenario that measures that.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    kills: u32,
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
        Command::Run(run) => carry_out(&run).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }),
    }
}

fn carry_out(run: &Run) -> anyhow::Result<ExitCode> {
    let chosen: Vec<_> =
        scenario::ALL.iter().filter(|known| run.scenario == "all" || known.name == run.scenario).collect();
    anyhow::ensure!(
        !chosen.is_empty(),
        "there is no scenario `{}`; `loadtest list` shows what there is",
        run.scenario
    );
    let settings = scenario::Settings {
        pairs: run.pairs,
        repositories: run.repos,
        per_hour: run.per_hour,
        real_time: run.real_time,
        storm: run.storm,
        lease: run.lease,
        kills: run.kills,
        seed: run.seed,
    };
    let mut holds = true;
    for scenario in chosen {
        let report = match (scenario.measure)(&settings) {
            Ok(report) => report,
            Err(error) if run.scenario == "all" => {
                eprintln!("error: {}: {error:#}", scenario.name);
                holds = false;
                continue;
            }
            Err(error) => return Err(error),
        };
        holds &= report.figures.iter().all(|figure| figure.holds);
        match run.output {
            Output::Json => println!("{}", serde_json::to_string(&report)?),
            Output::Markdown => print!("{}", report.markdown()),
        }
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
