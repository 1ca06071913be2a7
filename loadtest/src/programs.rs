//! The programs that scenarios start: `campaigns` and `twin`, found beside this one.
//!
//! Deliberately absent: linking them in. A scenario measures what a user starts.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The path of a program that was built beside this one.
pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program does not know where it is")?;
    let own = own.canonicalize().unwrap_or(own);
    let path = own.with_file_name(name);
    ensure!(path.exists(), "{} is not there: `make build` makes it", path.display());
    Ok(path)
}

/// A running stand-in GitHub; it ends with this value.
pub(crate) struct Twin {
    child: Child,
    /// What it said when it was up.
    pub(crate) said: Greeting,
}

/// The line that the twin prints when it is up.
#[derive(Debug, Deserialize)]
pub(crate) struct Greeting {
    /// Its address.
    pub(crate) url: String,
    /// A personal token that may do everything.
    pub(crate) token: String,
}

impl Twin {
    /// Starts a twin over a new world in `data`, seeded with `repositories` of the source trees in `from`.
    pub(crate) fn start(organization: &str, from: &Path, repositories: u32, data: &Path) -> Result<Self> {
        let mut child = Command::new(beside("twin")?)
            .args(["serve", "--listen", "127.0.0.1:0", "--no-limits", "-o", "json", "--org", organization])
            .args(["--repos", &repositories.to_string()])
            .arg("--from")
            .arg(from)
            .arg("--data")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the twin could not be started")?;
        let stdout = child.stdout.take().context("the twin has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        match serde_json::from_str(&line) {
            Ok(said) => Ok(Self { child, said }),
            Err(cause) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(cause).with_context(|| format!("the twin did not come up; it said {line:?}"))
            }
        }
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
