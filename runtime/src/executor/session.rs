//! The folder of one executor's life: its attempts work in there, and whoever comes next removes it when its owner is
//! gone, however that ended.
//!
//! An owner holds a lock on a file in its folder; the kernel lets go of it when the process ends. Deliberately absent:
//! anything that has to survive, for none of this does.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the folders of sessions start with; nothing else in the work folder is touched.
const PREFIX: &str = "executor-";

/// A folder that belongs to this process.
#[derive(Debug)]
pub(super) struct Session {
    folder: PathBuf,
    attempts: AtomicU64,
    _lock: File,
}

impl Session {
    /// Makes a session in `work`, and removes those whose owners are gone.
    pub(super) fn open(work: &Path) -> io::Result<Self> {
        fs::create_dir_all(work)?;
        // One at a time, so that nobody removes a folder that is not locked yet.
        let entrance = File::options().create(true).append(true).open(work.join("executor.lock"))?;
        entrance.lock()?;
        for entry in fs::read_dir(work)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())
                && entry.file_type()?.is_dir()
            {
                let owned = File::open(entry.path().join("lock")).and_then(|lock| Ok(lock.try_lock()?));
                if !matches!(&owned, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                    campaigns_runner::remove(&entry.path())?;
                }
            }
        }
        let folder = work.join(format!("{PREFIX}{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&folder)?;
        let lock = File::create_new(folder.join("lock"))?;
        lock.lock()?;
        Ok(Self { folder, attempts: AtomicU64::new(0), _lock: lock })
    }

    /// A fresh folder for an attempt, removed when it is dropped.
    pub(super) fn attempt(&self) -> io::Result<AttemptFolder> {
        let path = self.folder.join(self.attempts.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&path)?;
        Ok(AttemptFolder { path })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = campaigns_runner::remove(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a work folder stays until the next start");
        }
    }
}

/// The folder of one attempt.
pub(super) struct AttemptFolder {
    path: PathBuf,
}

impl AttemptFolder {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for AttemptFolder {
    fn drop(&mut self) {
        if let Err(error) = campaigns_runner::remove(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "an attempt's folder stays until the next start");
        }
    }
}
