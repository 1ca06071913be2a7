//! The world: the state, its journal, the bare repositories beside it, and the two rules that hold it together:
//! a change is journalled before it is visible, and a repository's refs and pull requests change only under
//! that repository's lock. Deciding what may be asked is `rest`'s; touching objects is `git`'s.

pub mod change;
mod fold;
pub mod journal;
pub mod model;
pub mod past;
pub mod rules;
pub mod state;
pub mod verdict;

use crate::clock::{Clock, Going};
use crate::faults::Faults;
use crate::hooks::Hooks;
use crate::hooks::event::{Before, Teller};
use crate::limits::Limits;
use crate::log::{Entry, RequestLog};
use crate::secrets::Secrets;
use change::Change;
use journal::Journal;
use state::State;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

/// The layout of the data folder that this program reads and writes.
pub const VERSION: &str = "1";

const JOURNAL: &str = "journal.jsonl";

/// Why a data folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Written by another version.
    #[error(
        "the data folder {path} was written by layout version {found}, this program reads {VERSION}: \
         give another --data folder, or remove this one to start anew"
    )]
    OtherVersion {
        /// The folder.
        path: PathBuf,
        /// What its VERSION file says.
        found: String,
    },
    /// A folder with files of somebody else.
    #[error(
        "{path} is not empty and has no VERSION file, so it is not a twin's data folder: give another --data folder"
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// Another twin serves it.
    #[error(
        "the data folder {path} is being served by another twin (its lock is held): stop that one, or give another --data folder"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("cannot use the data folder {path}: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// One GitHub.
#[derive(Debug)]
pub struct World {
    dir: PathBuf,
    state: RwLock<State>,
    journal: Mutex<Journal>,
    locks: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<()>>>>,
    neighbours: RwLock<Vec<Weak<World>>>,
    _held: std::fs::File,
    /// The time.
    pub clock: Clock,
    /// What is broken.
    pub faults: Faults,
    /// Who asked what.
    pub log: RequestLog,
    /// Webhooks.
    pub hooks: Hooks,
    /// Rate limits.
    pub limits: Limits,
    /// Keys and tokens.
    pub secrets: Secrets,
    /// Open bare repositories.
    pub git: crate::git::Store,
}

impl World {
    /// Opens the data folder, creating it when it is missing or empty, and folds its journal. A new world's
    /// clock goes as `first` says.
    pub fn open(dir: &Path, limits: Limits, first: Going) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: dir.to_owned(), source };
        std::fs::create_dir_all(dir.join("repos")).map_err(io)?;
        check_version(dir)?;
        let held = std::fs::File::create(dir.join("lock")).map_err(io)?;
        wait_for_lock(&held, dir)?;
        let (journal, lines) = Journal::open(&dir.join(JOURNAL)).map_err(io)?;
        let mut state = State::default();
        for line in &lines {
            state.apply(line.at, &line.change);
        }
        let log = RequestLog::open(&dir.join("log.jsonl")).map_err(io)?;
        let secrets = Secrets::open(dir).map_err(io)?;
        let git = crate::git::Store::new(dir.join("repos"));
        git.unlock().map_err(io)?;
        let hooks = Hooks::open(dir).map_err(io)?;
        Ok(Self {
            git,
            dir: dir.to_owned(),
            state: RwLock::new(state),
            journal: Mutex::new(journal),
            locks: Mutex::default(),
            neighbours: RwLock::default(),
            _held: held,
            clock: Clock::open(&dir.join("clock.json"), first).map_err(io)?,
            faults: Faults::default(),
            log,
            hooks,
            limits,
            secrets,
        })
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Looks at the state: the present one, or the one that a lagging read sees.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        match past::current() {
            Some(past) => look(&past),
            None => self.present(look),
        }
    }

    fn present<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The worlds of the other organisations of this GitHub; there are some only for `Together`.
    pub fn neighbours(&self) -> Vec<Arc<World>> {
        let known = self.neighbours.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter_map(Weak::upgrade).collect()
    }

    /// Says which they are.
    pub fn set_neighbours(&self, worlds: Vec<Weak<World>>) {
        *self.neighbours.write().unwrap_or_else(PoisonError::into_inner) = worlds;
    }

    /// Writes a line of the log.
    pub fn note(&self, entry: Entry) {
        if let Err(error) = self.log.write(&entry) {
            tracing::error!(error = %error, "the log cannot be written");
        }
    }

    fn journal_file(&self) -> PathBuf {
        self.dir.join(JOURNAL)
    }

    /// Decides on changes against a state that nobody else changes meanwhile, journals and applies them.
    /// When the decision is an error, or the journal cannot be written, nothing has changed.
    pub fn decide<T, E: From<io::Error>>(
        &self,
        decision: impl FnOnce(&State) -> Result<(Vec<Change>, T), E>,
    ) -> Result<T, E> {
        // The journal's lock is the writers' queue; readers are kept out only while the fold moves on.
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let (changes, value) = self.present(decision)?;
        if changes.is_empty() {
            return Ok(value);
        }
        let now = self.clock.now();
        journal.append(now, &changes)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let urls = self.hooks.is_on().then(|| self.hooks.urls());
        let mut told = Vec::new();
        for change in &changes {
            let before = urls.as_ref().map(|_| Before::of(&state, change));
            state.apply(now, change);
            if let (Some(urls), Some(before)) = (&urls, before) {
                told.extend(Teller { state: &state, git: &self.git, urls }.of(change, before));
            }
        }
        drop(state);
        // Still under the journal's lock: webhooks leave in its order.
        self.hooks.tell(told);
        Ok(value)
    }

    /// Records changes that need no decision.
    pub fn record(&self, changes: Vec<Change>) -> io::Result<()> {
        self.decide(|_| Ok((changes, ())))
    }

    /// The lock under which a repository's refs and pull requests change.
    pub fn lock_of(&self, repository: u64) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(repository).or_default())
    }
}

fn check_version(dir: &Path) -> Result<(), OpenError> {
    let io = |source| OpenError::Io { path: dir.to_owned(), source };
    let path = dir.join("VERSION");
    match std::fs::read_to_string(&path) {
        Ok(found) if found.trim() == VERSION => Ok(()),
        Ok(found) => Err(OpenError::OtherVersion {
            path: dir.to_owned(),
            found: found.trim().chars().take(40).collect(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            for entry in std::fs::read_dir(dir).map_err(io)? {
                if entry.map_err(io)?.file_name() != "repos" {
                    return Err(OpenError::NotOurs { path: dir.to_owned() });
                }
            }
            std::fs::write(&path, format!("{VERSION}\n")).map_err(io)
        }
        Err(error) => Err(io(error)),
    }
}

/// Takes the folder's lock. A twin that was just killed lets go of it a moment later than its port, so a held
/// lock is asked for again for two seconds before it counts as another twin's.
fn wait_for_lock(held: &std::fs::File, dir: &Path) -> Result<(), OpenError> {
    let deadline = std::time::Instant::now() + Duration::from_secs(2);
    loop {
        match held.try_lock() {
            Ok(()) => return Ok(()),
            Err(std::fs::TryLockError::WouldBlock) if std::time::Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(std::fs::TryLockError::WouldBlock) => return Err(OpenError::InUse { path: dir.to_owned() }),
            Err(std::fs::TryLockError::Error(source)) => {
                return Err(OpenError::Io { path: dir.to_owned(), source });
            }
        }
    }
}
