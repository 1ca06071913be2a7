//! Timing whole processes, from their start to their end.
//!
//! Deliberately absent: statistics (`report`).

use anyhow::{Context as _, Result, bail};
use std::{
    process::{Command, Stdio},
    time::Instant,
};

/// Runs a command to its end and says how many seconds that took.
///
/// # Errors
/// Where it cannot be started or does not end with exit code 0; the error holds the end of what it said.
pub(crate) fn seconds(command: &mut Command) -> Result<f64> {
    let name = command.get_program().to_string_lossy().into_owned();
    let begun = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("`{name}` could not be started"))?;
    let taken = begun.elapsed().as_secs_f64();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let end: Vec<&str> = said.lines().rev().take(20).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        bail!("`{name}` ended with {}:\n{}", output.status, end.join("\n"));
    }
    Ok(taken)
}
