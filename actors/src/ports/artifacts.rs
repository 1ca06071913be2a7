//! Kept content: snapshots of repositories, and what executions yielded.
//!
//! Keys are built from ids alone; nothing that a person or a repository wrote becomes part of one. Deliberately
//! absent: retention.

use async_trait::async_trait;
use bytes::Bytes;
use campaigns_domain::id::{CommitSha, Digest, ExecutionId, RepositoryId};
use std::{fmt, path::Path};

/// The name of a kept piece of content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ArtifactKey {
    /// A commit's tree as an uncompressed tar.
    Snapshot(RepositoryId, CommitSha),
    /// An execution's manifest, JSON, written last.
    Manifest(ExecutionId),
    /// An execution's unified diff.
    Diff(ExecutionId),
    /// An execution's log.
    Log(ExecutionId),
    /// A changed file's new content.
    Content(ExecutionId, Digest),
}

impl fmt::Display for ArtifactKey {
    /// The key as a path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(repository, commit) => write!(f, "snapshots/{}/{commit}.tar", repository.0),
            Self::Manifest(execution) => write!(f, "executions/{execution}/manifest.json"),
            Self::Diff(execution) => write!(f, "executions/{execution}/changes.diff"),
            Self::Log(execution) => write!(f, "executions/{execution}/steps.log"),
            Self::Content(execution, digest) => write!(f, "executions/{execution}/contents/{digest}"),
        }
    }
}

/// A place that keeps content. A key is visible only once its content is complete.
#[async_trait]
pub trait Artifacts: Send + Sync + 'static {
    /// Keeps `content`, replacing what was there.
    async fn put(&self, key: &ArtifactKey, content: Bytes) -> Result<(), ArtifactError>;

    /// Keeps a file's content; the file may be moved away.
    async fn put_file(&self, key: &ArtifactKey, file: &Path) -> Result<(), ArtifactError>;

    /// The whole content, or `None` where nothing is kept. For contents that are bounded.
    async fn get(&self, key: &ArtifactKey) -> Result<Option<Bytes>, ArtifactError>;

    /// The content as a file of the caller's; `false` where nothing is kept.
    async fn get_file(&self, key: &ArtifactKey, file: &Path) -> Result<bool, ArtifactError>;

    /// Bytes `from` to the end, at most `most`; `None` where nothing is kept.
    async fn get_range(
        &self,
        key: &ArtifactKey,
        from: u64,
        most: u64,
    ) -> Result<Option<Bytes>, ArtifactError>;

    /// How many bytes are kept under the key, if any.
    async fn size(&self, key: &ArtifactKey) -> Result<Option<u64>, ArtifactError>;
}

/// Why content could not be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("artifact {key}: {reason}")]
pub struct ArtifactError {
    /// The key.
    pub key: String,
    /// What went wrong.
    pub reason: String,
}
