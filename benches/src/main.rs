//! `ratios`: figures of the store and of live events, each against the least that the same rows or bytes cost on the
//! same machine in the same run. Subject and reference alternate; the median of their ratios is quoted.
//!
//! Deliberately absent: anything that needs GitHub or whole processes, which is the harness's (`loadtest`).

mod durable;
mod idle;
mod live;
mod pgbench;
mod plan;
mod processor;
mod raw;
#[allow(dead_code, reason = "some figures of a report are the harness's alone")]
#[path = "../../loadtest/src/report.rs"]
mod report; // The harness's own report, so that a figure reads the same wherever it comes from.

use anyhow::Result;
use campaigns_benches::stage::Stage;
use clap::{Parser, ValueEnum};
use report::Report;
use std::process::ExitCode;

/// As the product has it (ADR 17).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure the inside against references in the same run.
#[derive(Debug, Parser)]
#[command(name = "ratios", version)]
struct Arguments {
    /// What is measured; all of it where nothing is named.
    figures: Vec<Name>,
    /// How the report is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Markdown)]
    output: Output,
    /// Alternating pairs of subject and reference.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=25))]
    pairs: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table for people.
    Markdown,
    /// One JSON document for each.
    Json,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Transitions of 2,000 actors at once against raw batches of the same rows.
    Durable,
    /// A transition's cost among 100,000 targets against its cost among 1,000.
    Even,
    /// A lone transition's answer against that of a one-row commit.
    Idle,
    /// Adding 10,000 and 100,000 targets against a COPY of the same rows.
    Plan,
    /// Live events to 1,000 clients against a raw write for each.
    Sse,
    /// The server of `sse`, which starts it.
    #[value(hide = true)]
    LiveServer,
    /// The reference of `sse`, which starts it.
    #[value(hide = true)]
    RawServer,
}

const ALL: [Name; 5] = [Name::Durable, Name::Even, Name::Idle, Name::Plan, Name::Sse];

fn main() -> ExitCode {
    carry_out(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn carry_out(arguments: &Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = if arguments.figures.is_empty() { &ALL[..] } else { &arguments.figures };
    match figures {
        [Name::LiveServer] => return runtime.block_on(live::server::live()).map(|()| ExitCode::SUCCESS),
        [Name::RawServer] => return runtime.block_on(live::server::raw()).map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let mut holds = true;
    for name in figures {
        let report = match name {
            // The caller is on a thread of the runtime's, as actors are, and not on one that would have to be woken.
            Name::Idle => tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(measure(*name, arguments.pairs))?,
            _ => runtime.block_on(measure(*name, arguments.pairs))?,
        };
        holds &= report.figures.iter().all(|figure| figure.holds);
        match arguments.output {
            Output::Json => println!("{}", serde_json::to_string(&report)?),
            Output::Markdown => print!("{}", report.markdown()),
        }
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

async fn measure(name: Name, pairs: u32) -> Result<Report> {
    if matches!(name, Name::Sse | Name::LiveServer | Name::RawServer) {
        return Ok(Report { scenario: "sse".to_owned(), figures: live::fan_out(pairs).await? });
    }
    let stage = Stage::new().await?;
    eprintln!("{}", stage.server.installation());
    let (scenario, figures) = match name {
        Name::Durable => ("durable", durable::throughput(stage, pairs).await?),
        Name::Even => ("even", durable::evenness(stage, pairs).await?),
        Name::Idle => ("idle", idle::latency(stage, pairs).await?),
        _ => ("plan", plan::targets(stage, pairs).await?),
    };
    Ok(Report { scenario: scenario.to_owned(), figures })
}
