//! `campaigns budget`: how full the windows are, what waits for what, and when it will be open.
//!
//! Deliberately absent: changing a limit (`campaigns serve --help` names the settings).

use crate::{
    Verdict,
    arguments::{Budget as Arguments, Connection, Output},
    client::Client,
    connection,
    output::{self, Cell, Paint, Table},
};
use anyhow::Result;
use campaigns_wire::{Budget, Changeset, ChangesetState, Estimate, OrganizationBudget, Waiting};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// How many waiting changesets a table shows.
const SHOWN: usize = 20;

/// Shows a budget.
pub(crate) async fn run(arguments: Arguments, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    match (&arguments.campaign, &arguments.organization) {
        (Some(campaign), _) => show(&client.budget("campaigns", campaign).await?, form)?,
        (None, Some(organization)) => show(&client.budget("organizations", organization).await?, form)?,
        (None, None) => every(&client, form).await?,
    }
    Ok(Verdict::Well)
}

/// Every campaign in which something waits.
async fn every(client: &Client, form: Output) -> Result<()> {
    let mut all = Budget { finished_at: None, organizations: vec![], items: vec![], next: None };
    for campaign in client.campaigns().await? {
        let budget = client.budget("campaigns", &campaign.name).await?;
        for organization in budget.organizations {
            if all.organizations.iter().all(|known| known.organization != organization.organization) {
                all.organizations.push(organization);
            }
        }
        all.items.extend(budget.items);
    }
    all.items.sort_by_key(|item| (item.open_at.unwrap_or(DateTime::<Utc>::MAX_UTC), item.changeset_id));
    all.finished_at = all.items.last().and_then(|last| last.open_at);
    show(&all, form)
}

fn show(budget: &Budget, form: Output) -> Result<()> {
    match form {
        Output::Json => output::json(budget),
        Output::Table => {
            if budget.items.is_empty() {
                output::note("nothing waits to be published");
            }
            output::text(&text(budget))
        }
    }
}

fn text(budget: &Budget) -> String {
    let paint = Paint::for_stdout();
    let mut text = String::new();
    for organization in &budget.organizations {
        text.push_str(&windows(organization, paint));
    }
    if budget.items.is_empty() {
        return text;
    }
    let now = budget.organizations.iter().map(|organization| organization.at).max();
    let mut table = Table::default();
    for item in budget.items.iter().take(SHOWN) {
        table.row(row(item, now, paint));
    }
    text.push('\n');
    text.push_str(&table.render());
    if let Some(more) = budget.items.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&paint.dim(&format!("… and {more} more; `-o json` has them all")));
        text.push('\n');
    }
    text.push_str(&format!("\n{}\n", paint.bold(&end(budget, now))));
    text
}

/// When everything is open, as far as that can be foreseen.
fn end(budget: &Budget, now: Option<DateTime<Utc>>) -> String {
    let foreseen = |item: &&Waiting| item.open_at.is_some();
    let (then, left): (Vec<_>, Vec<_>) = budget.items.iter().partition(foreseen);
    let last = then.iter().filter_map(|item| item.open_at).max();
    let (Some(last), Some(now)) = (last, now) else {
        return format!("when the {} will be open cannot be foreseen", left.len());
    };
    let when = format!("{} from now, at {}", span(last - now), time(last));
    match left.len() {
        0 => format!("all open {when}"),
        left => format!("{} open {when}; of the other {left} it cannot be foreseen", then.len()),
    }
}

fn windows(organization: &OrganizationBudget, paint: Paint) -> String {
    let mut table = Table::default();
    for window in &organization.windows {
        let per = match window.seconds {
            60 => "a minute".to_owned(),
            3_600 => "an hour".to_owned(),
            86_400 => "a day".to_owned(),
            seconds => format!("in {seconds} s"),
        };
        let left = format!("{} of {}", window.used, window.cap);
        let full = window.used >= u64::from(window.cap);
        table.row([
            Cell::plain(format!("  {}", window.counts.replace('_', " "))),
            Cell::plain(per),
            Cell::painted(&left, |text| if full { paint.red(text) } else { text.to_owned() }),
            Cell::painted(&window.scope, |text| paint.dim(text)),
        ]);
    }
    let mut said = String::new();
    if let Some(pause) = &organization.pause {
        said = format!("  {}\n", paint.red(&format!("paused ({}): {}", pause.cause, pause.reason)));
    } else if !organization.quiet_reason.is_empty() {
        said = format!("  {}\n", paint.yellow(&format!("quiet: {}", organization.quiet_reason)));
    }
    let next = match organization.next_permit_at {
        Some(then) if then > organization.at => format!("next write in {}", span(then - organization.at)),
        Some(_) => "the next write may go now".to_owned(),
        None => "a cap lets no write through".to_owned(),
    };
    format!(
        "{} · {} waiting · {next}\n{said}{}",
        paint.bold(&organization.organization),
        organization.waiting,
        table.render()
    )
}

fn row(item: &Waiting, now: Option<DateTime<Utc>>, paint: Paint) -> [Cell; 4] {
    let when = match (item.open_at, now) {
        (Some(then), Some(now)) => format!("in {}", span(then - now)),
        _ if item.waits_for == "window" => "never".to_owned(),
        _ => "not known".to_owned(),
    };
    [
        Cell::painted(&when, |text| paint.yellow(text)),
        Cell::plain(&item.repository),
        Cell::plain(&item.campaign),
        Cell::painted(&item.reason, |text| paint.dim(text)),
    ]
}

/// Gives those of a campaign's changesets that wait the reason and the time at which they will be open.
pub(crate) async fn say_when(client: &Client, campaign: &str, changesets: &mut [Changeset]) -> Result<()> {
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
        let told = changeset.reason.is_empty() || item.reason.contains(&changeset.reason);
        changeset.why = match item.waits_for.as_str() {
            _ if told => format!("{when}{}", item.reason),
            // It goes by itself once what goes before it has gone, which the reason names.
            "nothing" => format!("{when}{}", changeset.reason),
            _ => format!("{when}{} ({})", item.reason, changeset.reason),
        };
    }
    Ok(())
}

/// A time as a person reads it.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A length of time in its two largest units.
pub(crate) fn span(length: chrono::TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(parts.len() - 1);
    let told =
        parts.iter().skip(first).take(2).filter(|(count, unit)| *count > 0 || *unit == "s" && first == 3);
    told.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// What publishing would take, in a line.
pub(crate) fn estimate(estimate: &Estimate) -> String {
    if estimate.pull_requests == 0 {
        return "there is nothing to publish".to_owned();
    }
    let end = match estimate.finished_at {
        Some(_) => format!(
            "about {}",
            span(chrono::TimeDelta::seconds(i64::try_from(estimate.seconds).unwrap_or(i64::MAX / 1000)))
        ),
        None => "for ever, as a cap lets none through".to_owned(),
    };
    let longer = match estimate.depends_on.as_slice() {
        [] => String::new(),
        all => format!(", and longer where it has to wait for {}", all.join(", ")),
    };
    format!(
        "publishing would open {} pull requests with {} writes in {} API calls and take {end}, with the limits in force{longer}",
        estimate.pull_requests, estimate.writes, estimate.api_calls
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn spans_are_told_in_two_units() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_660, "1 h 1 min"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), told);
        }
    }
}
