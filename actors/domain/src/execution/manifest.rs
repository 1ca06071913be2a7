//! The result of one execution: which files changed and to what, and how each step went.
//!
//! An exit code of 0 without a complete manifest is never success. Contents are stored beside it, by digest;
//! the unified diff is for people and is never applied. Deliberately absent: reading or writing it.

use super::path::RepositoryPath;
use crate::id::{CommitSha, Digest};
use serde::{Deserialize, Serialize};

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
