//! Artifacts in a folder, as plain as can be: a file for each key, whole or not there.

use async_trait::async_trait;
use bytes::Bytes;
use campaigns_actors::ports::{ArtifactError, ArtifactKey, Artifacts};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

pub(crate) struct Kept {
    folder: TempDir,
    /// Every key that was written, in order.
    pub(crate) written: Mutex<Vec<String>>,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), written: Mutex::default() }
    }

    pub(crate) fn path(&self, key: &ArtifactKey) -> PathBuf {
        self.folder.path().join(key.to_string())
    }

    fn place(
        &self,
        key: &ArtifactKey,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), ArtifactError> {
        let path = self.path(key);
        std::fs::create_dir_all(path.parent().unwrap())
            .and_then(|()| write(&path))
            .map_err(|e| failed(key, &e))?;
        self.written.lock().unwrap().push(key.to_string());
        Ok(())
    }
}

fn failed(key: &ArtifactKey, error: &io::Error) -> ArtifactError {
    ArtifactError { key: key.to_string(), reason: error.to_string() }
}

fn present<T>(key: &ArtifactKey, read: io::Result<T>) -> Result<Option<T>, ArtifactError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(key, &error)),
    }
}

#[async_trait]
impl Artifacts for Kept {
    async fn put(&self, key: &ArtifactKey, content: Bytes) -> Result<(), ArtifactError> {
        self.place(key, |path| std::fs::write(path, &content))
    }

    async fn put_file(&self, key: &ArtifactKey, file: &Path) -> Result<(), ArtifactError> {
        self.place(key, |path| std::fs::copy(file, path).map(|_bytes| ()))
    }

    async fn get(&self, key: &ArtifactKey) -> Result<Option<Bytes>, ArtifactError> {
        Ok(present(key, std::fs::read(self.path(key)))?.map(Bytes::from))
    }

    async fn get_file(&self, key: &ArtifactKey, file: &Path) -> Result<bool, ArtifactError> {
        Ok(present(key, std::fs::copy(self.path(key), file))?.is_some())
    }

    async fn get_range(
        &self,
        key: &ArtifactKey,
        from: u64,
        most: u64,
    ) -> Result<Option<Bytes>, ArtifactError> {
        let whole = self.get(key).await?;
        let from = usize::try_from(from).unwrap();
        Ok(whole.map(|bytes| {
            bytes.slice(from.min(bytes.len())..(from + usize::try_from(most).unwrap()).min(bytes.len()))
        }))
    }

    async fn size(&self, key: &ArtifactKey) -> Result<Option<u64>, ArtifactError> {
        Ok(present(key, std::fs::metadata(self.path(key)))?.map(|about| about.len()))
    }
}
