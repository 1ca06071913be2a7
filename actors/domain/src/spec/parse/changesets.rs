//! Reads `changesetTemplate`: what the pull requests look like.
//!
//! Deliberately absent: rendering it (`publish::words`).

use super::{
    dress::dress,
    fields::{Fields, Shape, switch, text},
};
use crate::spec::{
    Author, AutoMerge, ChangesetTemplate, CommitTemplate, Publication, Variable,
    names::branch_flaw,
    node::{Node, Value},
    report::{Report, quoted},
    template::{BEGIN, render},
};
use std::borrow::Cow;

const TEMPLATE: Shape = Shape {
    what: "`changesetTemplate`",
    keys: &[
        "title",
        "body",
        "branch",
        "commit",
        "published",
        "autoMerge",
        "keepBranch",
        "labels",
        "assignees",
        "reviewers",
        "teamReviewers",
        "codeOwners",
    ],
    refused: &[("fork", "branches are pushed to the repository itself: leave it out")],
};
const COMMIT: Shape = Shape { what: "`commit`", keys: &["message", "author"], refused: &[] };
const AUTHOR: Shape = Shape { what: "`author`", keys: &["name", "email"], refused: &[] };

/// Reads the template of a campaign with this name and description.
pub(super) fn template(
    node: &Node,
    campaign: (&str, &str),
    report: &mut Report<'_>,
) -> Option<ChangesetTemplate> {
    let fields = Fields::open(node, &TEMPLATE, report)?;
    let title = fields.template("title", "write the pull request's title", report);
    let title = title.filter(|title| {
        let empty = example(title, campaign).trim().is_empty();
        if let (true, Some(node)) = (empty, fields.get("title")) {
            report.add(node.at, "`title` is empty once it is rendered", "GitHub wants one: write some words");
        }
        !empty
    });
    let body = fields.get("body").map_or(Some(""), |node| super::fields::template(node, "`body`", report));
    let branch =
        fields.template("branch", "write the branch's name: `branch: campaigns/add-license`", report);
    let branch = branch.filter(|branch| {
        let flaw = branch_flaw(&example(branch, campaign));
        if let (Some(flaw), Some(node)) = (flaw, fields.get("branch")) {
            report.add(
                node.at,
                format!("{} is no branch: {flaw}", quoted(branch)),
                "see `git help check-ref-format`",
            );
        }
        flaw.is_none()
    });
    let commit = fields
        .require("commit", "write `commit: {message: …}`", report)
        .and_then(|node| commit(node, report));
    let published =
        fields.get("published").map_or(Publication::Unpublished, |node| publication(node, report));
    let keep_branch = fields.get("keepBranch").is_some_and(|node| {
        switch(node).unwrap_or_else(|| {
            report.add(
                node.at,
                "`keepBranch` is true or false",
                "leave it out to have merged branches deleted",
            );
            false
        })
    });
    let dress = dress(&fields, report);
    let auto_merge = fields.get("autoMerge").map_or(AutoMerge::Off, |node| auto_merge(node, report));
    Some(ChangesetTemplate {
        title: title?.to_owned(),
        body: body?.to_owned(),
        branch: branch?.to_owned(),
        commit: commit?,
        published,
        keep_branch,
        dress,
        auto_merge,
    })
}

/// A text as it would be rendered for some repository, to check what does not hang on which.
fn example(text: &str, (name, description): (&str, &str)) -> String {
    render(text, |variable| {
        Cow::Owned(match variable {
            Variable::RepositoryName => "owner/name".to_owned(),
            Variable::RepositoryBranch => "main".to_owned(),
            Variable::CampaignName => name.to_owned(),
            Variable::CampaignDescription => description.to_owned(),
        })
    })
}

fn commit(node: &Node, report: &mut Report<'_>) -> Option<CommitTemplate> {
    let fields = Fields::open(node, &COMMIT, report)?;
    let message = fields.template("message", "write the commit's message", report);
    let author = match fields.get("author") {
        None => Some(None),
        Some(node) => author(node, report).map(Some),
    };
    Some(CommitTemplate { message: message?.to_owned(), author: author? })
}

fn author(node: &Node, report: &mut Report<'_>) -> Option<Author> {
    let fields = Fields::open(node, &AUTHOR, report)?;
    let mut word = |key: &str, help: &str| {
        let node = fields.require(key, help, report)?;
        let word = text(node, &format!("`{key}`"), report)?;
        let flaw = if word.trim().is_empty() {
            "it is empty"
        } else if word.contains(BEGIN) {
            "templates are not supported here"
        } else if word.contains(|c: char| c.is_control() || matches!(c, '<' | '>')) {
            "it holds `<`, `>`, or more than one line"
        } else if key == "email" && (!word.contains('@') || word.contains(char::is_whitespace)) {
            "it is no address"
        } else {
            return Some(word.to_owned());
        };
        report.add(node.at, format!("{} cannot be a commit author's {key}: {flaw}", quoted(word)), help);
        None
    };
    let name = word("name", "write `name: Some Body`");
    let email = word("email", "write `email: somebody@example.com`");
    Some(Author { name: name?, email: email? })
}

fn auto_merge(node: &Node, report: &mut Report<'_>) -> AutoMerge {
    match (&node.value, switch(node)) {
        (_, Some(true)) => return AutoMerge::Any,
        (_, Some(false)) => return AutoMerge::Off,
        (Value::Scalar { text, .. }, _) => {
            if let Some(named) = AutoMerge::named(text) {
                return named;
            }
        }
        _ => {}
    }
    report.add(
        node.at,
        "`autoMerge` is true, false, merge, squash or rebase",
        "true takes a way that the repository allows",
    );
    AutoMerge::Off
}

fn publication(node: &Node, report: &mut Report<'_>) -> Publication {
    match (&node.value, switch(node)) {
        (_, Some(true)) => return Publication::Ready,
        (_, Some(false)) => return Publication::Unpublished,
        (Value::Scalar { text, .. }, _) if text == "draft" => return Publication::Draft,
        (Value::Scalar { text, .. }, _) if text == "push-only" => {
            let help = "write true, false or draft";
            report.add(
                node.at,
                "`published: push-only` is not supported yet: a branch has a pull request",
                help,
            );
        }
        (Value::List(_), _) => {
            let help = "write true, false or draft for all, and choose repositories with `on` or `--only`";
            report.add(node.at, "`published` by repository is not supported yet", help);
        }
        _ => report.add(
            node.at,
            "`published` is true, false or draft",
            "leave it out to open no pull requests",
        ),
    }
    Publication::Unpublished
}
