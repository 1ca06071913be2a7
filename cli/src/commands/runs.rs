//! `campaigns runs`: every run of a campaign, newest first.
//!
//! Deliberately absent: where targets stand, which `campaigns status` shows of the newest.

use crate::{
    Verdict,
    arguments::{Connection, Output, Runs},
    commands::budget::{span, time},
    connection,
    output::{self, Cell, Paint, Table},
};
use anyhow::Result;
use campaigns_wire::{Run, RunState};
use chrono::Utc;

/// Lists the runs.
pub(crate) async fn run(arguments: Runs, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    let runs = client.runs(&arguments.campaign).await?;
    match form {
        Output::Json => output::json(&runs)?,
        Output::Table if runs.is_empty() => {
            output::note(&format!("campaign {} has no run yet", arguments.campaign));
        }
        Output::Table => output::text(&table(&runs, Paint::for_stdout()))?,
    }
    Ok(Verdict::Well)
}

fn table(runs: &[Run], paint: Paint) -> String {
    let mut table = Table::default();
    let heads = ["RUN", "STATE", "STARTED", "TOOK", "BY", "TARGETS", "CHANGED", "FAILED", ""];
    table.row(heads.map(|head| Cell::painted(head, |text| paint.dim(text))));
    for run in runs {
        let count = |state: &str| run.totals.by_state.get(state).copied().unwrap_or_default();
        let state = |text: &str| match run.state {
            RunState::Completed => paint.green(text),
            RunState::Failed | RunState::Cancelled => paint.red(text),
            RunState::Selecting | RunState::Running => paint.yellow(text),
        };
        let failed = count("failed").to_string();
        table.row([
            Cell::plain(run.id.to_string()),
            Cell::painted(run.state.as_str(), state),
            Cell::plain(time(run.created_at)),
            Cell::plain(span(run.ended_at.unwrap_or_else(Utc::now) - run.created_at)),
            Cell::plain(&run.created_by),
            Cell::plain((run.totals.targets - count("skipped")).to_string()),
            Cell::plain(count("changed").to_string()),
            Cell::painted(&failed, |text| if text == "0" { text.to_owned() } else { paint.red(text) }),
            Cell::painted(&what(run), |text| paint.dim(text)),
        ]);
    }
    table.render()
}

/// What sets a run apart from one of everything.
fn what(run: &Run) -> String {
    let mut words = vec![];
    if run.dry_run {
        words.push("dry run".to_owned());
    }
    match (run.retries, run.rebase) {
        (0, _) => {}
        (_, true) => words.push("on bases as they are now".to_owned()),
        (_, false) => words.push("what had failed".to_owned()),
    }
    words.extend(run.only.as_ref().map(|only| format!("only {only}")));
    words.extend(run.paused_by.as_ref().map(|by| format!("paused by {by}")));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_a_line() {
        let run = |state: &str, more: serde_json::Value| -> Run {
            let mut run = serde_json::json!({
                "id": "01a221e3-2b4e-75c9-b537-79c764e3d6f8", "campaign_id": "01a221e3-2ad6-728b-9103-6b2693e28996",
                "campaign": "x", "spec": "2b50", "state": state, "reason": "", "window": 4, "dry_run": false,
                "no_container": false, "created_by": "ada", "created_at": "2026-01-02T03:04:05Z",
                "ended_at": "2026-01-02T03:05:15Z",
                "totals": {"targets": 12, "by_state": {"changed": 9, "failed": 1, "skipped": 2}, "changesets": {}},
            });
            run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(run).unwrap()
        };
        let runs = [
            run("completed", serde_json::json!({"dry_run": true, "only": "api-*"})),
            run("cancelled", serde_json::json!({"retries": 3})),
        ];
        assert_eq!(
            table(&runs, Paint::plain()),
            "RUN                                   STATE      STARTED                  TOOK        BY   TARGETS  CHANGED  FAILED\n\
             01a221e3-2b4e-75c9-b537-79c764e3d6f8  completed  2026-01-02 03:04:05 UTC  1 min 10 s  ada  10       9        1       dry run, only api-*\n\
             01a221e3-2b4e-75c9-b537-79c764e3d6f8  cancelled  2026-01-02 03:04:05 UTC  1 min 10 s  ada  10       9        1       what had failed\n"
        );
    }
}
