//! `campaigns apply`: gives a spec to the server, starts a run of it, and follows that.

use crate::{
    Verdict,
    arguments::{Apply, Connection, Output},
    commands::run::prepare,
    connection, output, progress,
};
use anyhow::Result;
use campaigns_wire::CreateRun;
use uuid::Uuid;

/// Applies the spec.
pub(crate) async fn run(arguments: Apply, connection: &Connection, form: Output) -> Result<Verdict> {
    // Checked here first, so that what is wrong is said with the file's name and lines.
    let (spec, text) = prepare(&arguments.file)?;
    let client = connection::client(connection)?;
    let applied = client.apply(&spec.name, &text).await?;
    output::note(&match (applied.created, applied.new_version) {
        (true, _) => format!("campaign {} created", spec.name),
        (false, true) => format!("campaign {} has version {} now", spec.name, applied.campaign.version),
        (false, false) => format!("campaign {} is unchanged", spec.name),
    });
    let asked =
        CreateRun { only: arguments.only, window: None, dry_run: arguments.dry_run, prune: arguments.prune };
    let run = client.create_run(&spec.name, &Uuid::now_v7().to_string(), &asked).await?;
    if arguments.no_wait {
        match form {
            Output::Json => output::json(&run)?,
            Output::Table => output::text(&format!("{}\n", run.id))?,
        }
        return Ok(Verdict::Well);
    }
    match progress::follow_or_leave(&client, run.id).await? {
        Some(ended) => progress::conclude(&client, &ended, form).await,
        None => Ok(Verdict::Stopped),
    }
}
