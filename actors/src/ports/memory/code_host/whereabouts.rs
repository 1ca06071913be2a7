//! Where repositories of the in-memory code host are, and who is let in.
//!
//! Deliberately absent: other owners; whoever needs one has a fault say so.

use super::{MemoryCodeHost, Operation};
use crate::ports::{CodeHostError, ReadBudget, RepositoryRef, Whereabouts};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::{Away, AwayCause},
    id::RepositoryName,
};

/// It is out of reach for this cause.
pub(super) fn away(cause: AwayCause, reason: String) -> CodeHostError {
    CodeHostError::Away(Away { cause, reason })
}

impl MemoryCodeHost {
    /// Takes a repository from those that Campaigns may see, or gives it back.
    pub fn close_to_us(&self, repository: &RepositoryRef, closed: bool) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id) {
            found.closed = closed;
        }
    }

    /// Makes a read-only repository writable again.
    pub fn unarchive(&self, repository: &RepositoryRef) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id) {
            found.archived = false;
        }
    }
}

#[async_trait]
impl Whereabouts for MemoryCodeHost {
    async fn whereabouts(
        &self,
        repository: &RepositoryRef,
        budget: &ReadBudget,
    ) -> Result<RepositoryName, CodeHostError> {
        let name = &repository.name;
        let found = self.call(Operation::Whereabouts, repository, budget, |found, _| {
            if found.archived {
                return Err(away(AwayCause::Archived, format!("{} is archived and read-only", found.name)));
            }
            Ok(found.name.clone())
        });
        match found.await {
            Err(CodeHostError::NotFound(_)) => {
                let taken = self.lock().repositories.values().any(|other| other.name == *name);
                let gone = format!("the repository {name} is gone, or Campaigns may no longer see it");
                Err(match taken && !self.lock().repositories.contains_key(&repository.id) {
                    true => away(AwayCause::Replaced, format!("{name} is another repository now")),
                    false => away(AwayCause::Gone, gone),
                })
            }
            other => other,
        }
    }
}
