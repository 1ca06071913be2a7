//! `campaigns status`: the campaigns, or where every target of one stands and why.

mod following;
use super::budget::span;
use crate::{
    Verdict,
    arguments::{Connection, Output, Status},
    client::Client,
    connection,
    output::{self, Cell, Paint, Table},
};
use anyhow::Result;
use campaigns_wire::{Campaign, Changeset, ChangesetState, Run, Target, TargetState, Waiting};
use chrono::Utc;
use globset::GlobBuilder;
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// Shows what there is.
pub(crate) async fn run(arguments: Status, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    match arguments.campaign {
        None => all(&client, form).await?,
        Some(name) => one(&client, &name, arguments.only.as_deref(), form).await?,
    }
    Ok(Verdict::Well)
}

async fn all(client: &Client, form: Output) -> Result<()> {
    let campaigns = client.campaigns().await?;
    match form {
        Output::Json => output::json(&campaigns),
        Output::Table if campaigns.is_empty() => {
            output::note("there is no campaign yet: `campaigns apply -f spec.yaml` makes one");
            Ok(())
        }
        Output::Table => output::text(&table(&campaigns)),
    }
}

fn table(campaigns: &[Campaign]) -> String {
    let paint = Paint::for_stdout();
    let mut table = Table::default();
    table.row(
        ["CAMPAIGN", "VERSION", "OPEN", "MERGED", "OTHER"].map(|head| Cell::painted(head, |t| paint.dim(t))),
    );
    for campaign in campaigns {
        let count = |state: &str| campaign.changesets.get(state).copied().unwrap_or_default();
        let open = count("open") + count("draft") + count("conflicted");
        let merged = count("merged");
        let all: u64 = campaign.changesets.values().sum();
        table.row([
            Cell::painted(&campaign.name, |text| paint.bold(text)),
            Cell::plain(format!("v{}", campaign.version)),
            Cell::plain(open.to_string()),
            Cell::plain(merged.to_string()),
            Cell::plain((all - open - merged).to_string()),
        ]);
    }
    table.render()
}

/// A campaign with its latest run, as JSON.
#[derive(Serialize)]
struct Standing {
    campaign: Campaign,
    run: Option<Run>,
    targets: Vec<Target>,
    changesets: Vec<Changeset>,
}

async fn one(client: &Client, name: &str, only: Option<&str>, form: Output) -> Result<()> {
    let campaign = client.campaign(name).await?;
    let matches = matcher(only)?;
    let mut changesets = client.changesets(name).await?;
    changesets.retain(|changeset| matches(&changeset.repository));
    let (run, targets) = match campaign.latest_run {
        Some(id) => {
            let mut targets = client.targets(id, &[]).await?;
            targets.retain(|target| matches(&target.repository));
            (Some(client.run(id).await?), targets)
        }
        None => (None, vec![]),
    };
    match form {
        Output::Json => output::json(&Standing { campaign, run, targets, changesets }),
        Output::Table => {
            say_when(client, name, &mut changesets).await?;
            let heading = match &run {
                Some(run) => format!("{name} v{} · run {} · {}", campaign.version, run.id, run.state),
                None => format!("{name} v{} · no run yet", campaign.version),
            };
            output::note(&Paint::for_stderr().bold(&heading));
            output::text(&standing(&targets, &changesets))
        }
    }
}

/// Gives those that wait the reason and the time at which they will be open.
async fn say_when(client: &Client, campaign: &str, changesets: &mut [Changeset]) -> Result<()> {
    let waits = |one: &Changeset| matches!(one.state, ChangesetState::Scheduled | ChangesetState::Publishing);
    if !changesets.iter().any(waits) {
        return Ok(());
    }
    let budget = client.budget("campaigns", campaign).await?;
    let now = budget.organizations.iter().map(|organization| organization.at).max();
    let waiting: HashMap<Uuid, &Waiting> =
        budget.items.iter().map(|item| (item.changeset_id, item)).collect();
    for changeset in changesets.iter_mut().filter(|one| waits(one)) {
        let Some(item) = waiting.get(&changeset.id) else { continue };
        let when = match (item.open_at, now) {
            (Some(then), Some(now)) => format!("open in {}: ", span(then - now)),
            _ => String::new(),
        };
        let before =
            if changeset.reason.is_empty() { String::new() } else { format!(" ({})", changeset.reason) };
        changeset.reason = format!("{when}{}{before}", item.reason);
    }
    Ok(())
}

/// Whether a repository is meant by a glob over `owner/name` or `name`.
pub(crate) fn matcher(only: Option<&str>) -> Result<impl Fn(&str) -> bool + use<>> {
    let glob = match only {
        None => None,
        Some(text) => Some(
            GlobBuilder::new(text).case_insensitive(true).literal_separator(true).build()?.compile_matcher(),
        ),
    };
    Ok(move |repository: &str| {
        glob.as_ref().is_none_or(|glob| {
            glob.is_match(repository)
                || repository.split_once('/').is_some_and(|(_, name)| glob.is_match(name))
        })
    })
}

/// Where every target stands, with its pull request and the reason.
fn standing(targets: &[Target], changesets: &[Changeset]) -> String {
    let paint = Paint::for_stdout();
    let by_target: HashMap<Uuid, &Changeset> = changesets.iter().map(|each| (each.target_id, each)).collect();
    let mut table = Table::default();
    for target in targets {
        let row = match by_target.get(&target.id) {
            Some(changeset) => changeset_row(changeset, paint),
            None => [
                Cell::painted(target.state.as_str(), |text| target_colour(paint, target.state, text)),
                Cell::plain(&target.repository),
                Cell::plain(""),
                Cell::plain(""),
                Cell::painted(&one_line(&target.reason), |text| paint.dim(text)),
            ],
        };
        table.row(row);
    }
    table.render()
}

/// Where changesets stand.
pub(crate) fn changesets(changesets: &[Changeset]) -> String {
    let paint = Paint::for_stdout();
    let mut table = Table::default();
    for changeset in changesets {
        table.row(changeset_row(changeset, paint));
    }
    table.render()
}

fn changeset_row(changeset: &Changeset, paint: Paint) -> [Cell; 5] {
    let link = changeset.pull_request.as_ref().map(|pull| pull.url.as_str()).unwrap_or_default();
    [
        Cell::painted(changeset.state.as_str(), |text| changeset_colour(paint, changeset.state, text)),
        Cell::plain(&changeset.repository),
        Cell::painted(link, |text| paint.cyan(text)),
        Cell::plain(following::seen(changeset, Utc::now())),
        Cell::painted(&one_line(&changeset.reason), |text| paint.dim(text)),
    ]
}

fn target_colour(paint: Paint, state: TargetState, text: &str) -> String {
    match state {
        TargetState::Failed | TargetState::Cancelled => paint.red(text),
        TargetState::Changed => paint.green(text),
        TargetState::Unchanged | TargetState::Skipped => paint.dim(text),
        TargetState::Selected | TargetState::Queued | TargetState::Executing => paint.yellow(text),
    }
}

fn changeset_colour(paint: Paint, state: ChangesetState, text: &str) -> String {
    match state {
        ChangesetState::Open | ChangesetState::Draft => paint.green(text),
        ChangesetState::Merged => paint.magenta(text),
        ChangesetState::Conflicted
        | ChangesetState::Closed
        | ChangesetState::Blocked
        | ChangesetState::HandedOver => paint.red(text),
        ChangesetState::Unpublished => paint.dim(text),
        ChangesetState::Scheduled | ChangesetState::Publishing => paint.yellow(text),
    }
}

/// The first line of a reason, control characters left out: it may quote what a step printed.
pub(crate) fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect()
}
