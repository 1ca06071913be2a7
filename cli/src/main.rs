//! `campaigns`: the server, the command line and the demo in one binary.
//!
//! `main` only decides which room to enter and turns the outcome into an exit code: 0 all well, 1 the command
//! failed, 2 usage, 3 some targets failed and the rest are done. Deliberately absent: everything else; each
//! command is a file in `commands`.

mod arguments;
mod client;
mod commands;
mod connection;
mod limits;
mod output;
mod progress;
mod signal;

use arguments::{Arguments, AskWords, Command, Connection, MergeWay, Output};
use campaigns_wire::{AskAction, MergeMethod};
use clap::Parser as _;
use commands::{ask::Asking, steer::Verb};
use std::process::ExitCode;

/// Committing takes many small pieces of memory on several threads, which the system's allocator is slow at (ADR 17).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A step's sandbox is this very program, started again: it never comes back from here.
    campaigns_runner::sandbox::entry();
    if let Some(code) = commands::twin::entry() {
        return code;
    }
    let arguments = Arguments::parse();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("error: the TLS provider was installed twice; this is a defect of the program");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            eprintln!("error: the program's threads could not be started: {cause}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(carry_out(arguments));
    runtime.shutdown_timeout(campaigns_runtime::replica::THREADS);
    match outcome {
        Ok(verdict) => verdict.exit_code(),
        Err(error) if error.is::<output::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All well.
    Well,
    /// The command did what it could; some targets failed.
    SomeFailed,
    /// Somebody ended it before it was done.
    Stopped,
}

impl Verdict {
    fn exit_code(self) -> ExitCode {
        match self {
            Self::Well => ExitCode::SUCCESS,
            Self::SomeFailed => ExitCode::from(3),
            Self::Stopped => ExitCode::FAILURE,
        }
    }
}

async fn carry_out(arguments: Arguments) -> anyhow::Result<Verdict> {
    let Arguments { command, connection, output } = arguments;
    match command {
        Command::Demo(demo) => commands::demo::run(demo, output).await,
        Command::Serve(serve) => commands::serve::run(serve, output).await,
        Command::Validate(validate) => commands::validate::run(&validate, output),
        Command::Run(run) => commands::run::run(run, output).await,
        Command::Apply(apply) => commands::apply::run(apply, &connection, output).await,
        Command::Pause(steer) => commands::steer::run(steer, Verb::Pause, &connection, output).await,
        Command::Resume(steer) => commands::steer::run(steer, Verb::Resume, &connection, output).await,
        Command::Cancel(steer) => commands::steer::run(steer, Verb::Cancel, &connection, output).await,
        Command::Publish(publish) => {
            let asking = Asking { draft: publish.draft, ..Asking::plain(AskAction::Publish) };
            commands::ask::run(publish.words, asking, &connection, output).await
        }
        Command::Ready(words) => plain(words, AskAction::Ready, &connection, output).await,
        Command::Retry(words) => plain(words, AskAction::Retry, &connection, output).await,
        Command::Close(close) => {
            let asking = Asking { body: close.comment, ..Asking::plain(AskAction::Close) };
            commands::ask::run(close.words, asking, &connection, output).await
        }
        Command::Reopen(words) => plain(words, AskAction::Reopen, &connection, output).await,
        Command::Merge(merge) => {
            let method = merge.method.map(|way| match way {
                MergeWay::Merge => MergeMethod::Merge,
                MergeWay::Squash => MergeMethod::Squash,
                MergeWay::Rebase => MergeMethod::Rebase,
            });
            let asking = Asking { method, ..Asking::plain(AskAction::Merge) };
            commands::ask::run(merge.words, asking, &connection, output).await
        }
        Command::Comment(comment) => {
            let asking = Asking { body: Some(comment.body), ..Asking::plain(AskAction::Comment) };
            commands::ask::run(comment.words, asking, &connection, output).await
        }
        Command::Rebase(words) => plain(words, AskAction::Rebase, &connection, output).await,
        Command::Rerun(words) => plain(words, AskAction::Rerun, &connection, output).await,
        Command::Takeover(words) => plain(words, AskAction::Takeover, &connection, output).await,
        Command::Pace(pace) => commands::pace::run(pace, &connection, output).await,
        Command::Sync(sync) => commands::sync::run(sync, &connection, output).await,
        Command::Status(status) => commands::status::run(status, &connection, output).await,
        Command::Budget(budget) => commands::budget::run(budget, &connection, output).await,
        Command::Installations => commands::installations::run(&connection, output).await,
        Command::Watch(watch) => commands::watch::run(watch, &connection, output).await,
        Command::Diff(diff) => commands::diff::run(diff, &connection, output).await,
        Command::Logs(logs) => commands::logs::run(logs, &connection, output).await,
        Command::Runs(runs) => commands::runs::run(runs, &connection, output).await,
        Command::Spec(spec) => commands::spec::run(spec, &connection, output).await,
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Version => commands::version::run(output),
    }
}

/// An ask without words of its own.
async fn plain(
    words: AskWords,
    action: AskAction,
    connection: &Connection,
    form: Output,
) -> anyhow::Result<Verdict> {
    commands::ask::run(words, Asking::plain(action), connection, form).await
}
