//! `campaigns serve`: runs the server until it is asked to stop.

use crate::{
    Verdict,
    arguments::{Output, Serve, Steps},
    commands::github,
    output::{self, Paint},
    signal,
};
use anyhow::{Context as _, Result};
use campaigns_runtime::{
    cluster,
    config::{DatabaseUrl, RedisUrl, WebhookSecrets, paths},
    replica::{Replica, ReplicaSettings},
};
use std::{path::Path, time::Duration};

/// Runs the server.
pub(crate) async fn run(arguments: Serve, form: Output) -> Result<Verdict> {
    campaigns_runtime::telemetry::start();
    let data = arguments.data.unwrap_or_else(paths::data_dir);
    let mut settings = ReplicaSettings::new(data, github::config(&arguments.github)?);
    settings.listen = arguments.listen;
    settings.database_url = database_url()?;
    settings.redis_url = redis_url()?;
    settings.leases = cluster::Settings { lease: Duration::from_secs(arguments.lease_seconds) };
    settings.poll = Duration::from_secs(arguments.poll_seconds);
    settings.webhook_rhythm.installations = Duration::from_secs(arguments.installations_seconds);
    settings.null_executor = arguments.null_executor.map(Duration::from_millis);
    settings.artifacts = arguments.artifacts;
    settings.unlimited = arguments.github.unlimited;
    arguments.limits.apply(&mut settings);
    settings.webhook_secrets = webhook_secrets(arguments.webhook_secret_file.as_deref())?;
    steps(&mut settings, &arguments.steps);
    if !arguments.listen.ip().is_loopback() {
        output::note("the server is open to the network: put TLS in front of it");
    }
    let replica = Replica::start(settings).await?;
    announce(&replica, form)?;
    tokio::select! {
        stop = signal::stop() => stop?,
        () = signal::stdin_ends(), if arguments.end_with_stdin => {}
        failed = replica.failed() => return Err(failed),
    }
    output::note("stopping: what is in flight is finished first (Ctrl-C again ends it at once)");
    tokio::select! {
        stopped = replica.stop() => stopped?,
        stop = signal::stop() => stop?,
    }
    Ok(Verdict::Well)
}

/// The database that the environment names, if it names one.
///
/// # Errors
/// Where DATABASE_URL is no address of a database.
pub(crate) fn database_url() -> Result<Option<DatabaseUrl>> {
    let named = std::env::var("DATABASE_URL").ok().filter(|url| !url.trim().is_empty());
    Ok(named.map(|url| url.parse()).transpose()?)
}

/// The Redis that the environment names, if it names one.
///
/// # Errors
/// Where REDIS_URL is no address of Redis.
pub(crate) fn redis_url() -> Result<Option<RedisUrl>> {
    let named = std::env::var("REDIS_URL").ok().filter(|url| !url.trim().is_empty());
    Ok(named.map(|url| url.parse()).transpose()?)
}

/// What GitHub signs webhooks with, from the file that was named or the environment.
fn webhook_secrets(file: Option<&Path>) -> Result<WebhookSecrets> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).with_context(|| {
            format!("the file with the webhook's secret `{}` cannot be read", file.display())
        })?;
        return WebhookSecrets::parse(&text).with_context(|| format!("`{}` cannot be used", file.display()));
    }
    match std::env::var("CAMPAIGNS_WEBHOOK_SECRET") {
        Ok(text) if !text.trim().is_empty() => {
            WebhookSecrets::parse(&text).context("CAMPAIGNS_WEBHOOK_SECRET cannot be used")
        }
        _ => Ok(WebhookSecrets::default()),
    }
}

/// Applies how steps are to be run.
pub(crate) fn steps(settings: &mut ReplicaSettings, arguments: &Steps) {
    if let Some(parallelism) = arguments.parallelism {
        settings.parallelism = parallelism;
    }
    settings.no_container = arguments.no_container;
}

/// Says where the server is: one line of JSON on standard output for programs, words for people.
fn announce(replica: &Replica, form: Output) -> Result<()> {
    let (address, token) = (replica.address(), replica.token_file());
    if form == Output::Json {
        let said = serde_json::json!({ "url": format!("http://{address}"), "token_file": token, "replica": replica.id() });
        return output::text(&format!("{said}\n"));
    }
    let paint = Paint::for_stderr();
    output::note(&format!("{} {}", paint.bold("Campaigns is up:"), paint.cyan(&format!("http://{address}"))));
    output::note(&format!("  API        http://{address}/api/v1 (described at /api/v1/openapi.json)"));
    match token {
        Some(file) => output::note(&format!("  API token  {}", file.display())),
        None => output::note("  API token  where the first replica of this database has written it"),
    }
    Ok(())
}
