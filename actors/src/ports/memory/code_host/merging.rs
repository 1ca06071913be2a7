//! A pull request's way into its base in the in-memory code host.
//!
//! Deliberately absent: rights.

use super::{MemoryCodeHost, Operation, Repository};
use crate::ports::{CodeHostError, Merging, Permit, RepositoryRef};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::PullRequestRef,
    publish::{MergeState, PullRequestState},
};

/// Where an open pull request is kept.
fn open_at(found: &Repository, number: u64) -> Result<usize, CodeHostError> {
    let at = found.pull_at(number)?;
    match found.pulls[at].state {
        PullRequestState::Open => Ok(at),
        _ => Err(CodeHostError::Refused(format!("the pull request {number} is closed"))),
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
}
