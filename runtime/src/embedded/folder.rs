//! The folder of one embedded server, and the lock that says who owns it.
//!
//! ```text
//! DIR/lock         held (flock) by the process that owns the server; the kernel frees it on kill -9
//! DIR/data/        PGDATA, the server account's, 0700; appears whole (made aside, then renamed)
//! DIR/server.log   what the server says
//! DIR/run/         the socket's folder, 0700; a short folder in /tmp instead when the path is too long
//! ```
//! Absent: anything that PostgreSQL writes itself.

use super::{EmbeddedError, Identity};
use crate::folder_lock::{self, NotTaken};
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A socket's path has at most 107 bytes (unix(7)); its name and that of its lock file take some of them.
const LONGEST_SOCKET_FOLDER: usize = 107 - "/.s.PGSQL.5432".len();
/// A log larger than this is put aside at the next start.
const LARGEST_LOG: u64 = 4 << 20;

/// A folder whose lock this process holds.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    name: String,
    socket: PathBuf,
    /// Held, not read: closing it frees the folder.
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is missing and takes its lock.
    pub(super) fn take(dir: &Path) -> Result<Self, EmbeddedError> {
        let as_root = rustix::process::geteuid().is_root();
        // The server's account passes through the folder, but owns only what is inside.
        let mode = if as_root { 0o711 } else { 0o700 };
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(dir)
            .map_err(EmbeddedError::file("create", dir))?;
        let root = dir.canonicalize().map_err(EmbeddedError::file("open", dir))?;
        if as_root {
            std::fs::set_permissions(&root, Permissions::from_mode(mode))
                .map_err(EmbeddedError::file("open to the database's account", &root))?;
        }
        let lock = lock(&root)?;
        let name = cluster_name(&root);
        let beside = root.join("run");
        let socket = match beside.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
            true => beside,
            false => Path::new("/tmp").join(&name),
        };
        Ok(Self { root, name, socket, _lock: lock })
    }

    /// The folder itself, without links.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// PGDATA.
    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Where the server's words go.
    pub(super) fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// The socket's folder.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The cluster's name. It stands in the command line of every process of the
    /// server, which is how one that was left behind is recognised.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The major version that made the data; `None` when there is none yet.
    pub(super) fn version(&self) -> Result<Option<String>, EmbeddedError> {
        let path = self.data().join("PG_VERSION");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !self.data().exists() => Ok(None),
            Err(error) => Err(EmbeddedError::file("read", &path)(error)),
        }
    }

    /// Makes the socket's folder, empty: whoever owned a socket in it is gone.
    pub(super) fn prepare_socket(&self, identity: &Identity) -> Result<(), EmbeddedError> {
        let path = &self.socket;
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(EmbeddedError::file("create", path)(error));
            }
            _ => {}
        }
        // In /tmp somebody else could have been there first.
        let found = std::fs::symlink_metadata(path).map_err(EmbeddedError::file("open", path))?;
        let ours = [rustix::process::geteuid().as_raw(), identity.uid()].contains(&found.uid());
        if !found.is_dir() || !ours {
            return Err(EmbeddedError::file("use", path)(std::io::Error::other("it is somebody else's")));
        }
        std::fs::set_permissions(path, Permissions::from_mode(0o700))
            .map_err(EmbeddedError::file("close", path))?;
        identity.own(path)?;
        for entry in std::fs::read_dir(path).map_err(EmbeddedError::file("list", path))?.flatten() {
            std::fs::remove_file(entry.path()).map_err(EmbeddedError::file("remove", &entry.path()))?;
        }
        Ok(())
    }

    /// Opens the log for the server to append to; a large one is put aside first.
    pub(super) fn open_log(&self) -> Result<File, EmbeddedError> {
        let path = self.log();
        if std::fs::metadata(&path).is_ok_and(|found| found.len() > LARGEST_LOG) {
            std::fs::rename(&path, path.with_extension("log.1"))
                .map_err(EmbeddedError::file("put aside", &path))?;
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(EmbeddedError::file("open", &path))
    }

    /// What the log says from byte `since` on, its last 20 lines.
    pub(super) fn tail(&self, since: u64) -> String {
        let mut text = Vec::new();
        let read = File::open(self.log()).and_then(|mut log| {
            log.seek(SeekFrom::Start(since))?;
            log.take(1 << 20).read_to_end(&mut text)
        });
        if let Err(error) = read {
            return format!("(unreadable: {error})");
        }
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// The cluster's name: a pure function of the folder's path without links.
pub(super) fn cluster_name(root: &Path) -> String {
    let digest = hex::encode(Sha256::digest(root.as_os_str().as_encoded_bytes()));
    format!("campaigns-{}", &digest[..16])
}

/// Takes the lock, or says who has it.
fn lock(root: &Path) -> Result<File, EmbeddedError> {
    let path = root.join("lock");
    folder_lock::take(&path).map_err(|not_taken| match not_taken {
        NotTaken::Held { owner } => EmbeddedError::InUse { folder: root.to_owned(), owner },
        NotTaken::Refused(error) => EmbeddedError::file("lock", &path)(error),
    })
}
