//! The programs that scenarios start: `campaigns`, `twin` and `embedded-postgres`, found beside this one, and `psql`.
//!
//! Deliberately absent: linking them in. A scenario measures what a user starts.

use crate::ask::Asked;
use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

/// The path of a program that was built beside this one.
pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program does not know where it is")?;
    let own = own.canonicalize().unwrap_or(own);
    let path = own.with_file_name(name);
    ensure!(path.exists(), "{} is not there: `make build` makes it", path.display());
    Ok(path)
}

/// A program that runs until this value ends, and the first line that it said.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    line: String,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{name}` could not be started"))?;
        let stdout = child.stdout.take().with_context(|| format!("`{name}` has no standard output"))?;
        let mut running = Self { child, stdout: BufReader::new(stdout), line: String::new() };
        running.stdout.read_line(&mut running.line)?;
        Ok(running)
    }

    fn said<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.line)
            .with_context(|| format!("a program did not come up; it said {:?}", self.line))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running stand-in GitHub; it ends with this value.
pub(crate) struct Twin {
    _running: Running,
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
    /// The token of its admin space.
    pub(crate) admin_token: String,
    /// Its log.
    pub(crate) log: PathBuf,
}

impl Twin {
    /// Starts a twin without limits over a new world in `data`, seeded with `repositories` of the source trees in
    /// `from`.
    pub(crate) fn start(organization: &str, from: &Path, repositories: u32, data: &Path) -> Result<Self> {
        Self::start_with(organization, from, repositories, data, &["--no-limits".to_owned()])
    }

    /// The same, with flags about limits, clock and faults.
    pub(crate) fn start_with(
        organization: &str,
        from: &Path,
        repositories: u32,
        data: &Path,
        flags: &[String],
    ) -> Result<Self> {
        let mut command = Command::new(beside("twin")?);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "-o", "json", "--org", organization])
            .args(["--repos", &repositories.to_string()])
            .args(flags)
            .arg("--from")
            .arg(from)
            .arg("--data")
            .arg(data)
            .stderr(Stdio::null());
        let running = Running::start(&mut command)?;
        let said = running.said()?;
        Ok(Self { _running: running, said })
    }

    /// Its admin space.
    pub(crate) fn admin(&self) -> Result<Asked> {
        Asked::new(format!("{}/_twin", self.said.url), self.said.admin_token.clone())
    }
}

/// A database server of one's own; it ends with this value.
pub(crate) struct Database {
    _running: Running,
    /// Its address.
    pub(crate) url: String,
}

impl Database {
    /// Starts one in `folder`.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let running = Running::start(Command::new(beside("embedded-postgres")?).arg(folder))?;
        let url = running.line.trim().to_owned();
        ensure!(url.starts_with("postgres"), "the database did not come up; it said {url:?}");
        Ok(Self { _running: running, url })
    }
}

/// A session of `psql`; it ends with this value.
pub(crate) struct Session(Running);

impl Session {
    /// Opens one.
    pub(crate) fn open(database: &Database) -> Result<Self> {
        let mut command = Command::new("psql");
        // The first statement is answered when the session is there.
        command.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", "SELECT 'up'", "-f", "-"]);
        let session = Self(Running::start(command.arg(&database.url))?);
        ensure!(session.0.line.trim() == "up", "psql did not come up; it said {:?}", session.0.line);
        Ok(session)
    }

    /// The one line that a statement answers.
    pub(crate) fn ask(&mut self, statement: &str) -> Result<String> {
        let stdin = self.0.child.stdin.as_mut().context("psql has no standard input")?;
        writeln!(stdin, "{statement};")?;
        let mut line = String::new();
        self.0.stdout.read_line(&mut line)?;
        ensure!(!line.is_empty(), "psql ended at `{statement}`; what it said stands above");
        Ok(line.trim().to_owned())
    }
}

/// What webhooks to the servers that scenarios start are signed with, where they are sent any.
pub(crate) const WEBHOOK_SECRET: &str = "the secret of the load test";

/// A running server of the product; it ends with this value.
pub(crate) struct Server {
    _running: Running,
    /// Its address.
    pub(crate) url: String,
    /// What its API wants to be shown.
    pub(crate) token: String,
}

#[derive(Deserialize)]
struct Served {
    url: String,
    token_file: PathBuf,
}

impl Server {
    /// Starts `campaigns serve` over a database and against a twin.
    pub(crate) fn start(data: &Path, database: &Database, twin: &Twin, flags: &[String]) -> Result<Self> {
        let mut command = Command::new(beside("campaigns")?);
        command
            .args(["serve", "-o", "json", "--listen", "127.0.0.1:0", "--github-url", &twin.said.url])
            .args(flags)
            .arg("--data")
            .arg(data)
            .env("GITHUB_TOKEN", &twin.said.token)
            .env("CAMPAIGNS_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .env("DATABASE_URL", &database.url);
        let running = Running::start(&mut command)?;
        let said: Served = running.said()?;
        let token = std::fs::read_to_string(&said.token_file)
            .with_context(|| format!("{} cannot be read", said.token_file.display()))?;
        Ok(Self { _running: running, url: said.url, token: token.trim().to_owned() })
    }
}
