//! `campaigns watch`: follows a run live until it ends.

use crate::{
    Verdict,
    arguments::{Connection, Output, Watch},
    client::Client,
    connection, progress,
};
use anyhow::{Result, anyhow};
use uuid::Uuid;

/// Follows the run.
pub(crate) async fn run(arguments: Watch, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    let run = match Uuid::parse_str(&arguments.campaign) {
        Ok(run) => run,
        Err(_) => latest(&client, &arguments.campaign).await?,
    };
    match progress::follow_or_leave(&client, run).await? {
        Some(ended) => progress::conclude(&client, &ended, form).await,
        None => Ok(Verdict::Stopped),
    }
}

/// The newest run of a campaign.
pub(crate) async fn latest(client: &Client, campaign: &str) -> Result<Uuid> {
    client
        .campaign(campaign)
        .await?
        .latest_run
        .ok_or_else(|| anyhow!("campaign {campaign} has no run yet: `campaigns apply` starts one"))
}
