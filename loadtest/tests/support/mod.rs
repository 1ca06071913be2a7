//! Scenarios run as a user runs them, and what they report.
//!
//! Deliberately absent: what each of them has to show, which is its own test's.

#![allow(dead_code, reason = "no test needs all of it")]

use serde_json::Value;
use std::process::Command;

/// What came of a scenario.
pub(crate) struct Ran {
    /// Its figures, as `-o json` reports them.
    pub(crate) figures: Vec<Value>,
    /// Whether it says by its exit code that every figure holds.
    pub(crate) holds: bool,
    /// What it said on the way.
    pub(crate) said: String,
}

impl Ran {
    /// Its figures, of which every one has to hold.
    pub(crate) fn whole(self) -> Vec<Value> {
        let broken: Vec<&Value> = self.figures.iter().filter(|figure| figure["holds"] != true).collect();
        assert!(self.holds && broken.is_empty(), "{broken:#?}\n{}", self.said);
        self.figures
    }

    /// Its figures, of which those have to hold that count something: how long something takes says nothing on a busy
    /// machine.
    pub(crate) fn counts(self) -> Vec<Value> {
        let counted = |figure: &&Value| figure["target"].as_str().unwrap().starts_with("exactly");
        let broken: Vec<&Value> =
            self.figures.iter().filter(counted).filter(|figure| figure["holds"] != true).collect();
        assert!(broken.is_empty(), "{broken:#?}\n{}", self.said);
        self.figures
    }
}

/// Runs a scenario with these words after `run`.
pub(crate) fn run(words: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "-o", "json"])
        .args(words)
        .env("RUST_LOG", "error")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    Ran { figures: report["figures"].as_array().unwrap().clone(), holds: output.status.success(), said }
}
