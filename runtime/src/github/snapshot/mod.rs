//! A commit's tree as an uncompressed tar: every path at its exact bytes and mode.
//!
//! GitHub's archive is one request, but not the tree: it leaves out `export-ignore`d files, rewrites line
//! endings and fills in `export-subst`. So the tree's id is computed from what came; where it is the commit's,
//! the archive was exact. Otherwise the tree is listed and whatever content is not there is mended: line endings
//! by undoing them, everything else by fetching the blob. Every content is taken by its git blob id alone.
//! Deliberately absent: submodules and what is behind LFS pointers, which stay pointers.

mod archive;
mod mend;
mod spool;
mod tree;

pub(super) use mend::RAW;

use super::GitHub;
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef, git_objects};
use campaigns_domain::id::CommitSha;
use spool::{Content, Spool};
use std::path::Path;

/// One file of a tree.
#[derive(Debug, Clone)]
struct File {
    path: Vec<u8>,
    /// `100644`, `100755` or `120000`.
    mode: &'static str,
    id: [u8; 20],
}

/// What an archive held.
struct Unpacked {
    files: Vec<(File, Content)>,
    spool: Spool,
}

impl GitHub {
    pub(super) async fn write_snapshot(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        to: &Path,
        budget: &ReadBudget,
    ) -> Result<(), CodeHostError> {
        let doing = format!("taking a snapshot of {} at {commit}", self.name(repository));
        let unpacked = self.unpack(repository, commit, &doing, budget).await?;
        let known = super::lock(&self.trees).get(&commit.0);
        let (unpacked, exact) = off_thread(move || {
            let files = unpacked.files.iter().map(|(file, _)| (file.path.as_slice(), file.mode, file.id));
            let exact = known.is_some_and(|tree| git_objects::tree_id(files) == tree);
            (unpacked, exact)
        })
        .await?;
        let whole =
            if exact { unpacked } else { self.mend(repository, commit, unpacked, &doing, budget).await? };
        let path = to.to_owned();
        off_thread(move || whole.spool.into_tar(whole.files, &path)).await?.map_err(|error| {
            CodeHostError::Unavailable(format!("{doing}: {} could not be written: {error}", to.display()))
        })
    }
}

/// Runs what reads and writes files, or hashes much, off the async threads.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CodeHostError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| CodeHostError::Unavailable(format!("a snapshot's worker ended early: {error}")))
}
