//! The embedded server against real processes: start and stop, restart, kill -9, take-over, refusals, accounts.
//! Every test leaves by audit: no process of its server may be left.
//!
//! Absent: the store, which uses the server but does not know it.

#![allow(clippy::expect_used, reason = "a test that cannot go on says why by panicking")]

mod accounts;
mod lifetime;
mod refusals;
mod takeover;
mod throwaway;

use campaigns_runtime::embedded::{EmbeddedPostgres, Options};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder for one server; when it goes, nothing may still run on it.
struct Place {
    _outer: TempDir,
    dir: PathBuf,
}

impl Place {
    fn new() -> Self {
        let outer = tempfile::tempdir().expect("a folder");
        // As the default folders are: others may pass through, but not look.
        open(outer.path(), 0o711);
        let dir = outer.path().join("db");
        Self { _outer: outer, dir }
    }

    fn start(&self) -> EmbeddedPostgres {
        EmbeddedPostgres::start_with(&self.dir, &Options::throwaway()).expect("the server starts")
    }

    /// Waits until no process works on the folder. They are not our children: looking is all one can do.
    fn await_silence(&self) {
        await_true("every process of the server to end", || self.processes().is_empty());
    }

    fn processes(&self) -> Vec<i32> {
        EmbeddedPostgres::processes(&self.dir).expect("a list of processes")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.dir.exists() {
            assert!(self.processes().is_empty(), "a server was left behind");
        }
    }
}

fn open(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

/// Polls a condition of another process, with a deadline.
fn await_true(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited 60 s for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs one statement in a connection of its own.
fn execute(url: &str, statement: &str) {
    block_on(async {
        let mut connection = PgConnection::connect(url).await.expect("a connection");
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await
            .expect("the statement");
        connection.close().await.expect("closed");
    });
}

/// Reads one number.
fn number(url: &str, query: &str) -> i64 {
    block_on(async {
        let mut connection = PgConnection::connect(url).await.expect("a connection");
        let found = sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut connection)
            .await
            .expect("a number");
        connection.close().await.expect("closed");
        found
    })
}

/// Reads one text.
fn text(url: &str, query: &str) -> String {
    block_on(async {
        let mut connection = PgConnection::connect(url).await.expect("a connection");
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await.expect("a text")
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The program that owns a server until its standard input ends.
const OWNER: &str = env!("CARGO_BIN_EXE_embedded-postgres");

/// Another process that owns the server of a folder.
struct Owner {
    child: Child,
    url: String,
}

impl Owner {
    fn of(dir: &Path) -> Self {
        Self::run(Command::new(OWNER), dir)
    }

    fn run(mut command: Command, dir: &Path) -> Self {
        use std::io::BufRead;
        let mut child =
            command.arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the owner starts");
        let mut url = String::new();
        std::io::BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut url)
            .expect("a line");
        assert!(url.starts_with("postgresql://"), "the owner did not start: {url:?}");
        Self { child, url: url.trim().to_owned() }
    }

    /// kill -9.
    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    /// Lets it stop in order.
    fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("its end").success());
    }
}
