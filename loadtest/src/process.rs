//! What a process has used so far, as the kernel counts it.
//!
//! Deliberately absent: its children.

use anyhow::{Context as _, Result};
use std::fs;

/// The kernel counts processor time in hundredths of a second wherever it is asked through /proc.
const TICKS: f64 = 100.0;

/// Seconds of processor time, in its own code and in the kernel's.
pub(crate) fn spent(process: u32) -> Result<f64> {
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    // The name before may hold spaces; it ends with the last bracket. After it, these are the 12th and the 13th.
    let (_, fields) = text.rsplit_once(") ").context("a process without a name")?;
    let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS)
}

/// Bytes of memory that it has to itself.
pub(crate) fn memory(process: u32) -> Result<f64> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no memory is told")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024.0)
}
