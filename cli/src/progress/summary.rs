//! What a run came to: a few figures, then every target that needs somebody's eye.
//!
//! Deliberately absent: the list of everything, which is `campaigns status`.

use crate::{
    Verdict,
    arguments::Output,
    client::Client,
    commands::{budget, diff, status::one_line},
    output::{self, Cell, Paint, Table},
};
use anyhow::Result;
use campaigns_wire::{Changeset, ChangesetState, Estimate, Run, RunState, Target, TargetState};
use serde::Serialize;
use uuid::Uuid;

/// Of so many failed targets the end of the log is shown.
const LOGS: usize = 3;
/// So many are looked at for that at most: logs may be empty, or out of reach.
const LOOKS: usize = 10;
/// So many lines of it at most.
const LOG_LINES: usize = 10;
/// And so many bytes.
const LOG_BYTES: u64 = 4096;

/// Something that needs somebody's eye.
struct Trouble {
    state: String,
    repository: String,
    reason: String,
    /// The last lines that its steps wrote.
    wrote: Vec<String>,
}

/// What a run came to, in figures.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) campaign: String,
    pub(crate) run: Uuid,
    pub(crate) state: RunState,
    pub(crate) dry_run: bool,
    pub(crate) no_container: bool,
    /// Targets that took part.
    pub(crate) targets: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    pub(crate) failed: u64,
    /// Repositories left out by the selection.
    pub(crate) skipped: u64,
    pub(crate) cancelled: u64,
    /// Repositories that the spec names and that do not exist, or that the token may not see.
    pub(crate) missing: Vec<String>,
    /// Pull requests that are open, drafts among them.
    pub(crate) pull_requests_open: u64,
    /// Changesets that GitHub did not allow or that a human took over.
    pub(crate) held_up: u64,
    /// What publishing would take, after a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) estimate: Option<Estimate>,
    /// From the run's creation to its end.
    pub(crate) seconds: f64,
}

impl Summary {
    /// The figures of a run whose left-out targets are these.
    pub(crate) fn of(run: &Run, skipped: &[Target]) -> Self {
        let count = |state: &str| run.totals.by_state.get(state).copied().unwrap_or_default();
        let changesets = |state: &str| run.totals.changesets.get(state).copied().unwrap_or_default();
        let ended = run.ended_at.unwrap_or_else(chrono::Utc::now);
        let milliseconds = (ended - run.created_at).num_milliseconds();
        Self {
            campaign: run.campaign.clone(),
            run: run.id,
            state: run.state,
            dry_run: run.dry_run,
            no_container: run.no_container,
            targets: run.totals.targets - count("skipped"),
            changed: count("changed"),
            unchanged: count("unchanged"),
            failed: count("failed"),
            skipped: count("skipped"),
            cancelled: count("cancelled"),
            missing: skipped.iter().filter(|each| each.missing).map(|each| each.repository.clone()).collect(),
            pull_requests_open: changesets("open") + changesets("draft") + changesets("conflicted"),
            held_up: changesets("blocked") + changesets("handed_over"),
            estimate: None,
            seconds: f64::from(i32::try_from(milliseconds).unwrap_or(i32::MAX)) / 1000.0,
        }
    }

    fn verdict(&self) -> Verdict {
        if self.state != RunState::Completed {
            Verdict::Stopped
        } else if self.failed + self.held_up == 0 && self.missing.is_empty() {
            Verdict::Well
        } else {
            Verdict::SomeFailed
        }
    }
}

/// Prints what a run came to and says how the command ends.
///
/// # Errors
/// Where the run itself failed: nothing could be selected.
pub(crate) async fn conclude(client: &Client, run: &Run, form: Output) -> Result<Verdict> {
    let (failed, skipped) =
        (client.targets(run.id, &["failed"]).await?, client.targets(run.id, &["skipped"]).await?);
    let mut summary = Summary::of(run, &skipped);
    if run.dry_run && run.state == RunState::Completed {
        summary.estimate = Some(client.estimate(run.id).await?);
    }
    let missing = skipped.into_iter().filter(|each| each.missing);
    let troubled = troubled(client, run, failed.into_iter().chain(missing)).await?;
    // How the run ended is an exit code too, which somebody may read who does not read the rest.
    output::unless_closed(tell(client, run, &summary, &troubled, form).await)?;
    if run.state == RunState::Failed {
        anyhow::bail!("the run failed: {}", run.reason);
    }
    Ok(summary.verdict())
}

async fn tell(
    client: &Client,
    run: &Run,
    summary: &Summary,
    troubled: &[Trouble],
    form: Output,
) -> Result<()> {
    if form == Output::Json {
        return output::json(summary);
    }
    if run.dry_run {
        diff::show(client, &client.targets(run.id, &["changed"]).await?).await?;
    }
    output::text(&text(summary, troubled))
}

/// What needs somebody's eye: these targets, and the changesets that are held up.
async fn troubled(client: &Client, run: &Run, targets: impl Iterator<Item = Target>) -> Result<Vec<Trouble>> {
    let changesets: Vec<Changeset> = client.changesets(&run.campaign).await?;
    let held_up = changesets
        .into_iter()
        .filter(|each| each.run_id == run.id)
        .filter(|each| matches!(each.state, ChangesetState::Blocked | ChangesetState::HandedOver));
    let mut troubled = vec![];
    let (mut looked, mut shown) = (0, 0);
    for target in targets {
        // A log that cannot be read now is no reason to say nothing of how the run ended.
        let wrote = match target.state {
            TargetState::Failed if shown < LOGS && looked < LOOKS => {
                looked += 1;
                end_of_log(client, &target).await.unwrap_or_default()
            }
            _ => vec![],
        };
        shown += usize::from(!wrote.is_empty());
        let (state, Target { repository, reason, .. }) = (target.state.to_string(), target);
        troubled.push(Trouble { state, repository, reason, wrote });
    }
    troubled.extend(held_up.map(|each| Trouble {
        state: each.state.to_string(),
        repository: each.repository,
        reason: each.reason,
        wrote: vec![],
    }));
    Ok(troubled)
}

/// The last lines of what a target's steps wrote, harmless to a terminal.
async fn end_of_log(client: &Client, target: &Target) -> Result<Vec<String>> {
    let log = client.log_end(target.id, LOG_BYTES).await?;
    let log = output::harmless(&String::from_utf8_lossy(&log));
    let lines: Vec<&str> = log.lines().collect();
    Ok(lines.iter().skip(lines.len().saturating_sub(LOG_LINES)).map(|line| (*line).to_owned()).collect())
}

fn text(summary: &Summary, troubled: &[Trouble]) -> String {
    let paint = Paint::for_stdout();
    let state = match summary.state {
        RunState::Completed => paint.green("completed"),
        state => paint.red(state.as_str()),
    };
    let dry = if summary.dry_run { " (dry run: nothing was written at GitHub)" } else { "" };
    let plain = if summary.no_container { " (steps ran without their containers)" } else { "" };
    let mut text =
        format!("\n{} · {state} in {:.1} s{dry}{plain}\n", paint.bold(&summary.campaign), summary.seconds);
    let figures = [
        ("targets", summary.targets),
        ("changed", summary.changed),
        ("unchanged", summary.unchanged),
        ("failed", summary.failed),
        ("left out", summary.skipped),
        ("cancelled", summary.cancelled),
        ("pull requests open", summary.pull_requests_open),
    ];
    for (name, count) in figures {
        let always = matches!(name, "targets" | "changed" | "unchanged" | "failed" | "pull requests open");
        if always || count > 0 {
            text.push_str(&format!("  {name:<18} {count:>6}\n"));
        }
    }
    if let Some(estimate) = &summary.estimate {
        text.push_str(&format!("\n  {}\n", budget::estimate(estimate)));
    }
    if !troubled.is_empty() {
        let mut table = Table::default();
        for each in troubled {
            table.row([
                Cell::painted(&format!("  {}", each.state), |text| paint.red(text)),
                Cell::plain(&each.repository),
                Cell::plain(one_line(&each.reason)),
            ]);
        }
        text.push('\n');
        text.push_str(&table.render());
        for each in troubled.iter().filter(|each| !each.wrote.is_empty()) {
            text.push_str(&format!("\n  {} wrote at last:\n", each.repository));
            each.wrote.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
        }
    }
    text
}
