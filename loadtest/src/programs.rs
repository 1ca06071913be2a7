//! The programs that scenarios start: `campaigns`, `twin` and `embedded-postgres`, found beside this one, and `psql`.
//!
//! Deliberately absent: linking them in. A scenario measures what a user starts.

use crate::ask::Asked;
use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long a program may take to come up or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

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
        Self::start_within(command, Duration::MAX)
    }

    /// Starts a program that is killed where it has said nothing for so long.
    fn start_within(command: &mut Command, patience: Duration) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{name}` could not be started"))?;
        let stdout = child.stdout.take().with_context(|| format!("`{name}` has no standard output"))?;
        let mut running = Self { child, stdout: BufReader::new(stdout), line: String::new() };
        let (heard, hears) = mpsc::channel::<()>();
        let pid = Pid::from_child(&running.child);
        // The process is there until `running` has waited for it, which is after this thread's end.
        let watch = thread::spawn(move || {
            if hears.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        let read = running.stdout.read_line(&mut running.line);
        drop(heard);
        let _ = watch.join();
        read?;
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
        // It cannot see that this program has ended: it is killed by the kernel where this one is killed.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(beside("twin")?)
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
    /// Starts one in `folder`, or the one that was there before again.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let running = Running::start(Command::new(beside("embedded-postgres")?).arg(folder))?;
        let url = running.line.trim().to_owned();
        ensure!(url.starts_with("postgres"), "the database did not come up; it said {url:?}");
        Ok(Self { _running: running, url })
    }
}

impl Database {
    /// The socket that it listens on.
    pub(crate) fn socket(&self) -> Result<PathBuf> {
        let (_, folder) = self.url.split_once("?host=").context("the database has no socket")?;
        Ok(Path::new(folder).join(".s.PGSQL.5432"))
    }

    /// Its address for whoever reaches it at a port.
    pub(crate) fn url_at(&self, address: SocketAddr) -> Result<String> {
        let (url, _) = self.url.split_once("?host=").context("the database has no socket")?;
        Ok(url.replacen("@localhost/", &format!("@{address}/"), 1))
    }

    /// What of it breaks a rule that holds when nothing is under way, a line each.
    pub(crate) fn audit(&self) -> Result<Vec<String>> {
        let mut command = Command::new(beside("audit")?);
        let output = command.arg("--at-rest").env("DATABASE_URL", &self.url).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            matches!(output.status.code(), Some(0 | 3)),
            "the audit ended with {}: {said}",
            output.status
        );
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }
}

/// A Redis of one's own; it ends with this value.
pub(crate) struct Redis {
    child: Child,
    socket: PathBuf,
}

impl Redis {
    /// Starts one whose socket is in `folder`, with nothing on disk.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let socket = folder.join("redis.sock");
        // Killed by the kernel where this program is killed.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "redis-server"])
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"])
            .arg("--unixsocket")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .context("`redis-server` could not be started; `scripts/deps cluster` installs it")?;
        let redis = Self { child, socket };
        let begun = Instant::now();
        while UnixStream::connect(&redis.socket).is_err() {
            ensure!(begun.elapsed() < PATIENCE, "redis-server does not come up");
            thread::sleep(Duration::from_millis(5));
        }
        Ok(redis)
    }

    /// The socket that it listens on.
    pub(crate) fn socket(&self) -> PathBuf {
        self.socket.clone()
    }

    /// The first line that a command without arguments that hold spaces is answered with.
    pub(crate) fn ask(&self, command: &str) -> Result<String> {
        let mut stream = UnixStream::connect(&self.socket).context("Redis does not answer")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "{command}\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        ensure!(!line.is_empty() && !line.starts_with('-'), "Redis answered `{command}` with {line:?}");
        Ok(line.trim().to_owned())
    }

    /// How many leases are held when everybody has left. One that a slow Redis was too late to take back has a third of its
    /// life for that: renewed every third, one that nobody gives back has more left.
    pub(crate) fn leases(&self, life: Duration) -> Result<u64> {
        let begun = Instant::now();
        loop {
            let over = begun.elapsed() > life / 3;
            let held = self.count("*:lease:*")?;
            if held == 0 || over {
                return Ok(held);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many keys match a pattern.
    fn count(&self, pattern: &str) -> Result<u64> {
        let answer = self.ask(&format!("KEYS {pattern}"))?;
        answer.trim_start_matches('*').parse().with_context(|| format!("Redis answered {answer:?}"))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

/// What a server of the product depends on.
pub(crate) struct Environment {
    /// Its database.
    pub(crate) database_url: String,
    /// The Redis by which it shares the work with others, if it does.
    pub(crate) redis_url: Option<String>,
    /// The code host.
    pub(crate) github_url: String,
    /// A token for that.
    pub(crate) github_token: String,
}

/// A running server of the product; it ends with this value.
pub(crate) struct Server {
    running: Running,
    /// Its address.
    pub(crate) url: String,
    /// What its API wants to be shown; empty where another server on the same database has written that down.
    pub(crate) token: String,
    /// What it is known by in the database.
    pub(crate) replica: String,
}

#[derive(Deserialize)]
struct Served {
    url: String,
    replica: String,
    token_file: Option<PathBuf>,
}

impl Server {
    /// Starts `campaigns serve` over a database and against a twin.
    pub(crate) fn start(data: &Path, database: &Database, twin: &Twin, flags: &[String]) -> Result<Self> {
        let environment = Environment {
            database_url: database.url.clone(),
            redis_url: None,
            github_url: twin.said.url.clone(),
            github_token: twin.said.token.clone(),
        };
        Self::start_in(data, &environment, flags)
    }

    /// Starts `campaigns serve` over what it depends on.
    pub(crate) fn start_in(data: &Path, environment: &Environment, flags: &[String]) -> Result<Self> {
        let mut command = Command::new(beside("campaigns")?);
        command
            .args(["serve", "-o", "json", "--end-with-stdin", "--listen", "127.0.0.1:0"])
            .args(["--github-url", &environment.github_url])
            .args(flags)
            .arg("--data")
            .arg(data)
            .env("GITHUB_TOKEN", &environment.github_token)
            .env("CAMPAIGNS_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .env("DATABASE_URL", &environment.database_url);
        if let Some(redis) = &environment.redis_url {
            command.env("REDIS_URL", redis);
        }
        let running = Running::start_within(&mut command, PATIENCE)?;
        let said: Served = running.said()?;
        let token = match &said.token_file {
            Some(file) => {
                std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?
            }
            None => String::new(),
        };
        Ok(Self { running, url: said.url, token: token.trim().to_owned(), replica: said.replica })
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.running.child.id()
    }

    /// Freezes the process, or has it go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        // What has ended cannot be frozen, and that shows soon enough.
        let _ = kill_process(Pid::from_child(&self.running.child), signal);
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        drop(self.running.child.stdin.take());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.running.child.try_wait()? {
                ensure!(status.success(), "a server that was asked to stop ended with {status}");
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "a server does not stop");
            thread::sleep(Duration::from_millis(20));
        }
    }
}
