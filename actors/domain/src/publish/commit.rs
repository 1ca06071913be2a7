//! What a result becomes at GitHub: entries of trees.
//!
//! Deliberately absent: sending them.

use crate::execution::{FileMode, RepositoryPath};

/// One entry of a tree to be written on top of a base tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// The path.
    pub path: RepositoryPath,
    /// What it becomes.
    pub content: EntryContent,
}

/// What a path becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryContent {
    /// Text that travels inline.
    Inline {
        /// The mode.
        mode: FileMode,
        /// The content.
        text: String,
    },
    /// A blob that is there already.
    Blob {
        /// The mode.
        mode: FileMode,
        /// Its object id.
        sha: String,
    },
    /// No longer there.
    Delete,
}
