//! Reads a spec: closed sets of keys, every flaw with its line and column, as many at once as can be found.
//!
//! What the batch spec has and this does not yet is refused with the reason, never passed over. Deliberately
//! absent: YAML itself (`node`), what the values may be (`names`, `glob`, `template`), how errors look (`report`).

mod changesets;
mod dress;
mod fields;
mod hours;
mod on;
mod policy;
mod rollout;
mod steps;

use super::{
    Spec,
    names::campaign_flaw,
    node,
    report::{Report, SpecErrors, quoted},
};
use fields::{Fields, Shape};

const SPEC: Shape = Shape {
    what: "a spec",
    keys: &[
        "name",
        "description",
        "version",
        "on",
        "steps",
        "changesetTemplate",
        "rollout",
        "priority",
        "policy",
    ],
    refused: &[
        (
            "workspaces",
            "the steps run once in each repository's root: leave it out, or visit the folders in `run`",
        ),
        ("transformChanges", "one target's diff becomes one pull request: leave it out"),
        ("importChangesets", "pull requests made elsewhere cannot be tracked: leave it out"),
    ],
};

impl Spec {
    /// Reads a spec's YAML.
    ///
    /// # Errors
    /// Everything that is wrong with it, by line and column: unreadable YAML, unknown, missing and repeated keys,
    /// wrong types, bad names, branches, repositories, globs and templates, and what is not supported yet.
    pub fn parse(yaml: &str) -> Result<Self, SpecErrors> {
        let mut report = Report::new(yaml);
        let spec = node::read(yaml, &mut report).and_then(|root| spec(&root, &mut report));
        report.finish(spec)
    }
}

fn spec(root: &node::Node, report: &mut Report<'_>) -> Option<Spec> {
    let fields = Fields::open(root, &SPEC, report)?;
    if let Some(version) = fields.get("version")
        && !matches!(version.scalar(), Some("1" | "2" | "3"))
    {
        report.add(version.at, "`version` is 1, 2 or 3", "leave it out where you are free to");
    }
    let name =
        fields.require("name", "every campaign has one: `name: add-license`", report).and_then(|node| {
            let name = fields::text(node, "`name`", report)?;
            let Some(flaw) = campaign_flaw(name) else { return Some(name.to_owned()) };
            let message = format!("{} is no name for a campaign: {flaw}", quoted(name));
            report.add(node.at, message, "use letters, digits, `_`, `.` and `-`");
            None
        });
    let description = fields.text("description", report).unwrap_or_default().to_owned();
    let on = fields.list("on", report).iter().filter_map(|node| on::selector(node, report)).collect();
    let steps = fields.list("steps", report);
    let wanted = !steps.is_empty();
    let steps = steps.iter().filter_map(|node| steps::step(node, report)).collect();
    let changeset_template = match fields.get("changesetTemplate") {
        Some(node) => changesets::template(node, (name.as_deref().unwrap_or("name"), &description), report),
        None => {
            if wanted {
                let help = "it says what the pull requests look like: title, branch, commit.message";
                report.add(root.at, "`changesetTemplate` is missing, and there are steps", help);
            }
            None
        }
    };
    let rollout = fields.get("rollout").and_then(|node| rollout::rollout(node, report));
    let priority =
        fields.get("priority").and_then(|node| rollout::priority(node, report)).unwrap_or_default();
    let policy = fields.get("policy").and_then(|node| policy::policy(node, report)).unwrap_or_default();
    Some(Spec { name: name?, description, on, steps, changeset_template, rollout, priority, policy })
}
