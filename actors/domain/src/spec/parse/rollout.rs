//! Reads `rollout` and `priority`: in which order, at what times and how fast pull requests go out.
//!
//! Whatever contradicts itself is refused here: a wave that would be empty, a gate that nothing waits for, times
//! that overlap. Deliberately absent: windows of time (`hours`), and what follows from it (`publish::rollout`).

use super::{
    fields::{Fields, Shape, text},
    hours,
};
use crate::spec::{
    Amount, Caps, Gate, Glob, HaltOn, Priority, Rollout, Wave,
    measure::whole_number,
    names::campaign_flaw,
    node::{Node, Value},
    report::{Report, quoted},
    rollout::REST,
};
use std::{collections::HashMap, str::FromStr};

/// The most waves; a campaign of thousands has a handful.
const MOST_WAVES: usize = 50;

const ROLLOUT: Shape = Shape {
    what: "`rollout`",
    keys: &["waves", "windows", "perMinute", "perHour", "perDay", "maxOpen", "maxPendingChecks", "haltOn"],
    refused: &[],
};
const WAVE: Shape =
    Shape { what: "a wave", keys: &["name", "targets", "percent", "repositories", "gate"], refused: &[] };
const GATE: Shape =
    Shape { what: "`gate`", keys: &["checksPassed", "merged", "closed", "within"], refused: &[] };
const HALT_ON: Shape = Shape { what: "`haltOn`", keys: &["failed", "closed", "checksFailed"], refused: &[] };

pub(super) fn rollout(node: &Node, report: &mut Report<'_>) -> Option<Rollout> {
    let fields = Fields::open(node, &ROLLOUT, report)?;
    let waves = waves(&fields, report);
    let windows = hours::windows(&fields, report);
    let caps = Caps {
        per_minute: cap(&fields, "perMinute", report),
        per_hour: cap(&fields, "perHour", report),
        per_day: cap(&fields, "perDay", report),
        max_open: cap(&fields, "maxOpen", report),
        max_pending_checks: cap(&fields, "maxPendingChecks", report),
    };
    let halt_on = fields.get("haltOn").and_then(|node| halt_on(node, report));
    if ROLLOUT.keys.iter().all(|key| fields.get(key).is_none()) {
        report.add(
            node.at,
            "`rollout` says nothing",
            format!("leave it out, or write one of {}", ROLLOUT.keys.join(", ")),
        );
    }
    Some(Rollout { waves, windows, caps, halt_on })
}

pub(super) fn priority(node: &Node, report: &mut Report<'_>) -> Option<Priority> {
    match node.scalar() {
        Some("normal") => Some(Priority::Normal),
        Some("urgent") => Some(Priority::Urgent),
        _ => {
            let help = "leave it out where the campaign can wait for its turn";
            report.add(node.at, "`priority` is normal or urgent", help);
            None
        }
    }
}

/// A number of at least one.
fn cap(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Option<u32> {
    let node = fields.get(key)?;
    match number(node) {
        Some(number) if number > 0 => return Some(number),
        Some(_) => {
            let help = "leave it out for no cap of the campaign's own; `campaigns pause` stops a run";
            report.add(node.at, format!("`{key}: 0` would publish nothing"), help);
        }
        None => not_a_number(node, key, report),
    }
    None
}

fn not_a_number(node: &Node, key: &str, report: &mut Report<'_>) {
    report.add(
        node.at,
        format!("`{key}` is a whole number, and this is {}", kind(node)),
        format!("write `{key}: 30`"),
    );
}

/// What a node is, for messages; a number that is none of ours is quoted.
fn kind(node: &Node) -> String {
    match node.scalar() {
        Some(text) if !node.is_null() => quoted(text),
        _ => node.kind().to_owned(),
    }
}

fn number(node: &Node) -> Option<u32> {
    match node.kind() {
        "a number" => whole_number(node.scalar()?),
        _ => None,
    }
}

fn waves(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<Wave> {
    let nodes = fields.list("waves", report);
    if let (Some(node), true) = (fields.get("waves"), nodes.is_empty())
        && matches!(node.value, Value::List(_))
    {
        report.add(node.at, "`waves` has no wave", "leave it out where everything goes together");
    }
    if let Some(node) = nodes.get(MOST_WAVES) {
        report.add(node.at, format!("there are more than {MOST_WAVES} waves"), "put some of them together");
        return vec![];
    }
    let mut earlier = Earlier::default();
    let last = nodes.len().saturating_sub(1);
    (0..).zip(nodes).filter_map(|(index, node)| wave(node, index == last, &mut earlier, report)).collect()
}

/// What the waves so far have taken.
#[derive(Default)]
struct Earlier<'n> {
    /// Names and globs, each with the line it is in.
    names: HashMap<&'n str, usize>,
    globs: HashMap<String, usize>,
    percent: u32,
}

fn wave<'n>(node: &'n Node, last: bool, earlier: &mut Earlier<'n>, report: &mut Report<'_>) -> Option<Wave> {
    let fields = Fields::open(node, &WAVE, report)?;
    let name = fields
        .require("name", "every wave has one, to speak of it: `name: canary`", report)
        .and_then(|node| wave_name(node, earlier, report));
    let takers: Vec<_> = ["targets", "percent", "repositories"]
        .into_iter()
        .filter_map(|key| fields.get(key).map(|node| (key, node)))
        .collect();
    if let [(first, _), (second, also), ..] = takers.as_slice() {
        let message = format!("a wave takes its targets by `{first}` or by `{second}`, not by both");
        report.add(also.at, message, "make two waves of it");
    }
    let rest = takers.is_empty();
    if rest && !last {
        let help = "write targets, percent or repositories; only the last one may take the rest";
        report.add(node.at, "this wave takes everything, and there are more behind it", help);
    }
    let exhausted = earlier.percent == 100;
    let by_name = fields.get("repositories").is_some();
    if exhausted && !by_name {
        let help = "lower their `percent`, or leave this wave out";
        report.add(node.at, "the waves before this one take all targets: it would be empty", help);
    }
    if name.as_deref() == Some(REST)
        && !rest
        && let Some(node) = fields.get("name")
    {
        let help = "choose another name, or let this wave take the rest";
        report.add(node.at, "`rest` is the name of what no wave takes", help);
    }
    let targets = cap(&fields, "targets", report);
    let percent = fields.get("percent").and_then(|node| share(node, earlier, report));
    let repositories = globs(&fields, earlier, report);
    let gate = fields.get("gate").and_then(|node| gate(node, targets, report));
    if let (Some(node), true) = (fields.get("gate"), last && (rest || earlier.percent == 100)) {
        let help = "take it out, or add the wave that is to wait for it";
        report.add(node.at, "nothing waits for this gate: its wave is the last", help);
    }
    Some(Wave { name: name?, targets, percent, repositories, gate })
}

fn wave_name<'n>(node: &'n Node, earlier: &mut Earlier<'n>, report: &mut Report<'_>) -> Option<String> {
    let name = text(node, "`name`", report)?;
    if let Some(flaw) = campaign_flaw(name) {
        let message = format!("{} is no name for a wave: {flaw}", quoted(name));
        report.add(node.at, message, "use letters, digits, `_`, `.` and `-`");
        return None;
    }
    if let Some(line) = earlier.names.insert(name, node.at.line) {
        let message = format!("the wave {} is there twice", quoted(name));
        report.add(node.at, message, format!("it is in line {line} already; choose another name"));
        return None;
    }
    Some(name.to_owned())
}

fn share(node: &Node, earlier: &mut Earlier<'_>, report: &mut Report<'_>) -> Option<u32> {
    let written = node.scalar().map(|text| text.strip_suffix('%').map_or(text, str::trim_end));
    let Some(percent) = written.and_then(whole_number).filter(|percent| (1..=100).contains(percent)) else {
        let message = format!("`percent` is a whole number from 1 to 100, and this is {}", kind(node));
        report.add(node.at, message, "write `percent: 10`");
        return None;
    };
    if earlier.percent + percent > 100 {
        let message = format!(
            "the waves take {} % of the targets with this one, and there are 100",
            earlier.percent + percent
        );
        let help = match 100 - earlier.percent {
            0 => "the waves before it take all of them already".to_owned(),
            left => format!("at most {left} % are left for it"),
        };
        report.add(node.at, message, help);
        // What follows is not measured against a sum that is wrong already.
        earlier.percent = 0;
        return None;
    }
    earlier.percent += percent;
    Some(percent)
}

fn globs(fields: &Fields<'_>, earlier: &mut Earlier<'_>, report: &mut Report<'_>) -> Vec<String> {
    let nodes = fields.list("repositories", report);
    if let (Some(node), true) = (fields.get("repositories"), nodes.is_empty())
        && matches!(node.value, Value::List(_))
    {
        report.add(node.at, "`repositories` is empty: the wave would be", "name some, as `- acme/api-*`");
    }
    let mut globs = vec![];
    for node in nodes {
        let Some(glob) = text(node, "a glob", report) else { continue };
        if let Err(error) = Glob::new(glob) {
            let message = format!("{} is not a glob: {}", quoted(glob), error.reason);
            report.add(node.at, message, "`*`, `?`, `[a-z]` and `{one,other}` stand for parts of a name");
        } else if let Some(line) = earlier.globs.insert(glob.to_ascii_lowercase(), node.at.line) {
            let message = format!("the glob {} is there twice", quoted(glob));
            let help = format!("line {line} takes what it matches already: keep one of them");
            report.add(node.at, message, help);
        } else {
            globs.push(glob.to_owned());
        }
    }
    globs
}

fn gate(node: &Node, targets: Option<u32>, report: &mut Report<'_>) -> Option<Gate> {
    let fields = Fields::open(node, &GATE, report)?;
    let checks_passed = at_least(&fields, "checksPassed", targets, report);
    let merged = at_least(&fields, "merged", targets, report);
    let closed = fields.get("closed").and_then(|node| measure(node, "closed", AMOUNT, report));
    let within = fields.get("within").and_then(|node| measure(node, "within", SPAN, report));
    if fields.get("checksPassed").is_none() && fields.get("merged").is_none() {
        let help =
            "write `merged: 90%` or `checksPassed: 100%`; `closed` and `within` only bound the wait for it";
        report.add(node.at, "this gate does not say what has to happen", help);
        return None;
    }
    Some(Gate { checks_passed, merged, closed, within })
}

const AMOUNT: &str = "a number, as `7`, or a share, as `90%`";
const SPAN: &str = "a number with `m`, `h`, `d` or `w` behind it, as `4h`, at most a year";

/// An amount that has to be reached, and can be in a wave of so many targets.
fn at_least(fields: &Fields<'_>, key: &str, targets: Option<u32>, report: &mut Report<'_>) -> Option<Amount> {
    let node = fields.get(key)?;
    match (measure(node, key, AMOUNT, report)?, targets) {
        (Amount::Count(0) | Amount::Share(0), _) => {
            report.add(node.at, format!("`{key}: 0` waits for nothing"), "leave it out");
        }
        (Amount::Count(count), Some(targets)) if count > targets => {
            let message = format!("the wave has {targets} targets, and `{key}` asks for {count} of them");
            report.add(node.at, message, "write a share, as `90%`");
        }
        (amount, _) => return Some(amount),
    }
    None
}

fn halt_on(node: &Node, report: &mut Report<'_>) -> Option<HaltOn> {
    let fields = Fields::open(node, &HALT_ON, report)?;
    let mut most = |key| {
        let node = fields.get(key)?;
        let amount = measure(node, key, AMOUNT, report)?;
        if amount == Amount::Share(100) {
            let help = "write less, or leave it out";
            report.add(node.at, format!("`{key}: 100%` never halts: more is not possible"), help);
        }
        Some(amount)
    };
    let halt_on =
        HaltOn { failed: most("failed"), closed: most("closed"), checks_failed: most("checksFailed") };
    if HALT_ON.keys.iter().all(|key| fields.get(key).is_none()) {
        report.add(
            node.at,
            "`haltOn` says nothing",
            "write `closed: 20%`, `failed: 10%` or `checksFailed: 10%`",
        );
    }
    Some(halt_on)
}

/// An amount or a span.
fn measure<T: FromStr>(node: &Node, key: &str, form: &str, report: &mut Report<'_>) -> Option<T> {
    let read = node.scalar().and_then(|text| text.parse().ok());
    if read.is_none() {
        let message = format!("`{key}` is {form}, and this is {}", kind(node));
        let help = if form == SPAN { "write `within: 2d`" } else { "write it so, or leave it out" };
        report.add(node.at, message, help);
    }
    read
}
