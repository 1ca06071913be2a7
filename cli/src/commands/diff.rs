//! `campaigns diff`: shows what a campaign changes, by the newest run that each repository had part in.

use crate::{
    Verdict,
    arguments::{Connection, Diff, Output},
    client::Client,
    commands::{status, watch},
    connection,
    output::{self, Paint},
};
use anyhow::{Result, bail};
use campaigns_wire::{Target, TargetState};
use std::io::IsTerminal as _;

/// Shows the diffs.
pub(crate) async fn run(arguments: Diff, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    watch::latest(&client, &arguments.campaign).await?;
    let matches = status::matcher(arguments.repository.as_deref())?;
    let (_, mut targets) = status::targets(&client, &arguments.campaign, true).await?;
    targets.retain(|target| target.state == TargetState::Changed && matches(&target.repository));
    if targets.is_empty() {
        match &arguments.repository {
            Some(repository) => bail!("no changed target of {} is like `{repository}`", arguments.campaign),
            None => output::note(&format!("nothing is changed by {}", arguments.campaign)),
        }
    }
    match form {
        Output::Table => show(&client, &targets).await?,
        Output::Json => {
            let mut documents = vec![];
            for target in &targets {
                let diff = client.diff(target.id).await?;
                documents.push(serde_json::json!({ "repository": target.repository, "diff": diff }));
            }
            output::json(&documents)?;
        }
    }
    Ok(Verdict::Well)
}

/// Prints the targets' diffs for people.
pub(crate) async fn show(client: &Client, targets: &[Target]) -> Result<()> {
    let paint = Paint::for_stdout();
    let terminal = std::io::stdout().is_terminal();
    for target in targets {
        let diff = client.diff(target.id).await?;
        // Among several, a diff does not say whose it is; a line before one is nothing that `git apply` minds.
        match targets.len() {
            1 => output::note(&Paint::for_stderr().bold(&target.repository)),
            _ => output::text(&format!("{}\n", paint.bold(&target.repository)))?,
        }
        let diff = if terminal { output::harmless(&diff) } else { diff };
        output::text(&coloured(&diff, paint))?;
    }
    Ok(())
}

fn coloured(diff: &str, paint: Paint) -> String {
    diff.split_inclusive('\n')
        .map(|line| {
            let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
            let shown = match text.as_bytes().first() {
                _ if text.starts_with("+++") || text.starts_with("---") || text.starts_with("diff ") => {
                    paint.bold(text)
                }
                Some(b'+') => paint.green(text),
                Some(b'-') => paint.red(text),
                Some(b'@') => paint.cyan(text),
                _ => text.to_owned(),
            };
            shown + end
        })
        .collect()
}
