//! A pull request's way into its base in the in-memory code host.
//!
//! Deliberately absent: rights.

use super::{MemoryCodeHost, Operation, Repository, people::merge, world::refused};
use crate::ports::{CodeHostError, Merging, Permit, ReadBudget, RepositoryRef};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::PullRequestRef,
    id::CommitSha,
    publish::{Bound, MergeMethod, MergeRules, MergeState, PullRequestState, QueueState},
};

/// Where an open pull request is kept.
fn open_at(found: &Repository, number: u64) -> Result<usize, CodeHostError> {
    let at = found.pull_at(number)?;
    match found.pulls[at].state {
        PullRequestState::Open => Ok(at),
        _ => Err(refused(format!("the pull request {number} is closed"))),
    }
}

#[async_trait]
impl Merging for MemoryCodeHost {
    async fn mark_ready(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.call(Operation::MarkReady, repository, permit, |found, _| {
            let at = open_at(found, pull_request.number)?;
            found.pulls[at].draft = false;
            if found.said[at].merge_state == MergeState::Draft {
                found.said[at].merge_state = MergeState::Clean;
            }
            Ok(())
        })
        .await
    }

    async fn merge_rules(
        &self,
        repository: &RepositoryRef,
        _branch: &str,
        budget: &ReadBudget,
    ) -> Result<MergeRules, CodeHostError> {
        self.call(Operation::MergeRules, repository, budget, |found, _| Ok(found.merging.clone())).await
    }

    async fn enable_auto_merge(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        head: &CommitSha,
        method: MergeMethod,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.call(Operation::EnableAutoMerge, repository, permit, |found, _| {
            let at = pinned(found, pull_request.number, head)?;
            if !found.merging.auto_merge {
                return Err(refused("Auto merge is not allowed for this repository".to_owned()));
            }
            if !matches!(found.said[at].merge_state, MergeState::Blocked | MergeState::Behind) {
                return Err(CodeHostError::Conflict("the pull request is in clean status".to_owned()));
            }
            found.said[at].auto_merge = Some(method);
            Ok(())
        })
        .await
    }

    async fn enqueue(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        head: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.call(Operation::Enqueue, repository, permit, |found, _| {
            let at = pinned(found, pull_request.number, head)?;
            if !found.merging.queue {
                return Err(refused("the base branch has no merge queue".to_owned()));
            }
            if !is_green(found, at) {
                return Err(refused("something that is required is missing".to_owned()));
            }
            if found.said[at].queue.is_some() {
                return Err(CodeHostError::Conflict("it is in the queue already".to_owned()));
            }
            found.said[at].queue = Some(QueueState::Queued);
            Ok(())
        })
        .await
    }

    async fn merge(
        &self,
        repository: &RepositoryRef,
        number: u64,
        head: &CommitSha,
        _method: MergeMethod,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.call(Operation::Merge, repository, permit, |found, clock| {
            let at = pinned(found, number, head)?;
            // Whoever is on a bypass list passes what is required.
            let bound = found.merging.bound == Bound::Certainly;
            if bound && (found.merging.queue || !is_green(found, at)) {
                return Err(refused("something that is required is missing".to_owned()));
            }
            merge(found, number, clock);
            Ok(())
        })
        .await
    }
}

/// Where an open pull request with this head is kept.
fn pinned(found: &Repository, number: u64, head: &CommitSha) -> Result<usize, CodeHostError> {
    let at = open_at(found, number)?;
    if found.pulls[at].head == *head {
        Ok(at)
    } else {
        Err(CodeHostError::Conflict("Head branch was modified. Review and try the merge again.".to_owned()))
    }
}

fn is_green(found: &Repository, at: usize) -> bool {
    matches!(found.said[at].merge_state, MergeState::Clean | MergeState::HasHooks | MergeState::Unstable)
}
