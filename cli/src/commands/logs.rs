//! `campaigns logs`: shows the log of a target's steps.

use crate::{
    Verdict,
    arguments::{Connection, Logs, Output},
    commands::{status, watch},
    connection, output,
};
use anyhow::{Result, bail};
use std::io::{IsTerminal as _, Write as _};

/// Shows the log of the last attempt.
pub(crate) async fn run(arguments: Logs, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    let run = watch::latest(&client, &arguments.campaign).await?;
    let matches = status::matcher(Some(&arguments.repository))?;
    let mut targets = client.targets(run, &[]).await?;
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
            std::io::stdout().write_all(&part)?;
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
