//! The scenario `chaos` in its short form: 40 targets and a storm of 16 seconds.
//!
//! Deliberately absent: its figures at full size, which `make chaos` takes ten minutes for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::process::Command;

#[test]
fn after_a_storm_everything_is_as_if_nothing_had_been() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args([
            "run",
            "chaos",
            "--targets",
            "40",
            "--per-hour",
            "20",
            "--storm",
            "16",
            "--seed",
            "5",
            "-o",
            "json",
        ])
        .env("RUST_LOG", "error")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let broken: Vec<&Value> =
        report["figures"].as_array().unwrap().iter().filter(|figure| figure["holds"] != true).collect();
    assert!(output.status.success() && broken.is_empty(), "{broken:#?}\n{said}");
}
