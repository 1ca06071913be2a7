//! Reads `policy`: whose commits on our branches are no human's hand, and how a base that moves is answered.
//!
//! Deliberately absent: what follows from it (`publish::closer`, `reconcile::moved`).

use super::fields::{Fields, Shape, text};
use crate::spec::{
    Policy, Rebase,
    node::Node,
    report::{Report, quoted},
};

const POLICY: Shape = Shape { what: "`policy`", keys: &["trustedCommitters", "rebase"], refused: &[] };

pub(super) fn policy(node: &Node, report: &mut Report<'_>) -> Option<Policy> {
    let fields = Fields::open(node, &POLICY, report)?;
    let listed = fields.list("trustedCommitters", report);
    let trusted_committers = listed.iter().filter_map(|node| login(node, report)).collect();
    let rebase = fields.get("rebase").and_then(|node| rebase(node, report)).unwrap_or_default();
    Some(Policy { trusted_committers, rebase })
}

fn rebase(node: &Node, report: &mut Report<'_>) -> Option<Rebase> {
    let when = text(node, "`rebase`", report)?;
    match when {
        "onTouched" => Some(Rebase::OnTouched),
        "onConflict" => Some(Rebase::OnConflict),
        "never" => Some(Rebase::Never),
        _ => {
            let help = "it is `onTouched`, `onConflict` or `never`";
            report.add(node.at, format!("{} says of no moment", quoted(when)), help);
            None
        }
    }
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
