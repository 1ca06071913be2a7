//! Reads the entries of `on`: which repositories.
//!
//! Deliberately absent: choosing them (`selection`).

use super::fields::{Fields, Shape, text};
use crate::{
    id::RepositoryName,
    spec::{
        Glob, Selector,
        names::branch_flaw,
        node::{Node, Value},
        report::{Report, quoted},
    },
};
use std::collections::HashSet;

const REFUSED: &[(&str, &str)] = &[(
    "repositoriesMatchingQuery",
    "there is no code search: name repositories by `repository`, or by `organization` with `include` globs",
)];

const ENTRY: Shape = Shape {
    what: "an entry of `on`",
    keys: &["repository", "branch", "branches", "organization", "include", "exclude", "forks"],
    refused: REFUSED,
};
const REPOSITORY: Shape =
    Shape { what: "a `repository` entry", keys: &["repository", "branch", "branches"], refused: REFUSED };
const ORGANIZATION: Shape = Shape {
    what: "an `organization` entry",
    keys: &["organization", "include", "exclude", "forks"],
    refused: REFUSED,
};

pub(super) fn selector(node: &Node, report: &mut Report<'_>) -> Option<Selector> {
    let Value::Map(pairs) = &node.value else {
        let message = format!("an entry of `on` is a mapping, and this is {}", node.kind());
        report.add(node.at, message, "write `- repository: owner/name` or `- organization: name`");
        return None;
    };
    let has = |key| pairs.iter().any(|(name, _)| name.scalar() == Some(key));
    match (has("repository"), has("organization")) {
        (true, true) => {
            let help = "make two entries of it, each with its own `- `";
            report.add(node.at, "an entry of `on` names a `repository` or an `organization`, not both", help);
            None
        }
        (true, false) => repository(&Fields::open(node, &REPOSITORY, report)?, report),
        (false, true) => organization(&Fields::open(node, &ORGANIZATION, report)?, report),
        (false, false) => {
            Fields::open(node, &ENTRY, report)?;
            if !has("repositoriesMatchingQuery") {
                let help = "write `- repository: owner/name` or `- organization: name`";
                report.add(node.at, "this entry of `on` names no repositories", help);
            }
            None
        }
    }
}

fn repository(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Selector> {
    let node = fields.require("repository", "write `repository: owner/name`", report)?;
    let repository = text(node, "`repository`", report)?.parse::<RepositoryName>().map_err(|_| {
        let message = format!("{} is not a repository", quoted(node.scalar().unwrap_or_default()));
        report.add(node.at, message, "write `owner/name`, with letters, digits, `-`, `_` and `.`");
    });
    let one = fields.get("branch");
    let list = fields.list("branches", report);
    if let (Some(one), Some(_)) = (one, fields.get("branches")) {
        report.add(one.at, "`branch` and `branches` are both there", "keep `branches`");
    }
    let mut branches: Vec<String> = vec![];
    let mut seen: HashSet<&str> = HashSet::new();
    for node in one.into_iter().chain(list) {
        let Some(branch) = text(node, "a branch", report) else { continue };
        match branch_flaw(branch) {
            Some(flaw) => {
                let message = format!("{} is not a branch: {flaw}", quoted(branch));
                report.add(node.at, message, "write the branch's name as GitHub shows it");
            }
            None if !seen.insert(branch) => {
                report.add(
                    node.at,
                    format!("the branch {} is there twice", quoted(branch)),
                    "keep one of them",
                );
            }
            None => branches.push(branch.to_owned()),
        }
    }
    Some(Selector::Repository { repository: repository.ok()?, branches })
}

fn organization(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Selector> {
    let node = fields.require("organization", "write `organization: name`", report)?;
    let organization = text(node, "`organization`", report)?;
    let include = globs(fields, "include", report);
    let exclude = globs(fields, "exclude", report);
    let forks = fields.switch("forks", report).unwrap_or_default();
    if RepositoryName::new(organization, "name").is_err() {
        let message = format!("{} is not an organisation", quoted(organization));
        report.add(node.at, message, "write its login, with letters, digits and `-`, and no address");
        return None;
    }
    Some(Selector::Organization { organization: organization.to_owned(), include, exclude, forks })
}

fn globs(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Vec<String> {
    let mut globs = vec![];
    for node in fields.list(key, report) {
        let Some(glob) = text(node, "a glob", report) else { continue };
        match Glob::new(glob) {
            Ok(_) => globs.push(glob.to_owned()),
            Err(error) => {
                let message = format!("{} is not a glob: {}", quoted(glob), error.reason);
                report.add(node.at, message, "`*`, `?`, `[a-z]` and `{one,other}` stand for parts of a name");
            }
        }
    }
    globs
}
