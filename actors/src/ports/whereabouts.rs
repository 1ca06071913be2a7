//! The code host, as far as it tells where a repository is by now.
//!
//! Deliberately absent: what follows from it (`campaigns_domain::changeset`).

use super::{CodeHostError, ReadBudget, RepositoryRef};
use async_trait::async_trait;
use campaigns_domain::id::RepositoryName;

/// Where repositories are.
#[async_trait]
pub trait Whereabouts: Send + Sync + 'static {
    /// Where a repository is by now, found by its id: its name, where it can be read and written to.
    ///
    /// # Errors
    /// [`CodeHostError::Away`] where it is out of reach although the organisation's credential is in order. Any other
    /// says nothing about the repository, [`CodeHostError::NotFound`] not excepted.
    async fn whereabouts(
        &self,
        repository: &RepositoryRef,
        budget: &ReadBudget,
    ) -> Result<RepositoryName, CodeHostError>;
}
