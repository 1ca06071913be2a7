//! Promises about where a repository is by now.

use super::stage::Stage;
use crate::ports::{CodeHostError, ReadBudget, RepositoryRef, memory::SeedFile};
use campaigns_domain::{
    changeset::AwayCause,
    id::{RepositoryId, RepositoryName},
};

async fn found(stage: &dyn Stage, repository: &RepositoryRef) -> Result<RepositoryName, AwayCause> {
    match stage.host().whereabouts(repository, &ReadBudget::unlimited()).await {
        Ok(name) => Ok(name),
        Err(CodeHostError::Away(away)) => {
            assert!(!away.reason.is_empty());
            Err(away.cause)
        }
        #[allow(clippy::panic, reason = "a contract suite reports by panicking")]
        Err(error) => panic!("it answers where {repository:?} is: {error:?}"),
    }
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn finds_a_repository_by_its_id(stage: &dyn Stage) {
    let name = |name: &str| RepositoryName::new(&stage.owner(), name).expect("a name");
    let there = stage.repository("found", &[SeedFile::new("a", "1")]).await;
    assert_eq!(found(stage, &there).await, Ok(there.name.clone()));
    stage.rename(&there, "found-elsewhere").await;
    assert_eq!(found(stage, &there).await, Ok(name("found-elsewhere")));
    // Another one takes the name that it had.
    let taker = stage.repository("found", &[SeedFile::new("a", "1")]).await;
    assert_eq!(found(stage, &there).await, Ok(name("found-elsewhere")));
    assert_eq!(found(stage, &taker).await, Ok(name("found")));
    // Two that are nowhere, one of them with the name of another.
    let id = RepositoryId(u64::from(u32::MAX));
    let replaced = RepositoryRef { id, name: name("found") };
    assert_eq!(found(stage, &replaced).await, Err(AwayCause::Replaced));
    let gone = RepositoryRef { id, name: name("found-nowhere") };
    assert_eq!(found(stage, &gone).await, Err(AwayCause::Gone));
    stage.archive(&taker).await;
    assert_eq!(found(stage, &taker).await, Err(AwayCause::Archived));
}
