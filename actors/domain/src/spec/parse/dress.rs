//! Reads what the pull requests wear: `labels`, `assignees`, `reviewers`, `teamReviewers`, `codeOwners`.
//!
//! Deliberately absent: whether GitHub knows any of them, which shows when they are put on.

use super::fields::{Fields, Shape, switch, template, text};
use crate::spec::{
    AskOwners, Dress,
    measure::whole_number,
    node::Node,
    report::{Report, quoted},
    template::BEGIN,
};

/// What begins the labels by which people tell campaigns what they want.
const RESERVED: &str = "campaigns:";
/// GitHub's longest label, in characters ("name is too long (maximum is 50 characters)").
const LONGEST_LABEL: usize = 50;
/// At most so many labels, which is GitHub's limit for one issue.
const MOST_LABELS: usize = 100;
/// At most so many assignees ("Assigning issues and pull requests to other GitHub users").
const MOST_ASSIGNEES: usize = 10;
/// At most so many reviewers and so many teams. GitHub takes more in paid plans; what is everybody's to review is nobody's.
const MOST_REVIEWERS: usize = 15;

const CODE_OWNERS: Shape = Shape { what: "`codeOwners`", keys: &["atMost", "maxOpenEach"], refused: &[] };
/// At most so many open review requests for one person or team.
const MOST_OPEN: u32 = 1_000;

/// Reads them out of `changesetTemplate`.
pub(super) fn dress(fields: &Fields<'_>, report: &mut Report<'_>) -> Dress {
    Dress {
        labels: list(fields, "labels", MOST_LABELS, label, report),
        assignees: list(fields, "assignees", MOST_ASSIGNEES, login, report),
        reviewers: list(fields, "reviewers", MOST_REVIEWERS, login, report),
        team_reviewers: list(fields, "teamReviewers", MOST_REVIEWERS, team, report),
        code_owners: fields.get("codeOwners").and_then(|node| code_owners(node, report)),
    }
}

/// `true` for the defaults, `false` for none, or what is to be different.
fn code_owners(node: &Node, report: &mut Report<'_>) -> Option<AskOwners> {
    let usual = AskOwners::default();
    match (switch(node), node.scalar()) {
        (Some(asks), _) => return asks.then_some(usual),
        (None, Some(_)) => {
            let message = format!("`codeOwners` is true, false or a mapping, and this is {}", node.kind());
            report.add(node.at, message, "write `codeOwners: true`, or `codeOwners: {atMost: 1}`");
            return None;
        }
        (None, None) => {}
    }
    let fields = Fields::open(node, &CODE_OWNERS, report)?;
    let most = u32::try_from(MOST_REVIEWERS).unwrap_or(u32::MAX);
    let at_most = number(&fields, "atMost", most, report).unwrap_or(usual.at_most);
    let max_open_each = number(&fields, "maxOpenEach", MOST_OPEN, report).unwrap_or(usual.max_open_each);
    Some(AskOwners { at_most, max_open_each })
}

/// A number from 1 to `most`.
fn number(fields: &Fields<'_>, key: &str, most: u32, report: &mut Report<'_>) -> Option<u32> {
    let node = fields.get(key)?;
    let read = node.scalar().filter(|_| node.kind() == "a number").and_then(whole_number);
    let fits = read.filter(|number| (1..=most).contains(number));
    if fits.is_none() {
        let message = format!("`{key}` is a number from 1 to {most}");
        report.add(node.at, message, "to ask nobody, leave `codeOwners` out");
    }
    fits
}

fn list(
    fields: &Fields<'_>,
    key: &str,
    most: usize,
    read: impl Fn(&Node, &mut Report<'_>) -> Option<String>,
    report: &mut Report<'_>,
) -> Vec<String> {
    let items = fields.list(key, report);
    if let Some(surplus) = items.get(most) {
        report.add(surplus.at, format!("`{key}` has more than {most}"), "leave some of them out");
        return vec![];
    }
    let mut all: Vec<String> = vec![];
    for item in items {
        let Some(word) = read(item, report) else { continue };
        if all.iter().any(|known| known.eq_ignore_ascii_case(&word)) {
            let message = format!("{} is there twice in `{key}`", quoted(&word));
            report.add(item.at, message, "case makes no difference at GitHub; keep one of them");
            continue;
        }
        all.push(word);
    }
    all
}

fn label(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let label = template(node, "a label", report)?;
    if label.trim().to_ascii_lowercase().starts_with(RESERVED) {
        let help = "labels that begin like this are for those who live with campaigns";
        report.add(node.at, format!("{} is no label for a pull request of a campaign", quoted(label)), help);
        return None;
    }
    let plain = !label.contains(BEGIN);
    let flaw = if label.trim().is_empty() {
        "it is empty"
    } else if label.contains(char::is_control) {
        "it holds more than one line"
    } else if label.trim() != label {
        "it begins or ends with a blank"
    } else if plain && label.chars().count() > LONGEST_LABEL {
        "GitHub takes at most 50 characters"
    } else {
        return Some(label.to_owned());
    };
    report.add(node.at, format!("{} is no label: {flaw}", quoted(label)), "write it as GitHub shows it");
    None
}

/// A login: letters, digits and single hyphens, and `_` before the short code of an enterprise.
fn login(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let login = text(node, "a login", report)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !login.is_empty() && login.len() <= 100 && login.chars().all(fits) && !login.starts_with('-') {
        return Some(login.to_owned());
    }
    let help = if login.contains('/') {
        "teams go into `teamReviewers`".to_owned()
    } else if let Some(name) = login.strip_prefix('@') {
        format!("write it without the `@`: {name}")
    } else {
        "write the name from the account's page, without templates".to_owned()
    };
    report.add(node.at, format!("{} is no login", quoted(login)), help);
    None
}

/// A team's slug, or `organisation/slug`.
fn team(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let team = text(node, "a team", report)?;
    let fits = |part: &str| {
        !part.is_empty()
            && part.len() <= 100
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    let parts: Vec<&str> = team.split('/').collect();
    if parts.len() <= 2 && parts.iter().all(|part| fits(part)) {
        return Some(team.to_owned());
    }
    let help = "write the team's slug as in its address, or `organisation/slug` to ask it there alone";
    report.add(node.at, format!("{} is no team", quoted(team)), help);
    None
}
