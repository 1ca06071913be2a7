//! What a result becomes at GitHub: blobs, and trees one on top of the other, from the manifest alone.
//!
//! GitHub answers a tree that is too large with 422 "input was too large", and its trees are libgit2's, where a
//! path cannot be a file and a folder in one update; a plan therefore may have several trees. Deliberately absent:
//! contents (the caller reads them by digest) and sending.

use crate::{
    execution::{Change, FileMode, Manifest, RepositoryPath, manifest::Blob},
    id::Digest,
};
use std::collections::{BTreeMap, BTreeSet};

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

/// How large one request may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLimits {
    /// Bytes of contents and paths in one tree.
    pub tree_bytes: u64,
    /// Entries in one tree.
    pub tree_entries: usize,
    /// Bytes of one content that travels inline; a larger one is uploaded as a blob.
    pub inline_bytes: u64,
}

impl Default for TreeLimits {
    /// 5 MB and 1,000 entries a tree, 1 MB inline.
    fn default() -> Self {
        Self { tree_bytes: 5_000_000, tree_entries: 1000, inline_bytes: 1_000_000 }
    }
}

/// The requests that write a result's tree: first the blobs, in any order, then the trees, each on top of the one
/// before it and the first on top of the base's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreePlan {
    /// Contents to upload, each once; their object ids go into [`EntryContent::Blob`].
    pub blobs: Vec<Blob>,
    /// The trees' entries; empty where nothing changed.
    pub trees: Vec<Vec<PlannedEntry>>,
}

/// One entry of a planned tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedEntry {
    /// The path.
    pub path: RepositoryPath,
    /// What it becomes.
    pub content: PlannedContent,
}

/// What a path becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedContent {
    /// This stored text, inline.
    Inline {
        /// The mode.
        mode: FileMode,
        /// The stored content.
        content: Blob,
    },
    /// This stored content, uploaded as a blob before.
    Uploaded {
        /// The mode.
        mode: FileMode,
        /// The stored content.
        content: Blob,
    },
    /// No longer there.
    Delete,
}

impl TreePlan {
    /// Plans the requests for a result.
    pub fn new(manifest: &Manifest, limits: TreeLimits) -> Self {
        let mut blobs: BTreeMap<Digest, Blob> = BTreeMap::new();
        let entries = manifest.changes.iter().map(|changed| {
            let content = match &changed.change {
                Change::Delete => PlannedContent::Delete,
                Change::Put { mode, content, text, .. } if *text && content.size <= limits.inline_bytes => {
                    PlannedContent::Inline { mode: *mode, content: content.clone() }
                }
                Change::Put { mode, content, .. } => {
                    blobs.insert(content.digest.clone(), content.clone());
                    PlannedContent::Uploaded { mode: *mode, content: content.clone() }
                }
            };
            PlannedEntry { path: changed.path.clone(), content }
        });
        let trees =
            in_order(entries.collect()).into_iter().flat_map(|entries| split(entries, limits)).collect();
        Self { blobs: blobs.into_values().collect(), trees }
    }
}

/// Groups that have to follow one another: what is free of conflicts, then the paths that make way for a folder or
/// for a file in a folder's place, then what takes their place. Deletions that nobody waits for come last, so that
/// no tree on the way is empty without need.
fn in_order(entries: Vec<PlannedEntry>) -> Vec<Vec<PlannedEntry>> {
    let put = |entry: &&PlannedEntry| entry.content != PlannedContent::Delete;
    let puts: BTreeSet<String> = entries.iter().filter(put).map(|entry| entry.path.to_string()).collect();
    let put_folders: BTreeSet<String> = puts.iter().flat_map(|path| folders(path)).collect();
    let makes_way =
        |path: &str| put_folders.contains(path) || folders(path).any(|folder| puts.contains(&folder));
    let (deletions, puts): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.content == PlannedContent::Delete);
    let (first, last): (Vec<_>, Vec<_>) =
        deletions.into_iter().partition(|entry| makes_way(entry.path.as_str()));
    let gone: BTreeSet<String> = first.iter().map(|entry| entry.path.to_string()).collect();
    let gone_folders: BTreeSet<String> = gone.iter().flat_map(|path| folders(path)).collect();
    let (after, free): (Vec<_>, Vec<_>) = puts.into_iter().partition(|entry| {
        let path = entry.path.as_str();
        gone_folders.contains(path) || folders(path).any(|folder| gone.contains(&folder))
    });
    if first.is_empty() {
        return vec![free.into_iter().chain(after).chain(last).collect()];
    }
    vec![free, first, after.into_iter().chain(last).collect()]
}

/// The folders that a path stands in: `a/b/c` stands in `a/b` and `a`.
fn folders(path: &str) -> impl Iterator<Item = String> {
    let ends: Vec<String> = path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect();
    ends.into_iter()
}

/// Cuts a group where a request would become too large.
fn split(entries: Vec<PlannedEntry>, limits: TreeLimits) -> Vec<Vec<PlannedEntry>> {
    // The JSON around an entry: path, mode, type, and a sha or the content's quotes.
    const AROUND: u64 = 128;
    let mut trees: Vec<Vec<PlannedEntry>> = vec![];
    let mut bytes = 0;
    for entry in entries {
        let content = match &entry.content {
            PlannedContent::Inline { content, .. } => content.size,
            PlannedContent::Uploaded { .. } | PlannedContent::Delete => 0,
        };
        let size = content + AROUND + u64::try_from(entry.path.as_str().len()).unwrap_or(u64::MAX);
        match trees.last_mut() {
            Some(tree) if tree.len() < limits.tree_entries && bytes + size <= limits.tree_bytes => {
                tree.push(entry);
                bytes += size;
            }
            _ => {
                trees.push(vec![entry]);
                bytes = size;
            }
        }
    }
    trees
}
