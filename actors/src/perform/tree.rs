//! Writing a result's tree: its blobs, then its trees, each on top of the one before.
//!
//! Content-addressed, so doing it twice does it once. Deliberately absent: the plan
//! (`campaigns_domain::publish::commit`).

use super::{
    halt::{Halt, limits},
    permits::Writes,
};
use crate::ports::{ArtifactKey, RepositoryRef};
use bytes::Bytes;
use campaigns_domain::{
    changeset::Changeset,
    execution::{Manifest, manifest::Blob},
    id::{Digest, ExecutionId},
    publish::{
        budget::WriteKind,
        commit::{EntryContent, PlannedContent, PlannedEntry, TreeEntry, TreeLimits, TreePlan},
    },
};
use std::collections::HashMap;

/// Writes the tree that the changeset wants; its object id.
pub(super) async fn write(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
) -> Result<String, Halt> {
    let execution = changeset.wanted.execution();
    let manifest = manifest(writes, changeset).await?;
    let plan = TreePlan::new(&manifest, TreeLimits::default());
    let host = &writes.scope.world.ports.code_host;
    let mut uploaded: HashMap<Digest, String> = HashMap::new();
    for blob in &plan.blobs {
        let content = content(writes, &ArtifactKey::Content(execution, blob.digest.clone())).await?;
        let sent = writes
            .send(WriteKind::Blob, |permit| host.create_blob(repository, content.clone(), permit))
            .await?;
        uploaded.insert(blob.digest.clone(), limits(writes, sent)?);
    }
    let mut tree = changeset.wanted.base.0.clone();
    for planned in plan.trees {
        let mut entries = Vec::with_capacity(planned.len());
        for entry in planned {
            entries.push(resolve(writes, execution, &uploaded, entry).await?);
        }
        let sent = writes
            .send(WriteKind::Tree, |permit| host.create_tree(repository, &tree, &entries, permit))
            .await?;
        tree = limits(writes, sent)?;
    }
    Ok(tree)
}

/// What the result that the changeset wants has changed.
pub(super) async fn manifest(writes: &Writes<'_>, changeset: &Changeset) -> Result<Manifest, Halt> {
    let execution = changeset.wanted.execution();
    let stored = content(writes, &ArtifactKey::Manifest(execution)).await?;
    serde_json::from_slice(&stored)
        .map_err(|error| Halt::refused(format!("the stored manifest of {execution} cannot be read: {error}")))
}

async fn resolve(
    writes: &Writes<'_>,
    execution: ExecutionId,
    uploaded: &HashMap<Digest, String>,
    entry: PlannedEntry,
) -> Result<TreeEntry, Halt> {
    let content = match entry.content {
        PlannedContent::Delete => EntryContent::Delete,
        PlannedContent::Inline { mode, content: Blob { digest, .. } } => {
            let stored = content(writes, &ArtifactKey::Content(execution, digest)).await?;
            let text = String::from_utf8(stored.into()).map_err(|_| {
                Halt::refused(format!(
                    "the stored content of `{}` is not the text it was recorded as",
                    entry.path
                ))
            })?;
            EntryContent::Inline { mode, text }
        }
        PlannedContent::Uploaded { mode, content: Blob { digest, .. } } => {
            let sha = uploaded.get(&digest).cloned();
            let sha =
                sha.ok_or_else(|| Halt::refused(format!("the content of `{}` was not planned", entry.path)))?;
            EntryContent::Blob { mode, sha }
        }
    };
    Ok(TreeEntry { path: entry.path, content })
}

/// A stored content. One that is gone will not come back; one that cannot be read now may.
async fn content(writes: &Writes<'_>, key: &ArtifactKey) -> Result<Bytes, Halt> {
    match writes.scope.world.ports.artifacts.get(key).await {
        Ok(Some(content)) => Ok(content),
        Ok(None) => {
            Err(Halt::refused(format!("the stored result is incomplete: {key} is not there; run again")))
        }
        Err(error) => Err(Halt::deferred(error.to_string())),
    }
}
