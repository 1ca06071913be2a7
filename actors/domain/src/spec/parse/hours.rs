//! Reads `windows`: at which times of which days something may be done.
//!
//! Deliberately absent: whether one is open at some moment (`publish::rollout`).

use super::fields::{Fields, Shape, text};
use crate::spec::{
    Days, Hours, TimeOfDay,
    names::nearest,
    node::{Node, Value},
    report::{Position, Report, quoted},
};
use chrono_tz::{TZ_VARIANTS, Tz};

/// The most windows.
const MOST: usize = 50;

const HOURS: Shape = Shape { what: "a window", keys: &["days", "from", "to", "timeZone"], refused: &[] };

pub(super) fn windows(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<Hours> {
    let nodes = fields.list("windows", report);
    if let (Some(node), true) = (fields.get("windows"), nodes.is_empty())
        && matches!(node.value, Value::List(_))
    {
        report.add(node.at, "`windows` has no window", "leave it out where every time will do");
    }
    if let Some(node) = nodes.get(MOST) {
        report.add(node.at, format!("there are more than {MOST} windows"), "put some of them together");
        return vec![];
    }
    let mut windows: Vec<(Position, Hours)> = vec![];
    for node in nodes {
        let Some(hours) = hours(node, report) else { continue };
        if let Some((at, other)) = windows.iter().find(|(_, other)| other.overlaps(&hours)) {
            let message = format!("this window overlaps with {other}");
            report.add(node.at, message, format!("that is in line {}; make one window of the two", at.line));
        }
        windows.push((node.at, hours));
    }
    windows.into_iter().map(|(_, hours)| hours).collect()
}

fn hours(node: &Node, report: &mut Report<'_>) -> Option<Hours> {
    let fields = Fields::open(node, &HOURS, report)?;
    let days = fields.require("days", "write `days: Mo-Fr`, or a list", report).and_then(|n| days(n, report));
    let from = time(&fields, "from", report);
    let to = time(&fields, "to", report);
    if let (Some(from), Some(to), Some(node)) = (from, to, fields.get("to"))
        && from >= to
    {
        let help = "over midnight, write two: one to `24:00`, and one from `00:00` on the next day";
        report.add(node.at, format!("the window ends at {to}, and that is not after {from}"), help);
        return None;
    }
    let time_zone = fields
        .require("timeZone", "write `timeZone: Europe/Berlin`, or `UTC`", report)
        .and_then(|node| time_zone(node, report));
    Some(Hours { days: days?, from: from?, to: to?, time_zone: time_zone? })
}

fn days(node: &Node, report: &mut Report<'_>) -> Option<Days> {
    let nodes = match &node.value {
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut days = Days::default();
    let mut good = true;
    for node in nodes {
        match node.scalar().map(str::parse::<Days>) {
            Some(Ok(more)) => {
                if days.add(more) {
                    let message = format!("{} is there twice", quoted(node.scalar().unwrap_or_default()));
                    report.add(node.at, message, "keep one of them");
                }
            }
            _ => {
                let what = node.scalar().map_or_else(|| node.kind().to_owned(), quoted);
                let help = "write Mo, Tu, We, Th, Fr, Sa, Su, or a range as `Mo-Fr`";
                report.add(node.at, format!("{what} is no day of the week"), help);
                good = false;
            }
        }
    }
    if nodes.is_empty() {
        report.add(node.at, "`days` is empty: the window would never open", "write `days: Mo-Fr`");
        return None;
    }
    good.then_some(days)
}

fn time(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Option<TimeOfDay> {
    let node = fields.require(key, "write a time of day, as `09:00`", report)?;
    let read = node.scalar().and_then(|text| text.parse().ok());
    if read.is_none() {
        let what = node.scalar().map_or_else(|| node.kind().to_owned(), quoted);
        report.add(
            node.at,
            format!("`{key}` is a time of day, and this is {what}"),
            "write it as `09:00`, from `00:00` to `24:00`",
        );
    }
    read
}

fn time_zone(node: &Node, report: &mut Report<'_>) -> Option<Tz> {
    let name = text(node, "`timeZone`", report)?;
    let Ok(zone) = name.parse() else {
        let help = match nearest(name, TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write a name of the IANA database, as `Europe/Berlin` or `UTC`".to_owned(),
        };
        report.add(node.at, format!("there is no time zone {}", quoted(name)), help);
        return None;
    };
    Some(zone)
}
