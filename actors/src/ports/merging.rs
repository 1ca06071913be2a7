//! The code host, as far as a pull request's way into its base goes: ready for review, and merged.
//!
//! Deliberately absent: deciding (`campaigns_domain::publish`), and whatever would pass a rule of the branch.

use super::{CodeHostError, Permit, RepositoryRef};
use async_trait::async_trait;
use campaigns_domain::changeset::PullRequestRef;

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
}
