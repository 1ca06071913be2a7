//! Kept content on the local file system, through `object_store`: keys are paths under one folder.
//!
//! A content is written beside its place and moved there, so that a key is visible only once it is complete. What
//! has to outlast a power cut is synced: a snapshot before it is moved into place, and a manifest together with
//! everything that its execution kept, in that order, so that a manifest that is there proves the rest is. Contents
//! without a manifest mean nothing and are not synced by themselves. Deliberately absent: retention.

mod sync;

use async_trait::async_trait;
use bytes::Bytes;
use campaigns_actors::ports::{ArtifactError, ArtifactKey, Artifacts};
use object_store::{
    GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _, local::LocalFileSystem, path::Path as Place,
};
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// Content kept in a folder.
#[derive(Debug)]
pub struct LocalArtifacts {
    root: PathBuf,
    /// Writes that a manifest will vouch for.
    plain: LocalFileSystem,
    /// Writes that have to outlast a power cut by themselves.
    synced: LocalFileSystem,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the folder {} cannot keep artifacts: {reason}", .folder.display())]
pub struct OpenError {
    folder: PathBuf,
    reason: String,
}

impl LocalArtifacts {
    /// Keeps content under `folder`, which is made, for this user alone, where it is missing.
    ///
    /// # Errors
    /// Where the folder cannot be made or read.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let failed = |reason: String| OpenError { folder: folder.to_owned(), reason };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| failed(error.to_string()))?;
        let root = folder.canonicalize().map_err(|error| failed(error.to_string()))?;
        let plain = LocalFileSystem::new_with_prefix(&root).map_err(|error| failed(error.to_string()))?;
        Ok(Self { root, synced: plain.clone().with_fsync(true), plain })
    }

    /// The key's place; ids are plain, and anything else is refused rather than rewritten.
    fn place(key: &ArtifactKey) -> Result<Place, ArtifactError> {
        let name = key.to_string();
        let plain =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/'));
        if !plain {
            return Err(failed(key, "an id in it has characters that ids do not have"));
        }
        Place::parse(&name).map_err(|error| failed(key, error))
    }

    fn file(&self, key: &ArtifactKey) -> Result<PathBuf, ArtifactError> {
        self.plain.path_to_filesystem(&Self::place(key)?).map_err(|error| failed(key, error))
    }

    fn store(&self, key: &ArtifactKey) -> &LocalFileSystem {
        match key {
            ArtifactKey::Snapshot(..) | ArtifactKey::Manifest(_) => &self.synced,
            ArtifactKey::Diff(_) | ArtifactKey::Log(_) | ArtifactKey::Content(..) => &self.plain,
        }
    }

    /// Before a manifest becomes visible, everything beside it is on the disk.
    async fn vouch(&self, key: &ArtifactKey) -> Result<(), ArtifactError> {
        if !matches!(key, ArtifactKey::Manifest(_)) {
            return Ok(());
        }
        let file = self.file(key)?;
        let root = self.root.clone();
        blocking(key, move || match file.parent() {
            Some(execution) => sync::tree(execution, &root),
            None => Ok(()),
        })
        .await
    }
}

#[async_trait]
impl Artifacts for LocalArtifacts {
    async fn put(&self, key: &ArtifactKey, content: Bytes) -> Result<(), ArtifactError> {
        let place = Self::place(key)?;
        self.vouch(key).await?;
        self.store(key).put(&place, content.into()).await.map(drop).map_err(|error| failed(key, error))
    }

    async fn put_file(&self, key: &ArtifactKey, file: &Path) -> Result<(), ArtifactError> {
        let (to, from) = (self.file(key)?, file.to_owned());
        self.vouch(key).await?;
        let synced = matches!(key, ArtifactKey::Snapshot(..) | ArtifactKey::Manifest(_));
        let root = self.root.clone();
        blocking(key, move || {
            // A link would keep whatever it points to, now or later.
            if !fs::symlink_metadata(&from)?.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
            }
            let folder = to.parent().unwrap_or(&root);
            fs::create_dir_all(folder)?;
            if synced {
                File::open(&from)?.sync_data()?;
            }
            match fs::rename(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    copy(&from, &to, folder, synced)?
                }
                moved => moved?,
            }
            if synced { sync::folders(folder, &root) } else { Ok(()) }
        })
        .await
    }

    async fn get(&self, key: &ArtifactKey) -> Result<Option<Bytes>, ArtifactError> {
        match self.plain.get(&Self::place(key)?).await {
            Ok(found) => found.bytes().await.map(Some).map_err(|error| failed(key, error)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(key, error)),
        }
    }

    async fn get_file(&self, key: &ArtifactKey, file: &Path) -> Result<bool, ArtifactError> {
        let (from, to) = (self.file(key)?, file.to_owned());
        // A copy and not a link: the caller may write to it. The kernel shares the blocks where it can.
        blocking(key, move || match fs::copy(&from, &to) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !from.exists() => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    async fn get_range(
        &self,
        key: &ArtifactKey,
        from: u64,
        most: u64,
    ) -> Result<Option<Bytes>, ArtifactError> {
        let Some(size) = self.size(key).await? else { return Ok(None) };
        let to = from.saturating_add(most).min(size);
        if from >= to {
            return Ok(Some(Bytes::new()));
        }
        let options = GetOptions { range: Some(GetRange::Bounded(from..to)), ..GetOptions::default() };
        match self.plain.get_opts(&Self::place(key)?, options).await {
            Ok(found) => found.bytes().await.map(Some).map_err(|error| failed(key, error)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(key, error)),
        }
    }

    async fn size(&self, key: &ArtifactKey) -> Result<Option<u64>, ArtifactError> {
        match self.plain.head(&Self::place(key)?).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(key, error)),
        }
    }
}

/// Copies a file of another file system beside its place, and moves it there.
fn copy(from: &Path, to: &Path, folder: &Path, synced: bool) -> io::Result<()> {
    let staged = tempfile::Builder::new().prefix("staged#").tempfile_in(folder)?;
    fs::copy(from, staged.path())?;
    if synced {
        staged.as_file().sync_data()?;
    }
    staged.persist(to)?;
    Ok(())
}

fn failed(key: &ArtifactKey, reason: impl ToString) -> ArtifactError {
    ArtifactError { key: key.to_string(), reason: reason.to_string() }
}

async fn blocking<T: Send + 'static>(
    key: &ArtifactKey,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ArtifactError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| failed(key, error)),
        Err(error) => Err(failed(key, error)),
    }
}
