//! Kept content in memory.
//!
//! Deliberately absent: durability. A key is visible only once its content is complete, as everywhere.

use super::super::{ArtifactError, ArtifactKey, Artifacts};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Contents that last as long as the value.
#[derive(Debug, Default)]
pub struct MemoryArtifacts {
    kept: Mutex<HashMap<ArtifactKey, Bytes>>,
}

impl MemoryArtifacts {
    /// Nothing kept yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what is kept under a key; whether there was anything.
    pub fn remove(&self, key: &ArtifactKey) -> bool {
        self.lock().remove(key).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ArtifactKey, Bytes>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Artifacts for MemoryArtifacts {
    async fn put(&self, key: &ArtifactKey, content: Bytes) -> Result<(), ArtifactError> {
        self.lock().insert(key.clone(), content);
        Ok(())
    }

    async fn put_file(&self, key: &ArtifactKey, file: &Path) -> Result<(), ArtifactError> {
        let content = std::fs::read(file).map_err(|error| failed(key, &error))?;
        self.lock().insert(key.clone(), content.into());
        Ok(())
    }

    async fn get(&self, key: &ArtifactKey) -> Result<Option<Bytes>, ArtifactError> {
        Ok(self.lock().get(key).cloned())
    }

    async fn get_file(&self, key: &ArtifactKey, file: &Path) -> Result<bool, ArtifactError> {
        let Some(content) = self.lock().get(key).cloned() else { return Ok(false) };
        std::fs::write(file, content).map_err(|error| failed(key, &error))?;
        Ok(true)
    }

    async fn get_range(
        &self,
        key: &ArtifactKey,
        from: u64,
        most: u64,
    ) -> Result<Option<Bytes>, ArtifactError> {
        Ok(self.lock().get(key).map(|content| {
            let length = content.len();
            let from = usize::try_from(from).unwrap_or(usize::MAX).min(length);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            content.slice(from..from.saturating_add(most).min(length))
        }))
    }

    async fn size(&self, key: &ArtifactKey) -> Result<Option<u64>, ArtifactError> {
        Ok(self.lock().get(key).map(|content| content.len() as u64))
    }
}

fn failed(key: &ArtifactKey, error: &std::io::Error) -> ArtifactError {
    ArtifactError { key: key.to_string(), reason: error.to_string() }
}
