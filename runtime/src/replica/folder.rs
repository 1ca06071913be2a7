//! A replica's data folder: made private, used by one process at a time, and of a known version.
//!
//! Deliberately absent: what is kept in it.

use crate::folder_lock::{self, NotTaken};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// The layout of the folder; a change that older programs cannot read takes the next number.
const VERSION: &str = "1";

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process uses it.
    #[error(
        "the data folder {0} is in use by another process: stop that one, or name another folder with --data"
    )]
    InUse(PathBuf),
    /// Another version made it.
    #[error(
        "the data folder {folder} has layout {found}, this program knows {VERSION}: use the program that made it, \
         or name another folder with --data (nothing was changed)"
    )]
    OtherVersion {
        /// The folder.
        folder: PathBuf,
        /// What its version file says.
        found: String,
    },
    /// The file system refused.
    #[error("the data folder {folder} cannot be used: {cause}")]
    Refused {
        /// The folder.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// A data folder that this process uses; others are kept out until this value goes.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes or takes the folder.
    pub(super) fn take(path: &Path) -> Result<Self, FolderError> {
        make_folder(path)?;
        let lock = lock(path)?;
        let file = path.join("VERSION");
        let refused = |cause| FolderError::Refused { folder: path.to_owned(), cause };
        match fs::read_to_string(&file) {
            Ok(found) if found.trim() == VERSION => {}
            Ok(found) => {
                let found = found.trim().chars().take(40).collect();
                return Err(FolderError::OtherVersion { folder: path.to_owned(), found });
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                fs::write(&file, format!("{VERSION}\n")).map_err(refused)?;
            }
            Err(cause) => return Err(refused(cause)),
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// An empty folder for what only lives as long as this process.
    pub(super) fn scratch(&self) -> Result<PathBuf, FolderError> {
        let scratch = self.path.join("scratch");
        let refused = |cause| FolderError::Refused { folder: scratch.clone(), cause };
        match fs::remove_dir_all(&scratch) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(refused(cause)),
            _ => {}
        }
        fs::DirBuilder::new().mode(0o700).create(&scratch).map_err(refused)?;
        Ok(scratch)
    }
}

/// Makes a data folder; a new one is open to this user alone, but for passing through: a database that runs as
/// another user has its own folder below.
///
/// # Errors
/// [`FolderError::Refused`].
pub fn make_folder(path: &Path) -> Result<(), FolderError> {
    let refused = |cause| FolderError::Refused { folder: path.to_owned(), cause };
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(refused)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o711)).map_err(refused)
}

/// Whether nobody uses a data folder now.
///
/// # Errors
/// [`FolderError::InUse`] where somebody does.
pub fn ensure_unused(path: &Path) -> Result<(), FolderError> {
    lock(path).map(drop)
}

fn lock(path: &Path) -> Result<File, FolderError> {
    folder_lock::take(&path.join("LOCK")).map_err(|not_taken| match not_taken {
        NotTaken::Held { .. } => FolderError::InUse(path.to_owned()),
        NotTaken::Refused(cause) => FolderError::Refused { folder: path.to_owned(), cause },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time() {
        let room = tempfile::tempdir().unwrap();
        let first = Folder::take(room.path()).unwrap();
        assert!(matches!(Folder::take(room.path()), Err(FolderError::InUse(_))));
        assert!(matches!(ensure_unused(room.path()), Err(FolderError::InUse(_))));
        drop(first);
        Folder::take(room.path()).unwrap();
    }

    #[test]
    fn another_version_is_left_alone() {
        let room = tempfile::tempdir().unwrap();
        fs::write(room.path().join("VERSION"), "9\n").unwrap();
        let error = Folder::take(room.path()).unwrap_err();
        assert!(error.to_string().contains("has layout 9, this program knows 1"), "{error}");
        assert_eq!(fs::read_to_string(room.path().join("VERSION")).unwrap(), "9\n");
    }
}
