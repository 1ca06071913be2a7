//! The `twin` program as a function, so that another program can be it too: serves a twin until it is told to
//! stop, and says how to reach it in one line of JSON or in words. Deliberately absent: anything the library
//! does not do.

use crate::{Fault, Going, Options, Settings, Twin};
use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A GitHub that is a small true world, for demonstrations and tests.
#[derive(Parser)]
#[command(name = "twin", version, about)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve an organisation until stopped. A data folder that holds a world already is served as it is.
    Serve(Serve),
}

#[derive(Args)]
struct Serve {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Login of the organisation.
    #[arg(long, default_value = "acme")]
    org: String,
    /// Folder of source trees; each subfolder becomes a repository.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// How many of them to take, spread over the alphabet.
    #[arg(long, value_name = "N")]
    repos: Option<usize>,
    /// Folder that the world lives in; without it the world ends with the program.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// File to write the maintainer's personal token to (0600).
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// File to record API exchanges in, as JSON lines.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Address that webhooks of the app are sent to.
    #[arg(long, value_name = "URL", requires = "webhook_secret_file")]
    webhook_url: Option<String>,
    /// File with the secret that they are signed with.
    #[arg(long, value_name = "FILE", requires = "webhook_url")]
    webhook_secret_file: Option<PathBuf>,
    /// Lift all limits.
    #[arg(long)]
    no_limits: bool,
    #[command(flatten)]
    limits: Settings,
    /// Start the clock so many seconds ahead of the system's. A world that exists keeps its clock.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, conflicts_with = "hold_clock")]
    clock_ahead: u32,
    /// Hold the clock at a time (RFC 3339), or where it is, so that only `/_twin/clock` moves it. A world that exists
    /// keeps its clock.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "now", value_parser = time)]
    hold_clock: Option<DateTime<Utc>>,
    /// A fault from the start, as JSON; may be given several times.
    #[arg(long = "fault", value_name = "JSON", value_parser = fault)]
    faults: Vec<Fault>,
    /// A file with a JSON list of faults.
    #[arg(long, value_name = "FILE")]
    faults_file: Option<PathBuf>,
    /// How to say where it is.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// In words.
    Text,
    /// One line of JSON.
    Json,
}

fn time(text: &str) -> Result<DateTime<Utc>, chrono::ParseError> {
    if text == "now" {
        return Ok(Utc::now());
    }
    DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc))
}

fn fault(text: &str) -> Result<Fault, serde_json::Error> {
    serde_json::from_str(text)
}

fn faults_of(file: &Path) -> anyhow::Result<Vec<Fault>> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| anyhow::anyhow!("cannot read the faults in {}: {error}", file.display()))?;
    serde_json::from_str(&text)
        .map_err(|error| anyhow::anyhow!("{} is no list of faults: {error}", file.display()))
}

/// Is the program `twin` with these arguments, the program's name first, to its end.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let command = Command::parse_from(arguments);
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("TWIN_LOG").unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let Verb::Serve(serve) = command.verb;
    let outcome = runtime.block_on(run(serve));
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(serve: Serve) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    // Before anyone can know the address: a stop that comes at once is heard.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut faults = serve.faults;
    if let Some(file) = &serve.faults_file {
        faults.extend(faults_of(file)?);
    }
    let ahead = Going::Ahead(i64::from(serve.clock_ahead) * 1_000_000);
    let webhooks = match (serve.webhook_url, &serve.webhook_secret_file) {
        (Some(url), Some(file)) => {
            let secret = std::fs::read_to_string(file)
                .map_err(|error| anyhow::anyhow!("cannot read the secret in {}: {error}", file.display()))?;
            Some(crate::hooks::Config { url: Some(url), secret: Some(secret.trim().to_owned()) })
        }
        _ => None,
    };
    let twin = Twin::start(Options {
        listen: serve.listen,
        org: serve.org,
        from: serve.from,
        repos: serve.repos,
        data: serve.data,
        limited: !serve.no_limits,
        limits: serve.limits,
        clock: serve.hold_clock.map_or(ahead, Going::Held),
        faults,
        record: serve.record,
        webhooks,
        beside: None,
    })
    .await?;
    if let Some(path) = &serve.token_file {
        crate::secrets::write_private(path, twin.token())
            .map_err(|error| anyhow::anyhow!("cannot write the token to {}: {error}", path.display()))?;
    }
    introduce(&twin, serve.output);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    twin.stop().await;
    Ok(())
}

fn introduce(twin: &Twin, output: Output) {
    let app = twin.app();
    if output == Output::Json {
        let line = serde_json::json!({
            "url": twin.url(),
            "org": twin.org(),
            "app_id": app.id,
            "client_id": app.client_id,
            "private_key_file": app.private_key_file,
            "installation_id": app.installation_id,
            "token": twin.token(),
            "admin_token": twin.admin_token(),
            "data": twin.data_dir(),
            "log": twin.log_file(),
            "repositories": twin.repositories().len(),
        });
        println!("{line}");
        return;
    }
    println!("The twin serves {} with {} repositories.", twin.org(), twin.repositories().len());
    println!("  pages            {}/{}", twin.url(), twin.org());
    println!("  API              {0} and {0}/api/v3", twin.url());
    println!("  app              {} (installation {})", app.id, app.installation_id);
    println!("  private key      {}", app.private_key_file.display());
    println!("  personal token   {}", twin.world().secrets.token_file().display());
    println!("  log              {}", twin.log_file().display());
    println!("Stop it with Ctrl-C.");
}
