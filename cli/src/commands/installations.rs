//! `campaigns installations`: where the GitHub App is installed, what it lacks, and what holds an organisation up.
//!
//! Deliberately absent: changing any of it, which an organisation's owners do at GitHub.

use crate::{
    Verdict,
    arguments::{Connection, Output},
    commands::{budget::time, status::one_line},
    connection,
    output::{self, Cell, Paint, Table},
};
use anyhow::Result;
use campaigns_wire::{Installation, OrganizationPause};

/// Shows the installations.
pub(crate) async fn run(connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    let all = client.installations().await?;
    match form {
        Output::Json => output::json(&all)?,
        Output::Table if all.is_empty() => output::note(
            "no installation is known: a server that acts as a GitHub App (`serve --app-id`) lists them within moments",
        ),
        Output::Table => output::text(&table(&all))?,
    }
    Ok(Verdict::Well)
}

fn table(all: &[Installation]) -> String {
    let paint = Paint::for_stdout();
    let mut table = Table::default();
    let heads = ["ORGANISATION", "ID", "STATE", "SINCE", "REPOSITORIES", "LACKS", "LAST SEEN", ""];
    table.row(heads.map(|head| Cell::painted(head, |text| paint.dim(text))));
    for one in all {
        // What holds may be another thing than the installation itself.
        let (state, since) = match &one.pause {
            Some(pause) if one.state == "active" => (format!("paused: {}", pause.cause), pause.since),
            _ => (one.state.clone(), one.since),
        };
        let lacks = one.missing_permissions.join(", ");
        let why = one.pause.as_ref().map(|pause| one_line(&pause.reason)).unwrap_or_default();
        table.row([
            Cell::painted(&one.organization, |text| paint.bold(text)),
            Cell::plain(one.id.to_string()),
            Cell::painted(&state, |text| if state == "active" { paint.green(text) } else { paint.red(text) }),
            Cell::plain(since.map(time).unwrap_or_default()),
            Cell::plain(&one.repositories),
            Cell::painted(&lacks, |text| paint.red(text)),
            Cell::plain(time(one.seen_at)),
            Cell::painted(&why, |text| paint.dim(text)),
        ]);
    }
    table.render()
}

/// A paused organisation in a line.
pub(crate) fn paused(pause: &OrganizationPause) -> String {
    let since = pause.since.map(|since| format!(" since {}", time(since))).unwrap_or_default();
    format!("{} is paused ({}){since}: {}", pause.organization, pause.cause, one_line(&pause.reason))
}
