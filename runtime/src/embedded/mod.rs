//! A real PostgreSQL as a child process, for those who have none: found on the machine or in the cache, started
//! by the program, stopped with it. It listens on a socket in a folder that is closed to others, and nowhere else.
//!
//! It survives kill -9 of this program: the server is then told to stop by the kernel, and the next start waits
//! for it, or stops what is still there, before it opens the data. Deliberately absent: replacing a server that
//! died under us, upgrades between major versions, and `DATABASE_URL`, which the caller decides on.

mod error;
mod folder;
mod identity;
mod initialise;
mod installation;
mod readiness;
mod settings;
mod takeover;
pub mod testing;

pub use error::EmbeddedError;
pub use installation::{Installation, installations};

use crate::keeper::Keeper;
use folder::Folder;
use identity::Identity;
use installation::Places;
use readiness::Answer;
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a server may stay silent after its start.
const SILENCE: Duration = Duration::from_secs(60);
/// How long it may replay its log.
const RECOVERY: Duration = Duration::from_secs(600);
/// How often a starting server is asked. Its end is noticed at once.
const ASK: Duration = Duration::from_millis(10);
/// How often a start is tried again because a dying server was still there.
const ATTEMPTS: usize = 5;

/// How an embedded server is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether a commit is on disk when it is answered. Off only for data that is thrown away.
    pub durable: bool,
    /// A folder of PostgreSQL's programs to use instead of looking for one.
    pub binaries: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { durable: true, binaries: None }
    }
}

impl Options {
    /// For data that nobody will miss: no fsync. A crash of the machine may destroy it.
    pub fn throwaway() -> Self {
        Self { durable: false, ..Self::default() }
    }
}

/// A running server. Dropping it stops the server and waits for that.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    // The server ends before the lock is freed: fields drop in this order, after `drop`.
    keeper: Keeper,
    installation: Installation,
    folder: Folder,
}

impl EmbeddedPostgres {
    /// Starts the server of `dir`, making the folder and its data where they are missing. Blocks until the server
    /// takes connections: about 2 s for a new folder, 0.2 s for an old one.
    pub fn start(dir: &Path) -> Result<Self, EmbeddedError> {
        Self::start_with(dir, &Options::default())
    }

    /// Like [`start`](Self::start), with options.
    pub fn start_with(dir: &Path, options: &Options) -> Result<Self, EmbeddedError> {
        let folder = Folder::take(dir)?;
        let identity = Identity::of(folder.root(), &folder.data())?;
        let places = options.binaries.as_deref().map_or_else(Places::of_this_machine, Places::only);
        let version = folder.version()?;
        let installation = places.choose(&identity, &folder.data(), version.as_deref())?;
        takeover::take_over(&folder, &identity)?;
        if version.is_none() {
            initialise::initialise(&folder, &installation, &identity, options)?;
        }
        let keeper = launch(&folder, &installation, &identity, options)?;
        tracing::info!(folder = %folder.root().display(), version = installation.version(), pid = keeper.pid(),
            "the embedded database is ready");
        Ok(Self { keeper, installation, folder })
    }

    /// The address of the database `campaigns`, for sqlx, psql and every other client.
    pub fn url(&self) -> String {
        self.url_of(initialise::NAME)
    }

    /// The address of another database in the same server. `database` consists of letters, digits and `_`.
    pub fn url_of(&self, database: &str) -> String {
        let host: String = self
            .folder
            .socket()
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                    char::from(*byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect();
        format!("postgresql://{}@localhost/{database}?host={host}", initialise::NAME)
    }

    /// Which PostgreSQL it is.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The server's process id.
    pub fn pid(&self) -> i32 {
        self.keeper.pid()
    }

    /// Whether the server's process still runs.
    pub fn runs(&self) -> bool {
        self.keeper.runs()
    }

    /// The processes of this server and of any other on the same folder, for audits.
    pub fn processes(dir: &Path) -> Result<Vec<i32>, EmbeddedError> {
        let root = dir.canonicalize().map_err(EmbeddedError::file("open", dir))?;
        let identity = Identity::of(&root, &root.join("data"))?;
        let found = takeover::processes(&folder::cluster_name(&root), identity.uid());
        Ok(found.into_iter().map(|pid| pid.as_raw_nonzero().get()).collect())
    }

    /// Stops the server: clients are cut off, everything committed is on disk. Blocks until it has ended.
    pub fn stop(self) -> Result<(), EmbeddedError> {
        match self.end() {
            Some(Ok(status)) if status.success() => Ok(()),
            Some(Ok(status)) => Err(EmbeddedError::Program {
                program: "postgres".to_owned(),
                output: format!("it ended with {status}; {}", self.folder.tail(0)),
            }),
            Some(Err(error)) => Err(EmbeddedError::file("wait for", &self.folder.data())(error)),
            None => Err(EmbeddedError::LeftBehind {
                folder: self.folder.root().to_owned(),
                pid: self.keeper.pid(),
            }),
        }
    }

    /// A fast stop; then an immediate one; then no more asking.
    fn end(&self) -> Option<std::io::Result<std::process::ExitStatus>> {
        end(&self.keeper)
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        if self.keeper.runs() && self.end().is_none() {
            tracing::error!(pid = self.keeper.pid(), "the embedded database does not stop");
        }
    }
}

fn end(keeper: &Keeper) -> Option<std::io::Result<std::process::ExitStatus>> {
    [(Signal::INT, 30), (Signal::QUIT, 10), (Signal::KILL, 5)].into_iter().find_map(|(signal, patience)| {
        keeper.signal(signal);
        keeper.wait(Duration::from_secs(patience))
    })
}

/// Starts the process and waits until it takes connections. A server of an earlier process may come up in between
/// (it was spawned just before that process died): it is stopped, and ours starts again.
fn launch(
    folder: &Folder,
    installation: &Installation,
    identity: &Identity,
    options: &Options,
) -> Result<Keeper, EmbeddedError> {
    let mut attempt = 1;
    loop {
        folder.prepare_socket(identity)?;
        let log = folder.open_log()?;
        let since = log.metadata().map(|found| found.len()).unwrap_or_default();
        let copy = log.try_clone().map_err(EmbeddedError::file("open", &folder.log()))?;
        let mut command = installation.command("postgres", identity);
        command.args(settings::arguments(folder, options)).stdout(copy).stderr(log);
        let keeper = Keeper::spawn(command, "the embedded database server").map_err(|error| {
            EmbeddedError::Program { program: "postgres".to_owned(), output: error.to_string() }
        })?;
        let Err(why) = await_ready(&keeper, folder) else { return Ok(keeper) };
        // Its end may have been told already; then there is nothing left to wait for.
        if keeper.runs() {
            end(&keeper);
        }
        let tail = folder.tail(since);
        let still_there = tail.contains("postmaster.pid") || tail.contains("still in use");
        if !still_there || attempt == ATTEMPTS {
            return Err(EmbeddedError::NotStarted {
                folder: folder.root().to_owned(),
                why,
                log: folder.log(),
                tail,
            });
        }
        attempt += 1;
        takeover::take_over(folder, identity)?;
    }
}

/// Asks until the server is ready; the error says what was seen instead.
fn await_ready(keeper: &Keeper, folder: &Folder) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let answer = readiness::ask(folder.socket(), initialise::NAME);
        let patience = match answer {
            Answer::Ready => return Ok(()),
            Answer::Refused(words) => return Err(words),
            Answer::Silent => SILENCE,
            Answer::Starting => RECOVERY,
        };
        if begun.elapsed() > patience {
            return Err(format!("no answer after {} s", patience.as_secs()));
        }
        match keeper.wait(ASK) {
            Some(Ok(status)) => return Err(format!("it ended with {status}")),
            Some(Err(error)) => return Err(error.to_string()),
            None => {}
        }
    }
}
