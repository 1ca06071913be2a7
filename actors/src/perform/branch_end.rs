//! The end of a branch of ours: it is deleted where it still holds our last head, which the code host itself compares.
//!
//! Doing it twice does it once: a branch that is gone is gone, whoever deleted it. Deliberately absent: which branches
//! are to go (`campaigns_domain::changeset`), and when (`limiter::tidy`).

use super::{
    halt::{Halt, limits},
    pace::Pace,
    permits::Writes,
    publish::Sent,
};
use crate::{ports::RepositoryRef, scope::Scope};
use campaigns_domain::{
    changeset::Changeset,
    id::{ChangesetId, CommitSha},
    publish::budget::WriteKind,
};
use std::sync::Arc;

/// What became of a branch.
#[derive(Debug)]
pub(crate) enum Tidied {
    /// It is gone.
    Gone,
    /// It stays, for this reason.
    Left(String),
    /// Not now; it is looked at again.
    Later,
    /// The shard has another owner.
    Fenced,
}

/// Sees to the branches of these merged pull requests, one after another.
pub(crate) async fn tidy(
    scope: Scope,
    pace: Arc<Pace>,
    merged: Vec<Changeset>,
) -> Vec<(ChangesetId, Tidied)> {
    let mut done = Vec::with_capacity(merged.len());
    for mut changeset in merged {
        // That its run was cancelled does not hold it up: the pull request was merged all the same.
        changeset.errand.beyond = true;
        let writes = Writes::new(&scope, &pace, &changeset);
        let tidied = match see_to(&writes, &changeset).await {
            Ok(None) => Tidied::Gone,
            Ok(Some(reason)) => Tidied::Left(reason),
            Err(Halt::Sent(Sent::Refused(reason)) | Halt::Missing(reason)) => Tidied::Left(reason),
            Err(Halt::Sent(Sent::Away(away))) => Tidied::Left(away.reason),
            Err(Halt::Sent(Sent::Fenced)) => Tidied::Fenced,
            Err(halt) => {
                tracing::debug!(changeset = %changeset.id, ?halt, "a branch is looked at again later");
                Tidied::Later
            }
        };
        done.push((changeset.id, tidied));
    }
    done
}

/// Why the branch stays; none where it is gone.
async fn see_to(writes: &Writes<'_>, changeset: &Changeset) -> Result<Option<String>, Halt> {
    writes.gate().await.map_err(|closed| Halt::Sent(closed.into()))?;
    let repository = RepositoryRef { id: changeset.repository_id, name: changeset.repository.clone() };
    let Some(ours) = &changeset.head else { return Ok(Some("it is not known what was ours".to_owned())) };
    let host = &writes.scope.world.ports.code_host;
    let branch = limits(writes, host.branch(&repository, &changeset.head_branch, &writes.reads).await)?;
    match branch {
        None => Ok(None),
        Some(branch) if branch.commit != *ours => Ok(Some(moved(changeset))),
        Some(_) => delete(writes, &repository, changeset, ours).await,
    }
}

/// Deletes the branch where its head is `at`; why it stays, where it does.
pub(super) async fn delete(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    at: &CommitSha,
) -> Result<Option<String>, Halt> {
    let (host, name) = (&writes.scope.world.ports.code_host, &changeset.head_branch);
    let delete = |permit| host.delete_branch(repository, name, at, permit);
    let words = match limits(writes, writes.send(WriteKind::BranchDeletion, delete).await?) {
        Ok(()) => return Ok(None),
        Err(Halt::Again(words)) => words,
        Err(halt) => return Ok(Some(format!("its branch stays: {}", halt.into_refusal()?))),
    };
    // Somebody was faster, our answer was lost, or it is not wanted: what is there tells.
    match limits(writes, host.branch(repository, name, &writes.reads).await)? {
        None => Ok(None),
        Some(branch) if branch.commit != *at => Ok(Some(moved(changeset))),
        Some(_) => Ok(Some(format!("its branch stays: {words}"))),
    }
}

fn moved(changeset: &Changeset) -> String {
    format!("its branch `{}` stays: it holds what Campaigns did not put there", changeset.head_branch)
}
