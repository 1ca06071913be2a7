//! The scenario `sse`: live events to 1,000 clients, as the program `ratios` measures it that is built beside this one:
//! a server process of the product's own live events, its clients, and a raw write for each as the reference.
//!
//! Deliberately absent: a second way of measuring the same.

use super::Settings;
use crate::{programs::beside, report::Report};
use anyhow::{Context as _, Result, ensure};
use std::process::{Command, Stdio};

/// Measures it.
pub(super) fn measure(settings: &Settings) -> Result<Report> {
    let output = Command::new(beside("ratios")?)
        .args(["sse", "-o", "json", "--pairs", &settings.pairs.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .context("`ratios` could not be started")?;
    ensure!(matches!(output.status.code(), Some(0 | 3)), "`ratios` ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("`ratios` did not report")
}
