//! Promises about a pull request's way into its base: ready for review.

use super::{
    publishing::{open_as, proposal},
    stage::{Stage, expired, permit},
};
use crate::ports::{CodeHostError, NewPullRequest, ReadBudget, memory::SeedFile};

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn marks_a_draft_ready(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("drafts", &[SeedFile::new("a", "1")]).await;
    let draft = NewPullRequest { draft: true, ..proposal("ours") };
    let (pull, _) = open_as(stage, &repository, &draft).await;
    assert!(pull.draft);
    let late = host.mark_ready(&repository, &pull.reference, expired()).await;
    assert_eq!(late, Err(CodeHostError::PermitExpired));
    for _ in 0..2 {
        let marked = host.mark_ready(&repository, &pull.reference, permit()).await;
        assert_eq!(marked, Ok(()), "marking it twice is marking it once");
        let seen = host.pull_request(&repository, pull.reference.number, &ReadBudget::unlimited()).await;
        assert!(!seen.expect("it answers").draft);
    }
    let mut nowhere = pull.reference.clone();
    (nowhere.node_id, nowhere.number) = (stage.absent_node(), 4711);
    let lost = host.mark_ready(&repository, &nowhere, permit()).await;
    assert!(matches!(lost, Err(CodeHostError::NotFound(_))), "{lost:?}");
    stage.close(&repository, pull.reference.number).await;
    let closed = host.mark_ready(&repository, &pull.reference, permit()).await;
    assert!(matches!(closed, Err(CodeHostError::Refused(_))), "a closed one is not marked: {closed:?}");
}
