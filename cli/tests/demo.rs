//! The demo, as the README promises it: one command, one JSON object, exit code 0.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use serde_json::Value;
use support::{campaigns, finish};

#[test]
fn the_demo_ends_by_itself_with_one_json_object() {
    let room = support::room();
    let trees = support::services(room.path(), 10);
    let mut command = campaigns();
    command.args(["demo", "--repos", "10", "--exit", "-o", "json", "--from"]).arg(trees);
    let (code, out, err) = finish(command.arg("--data").arg(room.path().join("data")));
    assert_eq!(code, Some(0), "{err}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    for (figure, wanted) in
        [("targets", 10), ("changed", 8), ("unchanged", 2), ("failed", 0), ("pull_requests_open", 8)]
    {
        assert_eq!(summary[figure], Value::from(wanted), "{figure}: {summary}");
    }
    assert!(summary["seconds"].as_f64().unwrap() > 0.0);
}
