//! `campaigns sync`: reads a campaign's pull requests afresh, and shows where they stand and which could not be read.

use crate::{
    Verdict,
    arguments::{Connection, Output, Sync},
    client::Client,
    commands::status::{self, one_line},
    connection,
    output::{self, Paint},
};
use anyhow::{Result, bail};
use campaigns_wire::{Command, CommandState, SyncReport};
use std::time::{Duration, Instant};

/// How long the owners may take before the command says that it still goes on.
const PATIENCE: Duration = Duration::from_secs(300);

/// Syncs the campaign.
pub(crate) async fn run(arguments: Sync, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    let report = wait(&client, &arguments.campaign).await?.sync.unwrap_or_default();
    let changesets = client.changesets(&arguments.campaign).await?;
    match form {
        Output::Json => output::json(&changesets)?,
        Output::Table => output::text(&status::changesets(&changesets))?,
    }
    let paint = Paint::for_stderr();
    let SyncReport { read, changed, failed, .. } = report;
    output::note(&format!(
        "{read} read, {changed} changed{}",
        if failed > 0 { ", some not read:" } else { "" }
    ));
    for failure in &report.failures {
        output::note(&format!("{} {}  {}", paint.red("✗"), failure.repository, one_line(&failure.reason)));
    }
    Ok(if failed > 0 { Verdict::SomeFailed } else { Verdict::Well })
}

/// Asks for a fresh read and waits until every organisation has done it.
async fn wait(client: &Client, campaign: &str) -> Result<Command> {
    let begun = Instant::now();
    let mut command = client.sync(campaign).await?;
    while command.state != CommandState::Done {
        if begun.elapsed() > PATIENCE {
            bail!(
                "the fresh read has not ended yet (command {}): it goes on; `campaigns status {campaign}` shows \
                 what it has seen so far",
                command.id
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        command = client.command(command.id).await?;
    }
    Ok(command)
}
