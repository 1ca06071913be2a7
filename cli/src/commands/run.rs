//! `campaigns run`: carries a campaign out here, without a server; run again, it continues where it stopped.
//!
//! The same replica that `serve` runs is started for as long as the run takes, on a loopback port of its own, and
//! asked through the same API. Deliberately absent: a second engine.

use crate::{
    Verdict,
    arguments::{Output, Run},
    client::Client,
    commands::{github, serve, validate},
    output,
    progress::{self, Reporter},
    signal,
};
use anyhow::{Context as _, Result, ensure};
use campaigns_domain::spec::Spec;
use campaigns_runtime::{
    config::paths,
    replica::{Replica, ReplicaSettings},
};
use campaigns_wire::CreateRun;
use std::path::Path;
use uuid::Uuid;

/// Carries the campaign out.
pub(crate) async fn run(arguments: Run, form: Output) -> Result<Verdict> {
    campaigns_runtime::telemetry::start_quiet();
    let (spec, text) = prepare(&arguments.file)?;
    let data = arguments.data.clone().unwrap_or_else(|| paths::data_dir().join("run"));
    let mut settings = ReplicaSettings::new(data, github::config(&arguments.github)?);
    settings.database_url = serve::database_url()?;
    settings.redis_url = serve::redis_url()?;
    settings.artifacts = std::env::var_os("CAMPAIGNS_ARTIFACTS").map(Into::into);
    settings.unlimited = arguments.github.unlimited;
    arguments.limits.apply(&mut settings);
    serve::steps(&mut settings, &arguments.steps);
    let replica = Replica::start(settings).await?;
    let outcome = tokio::select! {
        outcome = carry_out(&replica, &spec, &text, &arguments, form) => outcome,
        failed = replica.failed() => Err(failed),
        stop = signal::stop() => {
            stop?;
            output::note("stopped; the same command continues where this one ended");
            Ok(Verdict::Stopped)
        }
    };
    replica.stop().await?;
    outcome
}

async fn carry_out(
    replica: &Replica,
    spec: &Spec,
    text: &str,
    arguments: &Run,
    form: Output,
) -> Result<Verdict> {
    ensure!(
        !replica.token().is_empty(),
        "the database that DATABASE_URL names has an API token already: give it with CAMPAIGNS_TOKEN, or unset \
         DATABASE_URL"
    );
    let client = Client::new(&format!("http://{}", replica.address()), replica.token().to_owned())?;
    client.apply(&spec.name, text).await?;
    let asked = CreateRun {
        only: arguments.only.clone(),
        window: None,
        dry_run: arguments.dry_run,
        prune: arguments.prune,
    };
    let run = start_or_continue(&client, &spec.name, &asked, arguments.steps.no_container).await?;
    let ended = progress::follow(&client, run, &mut Reporter::new()).await?;
    progress::conclude(&client, &ended, form).await
}

/// The campaign's latest run where it asks for the same and has not ended; a new one otherwise.
async fn start_or_continue(
    client: &Client,
    campaign: &str,
    asked: &CreateRun,
    no_container: bool,
) -> Result<Uuid> {
    let now = client.campaign(campaign).await?;
    if let Some(latest) = now.latest_run {
        let latest = client.run(latest).await?;
        let same = latest.spec == now.spec
            && latest.only == asked.only
            && latest.dry_run == asked.dry_run
            && latest.no_container == no_container;
        if same && !latest.state.is_end() {
            output::note(&format!("continuing run {}", latest.id));
            return Ok(latest.id);
        }
    }
    Ok(client.create_run(campaign, &Uuid::now_v7().to_string(), asked).await?.id)
}

/// Reads and checks a spec. Variables that it passes on are taken from this environment; a spec that has some is
/// sent in its normal form, with their values in place.
pub(crate) fn prepare(file: &Path) -> Result<(Spec, String)> {
    let text = validate::read(file)?;
    let spec = validate::check(file, &text)?;
    let resolved = spec.resolve_environment(|name| std::env::var(name).ok())?;
    if resolved == spec {
        Ok((spec, text))
    } else {
        let text = resolved.normal_form();
        Spec::parse(&text).context("a passed-on variable's value cannot be part of a spec")?;
        Ok((resolved, text))
    }
}
