//! `campaigns status`: the campaigns, or where every target and changeset of one stands and why.
//!
//! Deliberately absent: the rows and their order (`standing`).

mod following;
mod standing;

pub(crate) use standing::{changeset_state, changesets};

use super::{budget::say_when, installations::paused};
use crate::{
    Verdict,
    arguments::{Connection, Output, Status},
    client::Client,
    connection,
    output::{self, Cell, Paint, Table},
};
use anyhow::{Result, bail};
use campaigns_wire::{Campaign, Changeset, ChangesetState, Priority, Rollout, Run, Target, TargetState};
use globset::{GlobBuilder, GlobMatcher};
use serde::Serialize;
use standing::Standings;
use std::collections::{BTreeMap, HashSet};

/// Shows what there is.
pub(crate) async fn run(arguments: Status, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    match &arguments.campaign {
        None => all(&client, form).await?,
        Some(name) => one(&client, name, &arguments, form).await?,
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
    let heads = ["CAMPAIGN", "VERSION", "KEPT BACK", "WAITING", "OPEN", "HELD UP", "MERGED", "CLOSED", ""];
    table.row(heads.map(|head| Cell::painted(head, |t| paint.dim(t))));
    for campaign in campaigns {
        let count = |states: &[ChangesetState]| {
            let of = |state: &ChangesetState| campaign.changesets.get(state.as_str()).copied();
            let all: u64 = states.iter().filter_map(of).sum();
            Cell::plain(all.to_string())
        };
        let by = campaign.paused_by.iter().map(|by| format!("paused by {by}"));
        let organizations = campaign.paused_organizations.iter();
        let mending =
            organizations.map(|pause| format!("{} is paused ({})", pause.organization, pause.cause));
        let paused = by.chain(mending).collect::<Vec<_>>().join(", ");
        table.row([
            Cell::painted(&campaign.name, |text| paint.bold(text)),
            Cell::plain(format!("v{}", campaign.version)),
            count(&[ChangesetState::Unpublished]),
            count(&[ChangesetState::Scheduled, ChangesetState::Publishing]),
            count(&[ChangesetState::Open, ChangesetState::Draft]),
            // What needs a person, or a new base: none of it goes on by what was asked for.
            count(&[ChangesetState::Conflicted, ChangesetState::Blocked, ChangesetState::HandedOver]),
            count(&[ChangesetState::Merged]),
            count(&[ChangesetState::Closed]),
            Cell::painted(&paused, |text| paint.yellow(text)),
        ]);
    }
    table.render()
}

/// A campaign with its latest run, as JSON.
#[derive(Serialize)]
struct Standing {
    campaign: Campaign,
    run: Option<Run>,
    /// How many stand where: a target by its changeset's state, where it has one.
    summary: BTreeMap<String, u64>,
    targets: Vec<Target>,
    changesets: Vec<Changeset>,
}

async fn one(client: &Client, name: &str, arguments: &Status, form: Output) -> Result<()> {
    let campaign = client.campaign(name).await?;
    let matches = any_of(&arguments.only)?;
    let states = known(&arguments.state)?;
    let mut changesets = client.changesets(name).await?;
    changesets.retain(|changeset| matches(&changeset.repository));
    // Where an open pull request stands that was carried out again is said by its changeset.
    let (run, mut targets) = targets(client, name, false).await?;
    targets.retain(|target| matches(&target.repository));
    say_when(client, name, &mut changesets).await?;
    let standings = Standings::of(&targets, &changesets, &states);
    match form {
        Output::Json => {
            let summary = standings.summary();
            let (shown_targets, shown_changesets) = standings.shown();
            targets.retain(|target| shown_targets.contains(&target.id));
            changesets.retain(|changeset| shown_changesets.contains(&changeset.id));
            output::json(&Standing { campaign, run, summary, targets, changesets })
        }
        Output::Table => {
            let paint = Paint::for_stderr();
            output::note(&heading(&campaign, run.as_ref(), paint));
            for pause in &campaign.paused_organizations {
                output::note(&paint.red(&paused(pause)));
            }
            if let Some(rollout) = run.as_ref().and_then(|run| run.rollout.as_ref()) {
                output::note(&rolling_out(rollout));
            }
            if !standings.is_empty() {
                output::note(&standings.line(paint));
            } else if !(arguments.only.is_empty() && arguments.state.is_empty()) {
                output::note("nothing of it is as asked for");
            }
            let (table, shortened) = standings.table();
            output::text(&table)?;
            if let Some(failed) = targets.iter().find(|target| target.state == TargetState::Failed) {
                let shows =
                    format!("`campaigns logs {name} {}` shows what its steps wrote", failed.repository);
                output::note(&paint.dim(&shows));
            }
            if shortened {
                let all = format!(
                    "`campaigns status {name} --state skipped` names every repository that was left out"
                );
                output::note(&paint.dim(&all));
            }
            Ok(())
        }
    }
}

/// Where a rollout stands, what waits in it, and what people have set.
fn rolling_out(rollout: &Rollout) -> String {
    let mut lines = vec![];
    if rollout.waves > 0 {
        lines.push(format!("wave {} of {}", rollout.wave, rollout.waves));
    }
    lines.extend(rollout.waits.iter().cloned());
    let pace = &rollout.pace;
    let caps = [
        ("perMinute", pace.per_minute),
        ("perHour", pace.per_hour),
        ("perDay", pace.per_day),
        ("maxOpen", pace.max_open),
        ("maxPendingChecks", pace.max_pending_checks),
    ];
    let mut set: Vec<String> =
        caps.into_iter().filter_map(|(name, cap)| Some(format!("{name}={}", cap?))).collect();
    set.extend(pace.priority.filter(|it| *it == Priority::Urgent).map(|_| "priority=urgent".to_owned()));
    if !set.is_empty() {
        lines.push(format!("pace: {}", set.join(" ")));
    }
    lines.join("\n")
}

fn heading(campaign: &Campaign, run: Option<&Run>, paint: Paint) -> String {
    let name = paint.bold(&format!("{} v{}", campaign.name, campaign.version));
    let run_words = match run {
        Some(run) => format!("run {} {}", run.id, run.state),
        None => "no run yet".to_owned(),
    };
    let by = campaign.paused_by.as_ref().or(run.and_then(|run| run.paused_by.as_ref()));
    let paused = by.map(|by| format!(" · {}", paint.yellow(&format!("paused by {by}")))).unwrap_or_default();
    format!("{name} · {run_words}{paused}")
}

/// The newest run but those that carry pull requests out again beside it, and every target as the newest run that had it
/// has left it: of the last run of everything, of those that tried what had failed again, and, where that is asked for, of
/// those that carried open pull requests out again.
pub(crate) async fn targets(
    client: &Client,
    name: &str,
    rebases: bool,
) -> Result<(Option<Run>, Vec<Target>)> {
    let runs = client.runs(name).await?;
    let mut targets = vec![];
    let mut seen = HashSet::new();
    for run in runs.iter().filter(|run| rebases || !run.rebase) {
        let mut of_run = client.targets(run.id, &[]).await?;
        of_run.retain(|target| {
            seen.insert((
                target.repository.to_ascii_lowercase(),
                target.branch.clone(),
                target.workspace.clone(),
            ))
        });
        targets.extend(of_run);
        if run.retries == 0 {
            break;
        }
    }
    Ok((runs.into_iter().find(|run| !run.rebase), targets))
}

/// The states by which is filtered, checked.
fn known(states: &[String]) -> Result<Vec<String>> {
    for state in states {
        let known = state.parse::<TargetState>().is_ok() || state.parse::<ChangesetState>().is_ok();
        if !known {
            let targets = TargetState::ALL.iter().map(|state| state.as_str());
            let changesets = ChangesetState::ALL.iter().map(|state| state.as_str());
            let all: Vec<_> = targets.chain(changesets).collect();
            bail!("`{state}` is not a state; the states are {}", all.join(", "));
        }
    }
    Ok(states.to_vec())
}

/// Whether a repository is meant by one of these globs over `owner/name` or `name`; none is everything.
pub(crate) fn any_of(globs: &[String]) -> Result<impl Fn(&str) -> bool + use<>> {
    let build = |text: &String| -> Result<GlobMatcher> {
        Ok(GlobBuilder::new(text).case_insensitive(true).literal_separator(true).build()?.compile_matcher())
    };
    let globs = globs.iter().map(build).collect::<Result<Vec<_>>>()?;
    Ok(move |repository: &str| {
        let name = repository.split_once('/').map(|(_, name)| name);
        globs.is_empty()
            || globs
                .iter()
                .any(|glob| glob.is_match(repository) || name.is_some_and(|name| glob.is_match(name)))
    })
}

/// The same for at most one glob.
pub(crate) fn matcher(only: Option<&str>) -> Result<impl Fn(&str) -> bool + use<>> {
    any_of(&only.map(str::to_owned).into_iter().collect::<Vec<_>>())
}

/// The first line of a reason, control characters left out: it may quote what a step printed.
pub(crate) fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect()
}
