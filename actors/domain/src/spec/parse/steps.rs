//! Reads `steps`: what to run, in what, with which environment and files.
//!
//! Deliberately absent: running them (`execution`).

use super::fields::{Fields, Shape, template, text};
use crate::spec::{
    EnvironmentValue, Step,
    names::{file_flaw, image_flaw, variable_flaw},
    node::{Node, Value},
    report::{Report, quoted},
};
use std::collections::BTreeMap;

const STEP: Shape = Shape {
    what: "a step",
    keys: &["run", "container", "image", "env", "files"],
    refused: &[
        ("if", "write the condition into the command: `test -f Cargo.toml || exit 0`"),
        ("outputs", "write what a later step needs to a file and read it there"),
        ("mount", "put the file's content under `files`, or into the step's image"),
        ("codingAgent", "run the agent's program with `run` in an image that has it"),
        ("buildImage", "build the image beforehand and name it by `container`"),
    ],
};

pub(super) fn step(node: &Node, report: &mut Report<'_>) -> Option<Step> {
    let fields = Fields::open(node, &STEP, report)?;
    let agent = |key: &str| fields.get(key).is_some();
    let run = match agent("codingAgent") || agent("buildImage") {
        // Such a step is refused already; that it has no command is no second error.
        true => None,
        false => fields.template("run", "write the command: `run: sed -i s/a/b/ README.md`", report),
    };
    let container = fields.get("container").or_else(|| fields.get("image"));
    if let (Some(_), Some(image)) = (fields.get("container"), fields.get("image")) {
        report.add(image.at, "`container` and `image` are both there", "they mean the same: keep one");
    }
    let container = container.and_then(|node| image(node, report));
    let env = fields.get("env").map(|node| environment(node, report)).unwrap_or_default();
    let files = fields.get("files").map(|node| files(node, report)).unwrap_or_default();
    Some(Step { run: run?.to_owned(), container, env, files })
}

fn image(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let name = text(node, "an image", report)?;
    let Some(flaw) = image_flaw(name) else { return Some(name.to_owned()) };
    report.add(node.at, format!("{} is not an image: {flaw}", quoted(name)), "write it as `alpine:3.22`");
    None
}

fn environment(node: &Node, report: &mut Report<'_>) -> BTreeMap<String, EnvironmentValue> {
    let mut env = BTreeMap::new();
    match &node.value {
        Value::Map(pairs) => {
            for (name, value) in pairs {
                set(&mut env, name, Some(value), report);
            }
        }
        Value::List(items) => {
            for item in items {
                match &item.value {
                    Value::Scalar { .. } => set(&mut env, item, None, report),
                    Value::Map(pairs) => match pairs.as_slice() {
                        [(name, value)] => set(&mut env, name, Some(value), report),
                        _ => report.add(
                            item.at,
                            "an item of `env` is a name, or one name and value",
                            "split it",
                        ),
                    },
                    Value::List(_) => {
                        report.add(item.at, "an item of `env` is a name, or one name and value", "")
                    }
                }
            }
        }
        Value::Scalar { .. } => {
            let help = "write `NAME: value` lines, or a list of names to pass on";
            report.add(node.at, format!("`env` is a mapping or a list, and this is {}", node.kind()), help);
        }
    }
    env
}

fn set(
    env: &mut BTreeMap<String, EnvironmentValue>,
    key: &Node,
    value: Option<&Node>,
    report: &mut Report<'_>,
) {
    let Some(name) = key.scalar() else { return };
    if let Some(flaw) = variable_flaw(name) {
        let message = format!("{} is no name for an environment variable: {flaw}", quoted(name));
        return report.add(key.at, message, "use letters, digits and `_`");
    }
    let value = match value {
        None => Some(EnvironmentValue::PassedThrough),
        Some(value) if value.is_null() => {
            let help =
                "write \"\" for an empty value; a name alone in a list (`- NAME`) passes a variable on";
            return report.add(key.at, format!("{} has no value", quoted(name)), help);
        }
        Some(value) => {
            template(value, &quoted(name), report).map(|text| EnvironmentValue::Literal(text.to_owned()))
        }
    };
    let Some(value) = value else { return };
    if env.insert(name.to_owned(), value).is_some() {
        report.add(key.at, format!("the variable {} is there twice", quoted(name)), "keep one of them");
    }
}

fn files(node: &Node, report: &mut Report<'_>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let Value::Map(pairs) = &node.value else {
        let message = format!("`files` is a mapping, and this is {}", node.kind());
        report.add(node.at, message, "write `/tmp/name: content` lines");
        return files;
    };
    for (path, content) in pairs {
        let Some(name) = path.scalar() else { continue };
        if let Some(flaw) = file_flaw(name) {
            let message = format!("{} is no path for a file: {flaw}", quoted(name));
            report.add(path.at, message, "write an absolute path, as `/tmp/policy.md`");
        } else if let Some(content) = template(content, "a file's content", report) {
            files.insert(name.to_owned(), content.to_owned());
        }
    }
    files
}
