//! Reads `policy`: whose commits on our branches are no human's hand.
//!
//! Deliberately absent: what follows from it (`publish::closer`).

use super::fields::{Fields, Shape, text};
use crate::spec::{
    Policy,
    node::Node,
    report::{Report, quoted},
};

const POLICY: Shape = Shape { what: "`policy`", keys: &["trustedCommitters"], refused: &[] };

pub(super) fn policy(node: &Node, report: &mut Report<'_>) -> Option<Policy> {
    let fields = Fields::open(node, &POLICY, report)?;
    let listed = fields.list("trustedCommitters", report);
    let trusted_committers = listed.iter().filter_map(|node| login(node, report)).collect();
    Some(Policy { trusted_committers })
}

/// A login of GitHub's: letters, digits and single hyphens, an App's with `[bot]` behind it.
fn login(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let login = text(node, "a login", report)?;
    let name = login.strip_suffix("[bot]").unwrap_or(login);
    let fits = !name.is_empty()
        && name.len() <= 39
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if fits {
        return Some(login.to_owned());
    }
    let help = "write it as on GitHub's pages: `renovate[bot]`, `octocat`";
    report.add(node.at, format!("{} is no login", quoted(login)), help);
    None
}
