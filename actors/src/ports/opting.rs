//! The code host, as far as it tells who wants no campaigns.
//!
//! Deliberately absent: what follows from it (`campaigns_domain::selection`).

use super::{CodeHostError, ReadBudget, RepositoryRef};
use async_trait::async_trait;
use campaigns_domain::{id::RepositoryName, selection::OptOut};

/// What one repository says about campaigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What it says.
    pub says: OptOut,
    /// What it is called by now: who has it shows in this.
    pub name: RepositoryName,
}

/// What repositories say about campaigns.
#[async_trait]
pub trait Opting: Send + Sync + 'static {
    /// What each of these repositories of one owner says, in their order; at most
    /// [`MOST_READ_AT_ONCE`](super::MOST_READ_AT_ONCE).
    ///
    /// # Errors
    /// For one of them: [`CodeHostError::NotFound`] where the code host names it as not there, and any other where it
    /// was not read whole; [`CodeHostError::NotFound`] too where another repository has the name by now. For all: nothing
    /// was read.
    async fn opt_outs(
        &self,
        owner: &str,
        repositories: &[RepositoryRef],
        budget: &ReadBudget,
    ) -> Result<Vec<Result<Wish, CodeHostError>>, CodeHostError>;
}
