//! What PostgreSQL's own `pgbench -N -c 8` does on the same server, shown beside the ratios where the program is
//! there. It moves with the disk, so that nothing is judged by it.
//!
//! Deliberately absent: installing it.

use anyhow::{Context as _, Result, ensure};
use campaigns_runtime::embedded::EmbeddedPostgres;
use std::{path::PathBuf, process::Command};

/// Transactions a second; nothing where there is no `pgbench`.
pub(crate) async fn tps(server: &EmbeddedPostgres) -> Result<Option<f64>> {
    let (beside, url) = (server.installation().bin().join("pgbench"), server.url());
    tokio::task::spawn_blocking(move || measure(beside, &url)).await?
}

fn measure(beside: PathBuf, url: &str) -> Result<Option<f64>> {
    let program = if beside.is_file() { beside } else { PathBuf::from("pgbench") };
    if Command::new(&program).arg("--version").output().is_err() {
        eprintln!("pgbench is not installed: its figure is left out");
        return Ok(None);
    }
    run(Command::new(&program).args(["-i", "-q", "-s", "10", url]))?;
    let said =
        run(Command::new(&program).args(["-N", "-c", "8", "-j", "2", "-T", "10", "-M", "prepared", url]))?;
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.map(Some).with_context(|| format!("pgbench did not say how many transactions it made: {said}"))
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
