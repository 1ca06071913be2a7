//! A pull request's way into its base, as far as it is ours: marked ready.
//!
//! Deliberately absent: deciding (`campaigns_domain::publish`).

use super::{
    permits::Writes,
    publish::{Halt, limits},
};
use crate::ports::RepositoryRef;
use campaigns_domain::{
    changeset::Changeset,
    publish::{PullRequest, budget::WriteKind, marks_ready},
};

/// Marks the draft ready, where it is wanted so.
pub(super) async fn ready(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    mut seen: PullRequest,
) -> Result<PullRequest, Halt> {
    if marks_ready(changeset, &seen) {
        let host = &writes.scope.world.ports.code_host;
        let mark = |permit| host.mark_ready(repository, &seen.reference, permit);
        limits(writes, writes.send(WriteKind::PullRequestUpdate, mark).await?)?;
        seen.draft = false;
    }
    Ok(seen)
}
