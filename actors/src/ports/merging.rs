//! The code host, as far as a pull request's way into its base goes: ready for review, and merged.
//!
//! Deliberately absent: deciding (`campaigns_domain::publish::merge_step`), and jumping a queue.

use super::{CodeHostError, Permit, ReadBudget, RepositoryRef};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::PullRequestRef,
    id::CommitSha,
    publish::{MergeMethod, MergeRules},
};

/// What brings a pull request on its way, each by one permit.
#[async_trait]
pub trait Merging: Send + Sync + 'static {
    /// Marks a draft ready for review. On one that is ready it changes nothing.
    async fn mark_ready(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        permit: Permit,
    ) -> Result<(), CodeHostError>;

    /// How the repository lets pull requests be merged, and what is known of the rules of the branch. What may not be
    /// read is said in the answer and is no error.
    async fn merge_rules(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<MergeRules, CodeHostError>;

    /// Has the code host merge it by itself, once everything that is required is there.
    ///
    /// # Errors
    /// [`CodeHostError::Conflict`] where `head` is not its head, or nothing is missing any more: observe again.
    async fn enable_auto_merge(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        head: &CommitSha,
        method: MergeMethod,
        permit: Permit,
    ) -> Result<(), CodeHostError>;

    /// Puts it at the end of the merge queue of its base branch.
    ///
    /// # Errors
    /// [`CodeHostError::Conflict`] where `head` is not its head, or it is in the queue already: observe again.
    async fn enqueue(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        head: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError>;

    /// Merges it now. Whoever may pass the rules of the branch passes them by this: the caller has made sure.
    ///
    /// # Errors
    /// [`CodeHostError::Conflict`] where `head` is not its head, or its base has moved meanwhile: observe again.
    async fn merge(
        &self,
        repository: &RepositoryRef,
        number: u64,
        head: &CommitSha,
        method: MergeMethod,
        permit: Permit,
    ) -> Result<(), CodeHostError>;
}
