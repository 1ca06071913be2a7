//! One event as one line for people; events that say nothing new to them have none.
//!
//! Deliberately absent: colours on anything but the mark in front.

use crate::{commands::status::one_line, output::Paint};
use campaigns_wire::Event;
use serde_json::Value;

/// The line, if the event is worth one.
pub(super) fn of(event: &Event, paint: Paint) -> Option<String> {
    let data = &event.data.data;
    let repository = event.data.repository.as_deref().unwrap_or_default();
    let text = |path: &str| data.pointer(path).and_then(Value::as_str).map(one_line).unwrap_or_default();
    let number = |path: &str| data.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    Some(match event.data.kind.as_str() {
        "run.selected" => {
            let (targets, skipped) = (number("/targets"), number("/skipped"));
            let left_out = if skipped > 0 { format!(", {skipped} left out") } else { String::new() };
            format!("{} {targets} repositories selected{left_out}", paint.cyan("·"))
        }
        "run.failed" => format!("{} the run failed: {}", paint.red("✗"), text("/message")),
        "run.pruned" => return pruned(data, paint),
        "run.paused" => format!("{} paused by {}", paint.yellow("‖"), text("/by")),
        "run.resumed" => format!("{} resumed by {}", paint.green("▸"), text("/by")),
        "run.cancelled" => format!("{} the run was cancelled by {}", paint.red("✗"), text("/by")),
        "target.changed" => {
            let files = number("/changed_files");
            let noun = if files == 1 { "file" } else { "files" };
            format!("{} {repository}  {files} {noun} changed", paint.green("±"))
        }
        "target.unchanged" => format!("{} {repository}  {}", paint.dim("="), paint.dim("unchanged")),
        // The machinery's failures are tried again on a budget; the summary names those that were given up.
        "target.attempt_failed" if text("/failure/cause") == "infrastructure" => {
            format!(
                "{} {repository}  attempt {} was lost: {}",
                paint.yellow("…"),
                number("/attempt"),
                text("/failure/message")
            )
        }
        "target.attempt_failed" if text("/failure/cause") == "paused" => {
            format!("{} {repository}  waits: {}", paint.yellow("…"), text("/failure/message"))
        }
        "target.attempt_failed" => format!("{} {repository}  {}", paint.red("✗"), text("/failure/message")),
        "changeset.published" => {
            let is = |path: &str| data.pointer(path).and_then(Value::as_bool) == Some(true);
            // One that was there already is not opened: it has what it is to have.
            let verb = match (is("/published/adopted"), is("/published/draft")) {
                (true, _) => "up to date",
                (false, true) => "draft opened",
                (false, false) => "opened",
            };
            format!(
                "{} {repository}  {verb} {}",
                paint.green("⇡"),
                paint.cyan(&text("/published/pull_request/url"))
            )
        }
        "changeset.blocked" | "changeset.handed_over" => {
            format!("{} {repository}  {}", paint.red("!"), text("/reason"))
        }
        "changeset.deferred" => format!("{} {repository}  {}", paint.yellow("…"), text("/reason")),
        "changeset.conflicted" => {
            format!(
                "{} {repository}  cannot be merged: its base branch moved over the same lines",
                paint.red("!")
            )
        }
        "changeset.redo_begun" => {
            format!("{} {repository}  is carried out again: {}", paint.yellow("↻"), text("/why"))
        }
        "changeset.base_moved" => format!("{} {repository}  {}", paint.yellow("…"), text("/now")),
        "changeset.checks_failed" => format!("{} {repository}  checks failed", paint.red("✗")),
        "changeset.checks_passed" => format!("{} {repository}  checks passed", paint.green("✓")),
        "changeset.approved" => format!("{} {repository}  approved", paint.green("✓")),
        "changeset.changes_requested" => format!("{} {repository}  changes requested", paint.yellow("!")),
        "changeset.queued" => format!("{} {repository}  in the merge queue", paint.green("·")),
        "changeset.repository_gone"
        | "changeset.repository_closed"
        | "changeset.repository_moved"
        | "changeset.repository_replaced"
        | "changeset.repository_archived" => format!("{} {repository}  {}", paint.red("!"), text("/reason")),
        "changeset.transferred" => {
            format!(
                "{} {repository}  was moved to {}, and goes on there",
                paint.green("·"),
                text("/repository")
            )
        }
        "changeset.repository_back" => format!("{} {repository}  is back, and goes on", paint.green("·")),
        "changeset.lost" => format!("{} {repository}  {}", paint.red("!"), text("/now")),
        "changeset.merged" => format!("{} {repository}  merged", paint.magenta("✓")),
        "changeset.closed" => format!("{} {repository}  closed", paint.red("−")),
        _ => return None,
    })
}

/// How many changesets of earlier versions are named; all of them are in the event.
const NAMED: usize = 20;

/// What is closed of earlier versions, or would be; none where that is nothing.
fn pruned(data: &Value, paint: Paint) -> Option<String> {
    let number = |path: &str| data.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let text = |value: &Value, path: &str| {
        value.pointer(path).and_then(Value::as_str).map(one_line).unwrap_or_default()
    };
    let (closing, left, held) = (number("/closing"), number("/left"), text(data, "/held"));
    if closing + left == 0 {
        return None;
    }
    let what = match (closing, held.is_empty()) {
        (0, _) => "nothing of earlier versions is to be closed".to_owned(),
        (_, true) => format!("{closing} of earlier versions to close"),
        (_, false) => format!("{closing} of earlier versions are not closed: {held}"),
    };
    let stay = if left > 0 { format!(", {left} stay") } else { String::new() };
    let mut lines = format!("{} {what}{stay}", paint.yellow("−"));
    for (list, mark) in [("/closed", "−"), ("/stay", "=")] {
        let all = data.pointer(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for one in all.iter().take(NAMED) {
            let (repository, why) = (text(one, "/repository"), text(one, "/why"));
            lines.push_str(&format!("\n  {} {repository}  {}", paint.dim(mark), paint.dim(&why)));
        }
    }
    Some(lines)
}
