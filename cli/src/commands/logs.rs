//! `campaigns logs`: shows the log of a target's steps.

use crate::{
    Verdict,
    arguments::{Connection, Logs, Output},
    commands::{status, watch},
    connection, output,
};
use anyhow::{Result, bail};
use campaigns_wire::TargetState;
use std::io::IsTerminal as _;

/// Shows the log of the last attempt.
pub(crate) async fn run(arguments: Logs, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    watch::latest(&client, &arguments.campaign).await?;
    let matches = status::matcher(Some(&arguments.repository))?;
    let (_, mut targets) = status::targets(&client, &arguments.campaign, true).await?;
    targets.retain(|target| matches(&target.repository));
    let target = match targets.as_slice() {
        [target] => target,
        [] => bail!("no target of {} is `{}`", arguments.campaign, arguments.repository),
        [first, ..] => {
            output::note(&format!(
                "{} targets are like `{}`; this is the first",
                targets.len(),
                arguments.repository
            ));
            first
        }
    };
    if target.state == TargetState::Skipped {
        bail!("{} has no log: {}", target.repository, status::one_line(&target.why));
    }
    let terminal = std::io::stdout().is_terminal();
    let mut log = vec![];
    loop {
        let part = client.log(target.id, log.len() as u64).await?;
        if part.is_empty() {
            break;
        }
        if form == Output::Table && terminal {
            output::text(&output::harmless(&String::from_utf8_lossy(&part)))?;
        } else if form == Output::Table {
            output::bytes(&part)?;
        }
        log.extend(part);
    }
    if form == Output::Json {
        let log = String::from_utf8_lossy(&log);
        output::json(
            &serde_json::json!({ "repository": target.repository, "attempt": target.attempt, "log": log }),
        )?;
    } else if log.is_empty() {
        output::note(&format!("{} has no log yet: {}", target.repository, status::one_line(&target.reason)));
    }
    Ok(Verdict::Well)
}
