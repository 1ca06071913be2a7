//! The result of one execution: which files changed and to what, and how each step went.
//!
//! An exit code of 0 without a complete manifest is never success. Contents are stored beside it, by digest;
//! the unified diff is for people and is never applied. Deliberately absent: reading or writing it.

use super::path::RepositoryPath;
use crate::id::{CommitSha, Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an execution yields; written last, so that a complete one proves that everything it names is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The format's version, 1.
    pub version: u32,
    /// The commit that the steps started from.
    pub base: CommitSha,
    /// Every changed path, in byte order of the paths; empty means that nothing changed.
    pub changes: Vec<ChangedFile>,
    /// The unified diff's size in bytes and digest.
    pub diff: Blob,
    /// The log's size in bytes and digest.
    pub log: Blob,
    /// How each step went, in order.
    pub steps: Vec<StepReport>,
    /// How the steps were kept apart from the machine ("namespaces", "container docker", "none: …").
    pub isolation: String,
}

/// A manifest that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestRefused {
    /// Its format is another one.
    #[error("the result is of format {0}, and this is format 1: run the steps with a runner of this version")]
    Version(u32),
    /// A path is there twice, or the paths are out of order.
    #[error("the result names {0} twice, or out of order")]
    Order(RepositoryPath),
    /// A path leads through one that the result makes a file or a symbolic link.
    #[error("the result puts {inner} inside of {outer}, which it makes a file or a link")]
    Through {
        /// The path that leads through.
        inner: RepositoryPath,
        /// The file or link.
        outer: RepositoryPath,
    },
}

impl Manifest {
    /// Checks what one path alone does not show: each path once, in byte order, and none through another.
    ///
    /// # Errors
    /// Names the first contradiction.
    pub fn check(&self) -> Result<(), ManifestRefused> {
        if self.version != 1 {
            return Err(ManifestRefused::Version(self.version));
        }
        for pair in self.changes.windows(2) {
            if let [before, after] = pair
                && before.path.as_str() >= after.path.as_str()
            {
                return Err(ManifestRefused::Order(after.path.clone()));
            }
        }
        let put = |changed: &&ChangedFile| matches!(changed.change, Change::Put { .. });
        let puts: BTreeMap<&str, &RepositoryPath> =
            self.changes.iter().filter(put).map(|changed| (changed.path.as_str(), &changed.path)).collect();
        for inner in puts.values() {
            let path = inner.as_str();
            let folders = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
            if let Some(outer) = folders.into_iter().find_map(|folder| puts.get(folder)) {
                return Err(ManifestRefused::Through { inner: (*inner).clone(), outer: (*outer).clone() });
            }
        }
        Ok(())
    }
}

/// A stored piece of content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blob {
    /// SHA-256 of the content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// One changed path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangedFile {
    /// Relative to the repository's root.
    pub path: RepositoryPath,
    /// What it became.
    #[serde(flatten)]
    pub change: Change,
}

/// What a changed path became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "change")]
pub enum Change {
    /// New, or with new content or mode.
    #[serde(rename_all = "camelCase")]
    Put {
        /// The mode it has now.
        mode: FileMode,
        /// Its content (a symbolic link's is its destination).
        content: Blob,
        /// Whether the path was not there before.
        added: bool,
        /// Whether the content is valid UTF-8 without NUL, so that it can travel inline.
        text: bool,
    },
    /// No longer there.
    Delete,
}

/// The modes a file in a git tree can have here. Submodules are never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileMode {
    /// An ordinary file, 100644.
    #[serde(rename = "100644")]
    Regular,
    /// An executable file, 100755.
    #[serde(rename = "100755")]
    Executable,
    /// A symbolic link, 120000.
    #[serde(rename = "120000")]
    Symlink,
}

impl FileMode {
    /// As git and GitHub's trees write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }
}

/// How one step went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The exit code; 128 + n where signal n ended it.
    pub exit_code: i32,
    /// How long it ran, in milliseconds.
    pub milliseconds: u64,
}
