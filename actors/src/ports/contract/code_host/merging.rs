//! Promises about a pull request's way into its base: ready for review, arranged, merged.

use super::{
    publishing::{open, open_as, proposal},
    stage::{Stage, expired, permit},
};
use crate::ports::{CodeHostError, NewPullRequest, ReadBudget, RepositoryRef, memory::SeedFile};
use campaigns_domain::{
    id::CommitSha,
    publish::{Bound, MergeMethod, MergeRules, MergeState, PullRequestState},
};

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
async fn rules(stage: &dyn Stage, repository: &RepositoryRef) -> MergeRules {
    stage.host().merge_rules(repository, "main", &ReadBudget::unlimited()).await.expect("it answers")
}

/// A head that nothing has.
fn other() -> CommitSha {
    CommitSha("0123456789".repeat(4))
}

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

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn arranges_a_merge(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("arranged", &[SeedFile::new("a", "1")]).await;
    let (pull, head) = open(stage, &repository, "ours").await;
    let (ours, number) = (&pull.reference, pull.reference.number);
    let told = rules(stage, &repository).await;
    assert_eq!((told.auto_merge, told.queue, &told.bound), (false, false, &Bound::Certainly));
    assert_eq!(told.methods, MergeMethod::ALL);
    let of = &repository;
    let enable = |head: CommitSha| async move {
        host.enable_auto_merge(of, ours, &head, MergeMethod::Squash, permit()).await
    };
    let refused = enable(head.clone()).await;
    assert!(matches!(refused, Err(CodeHostError::Refused(_))), "it is not allowed there: {refused:?}");
    stage.allow_auto_merge(&repository).await;
    assert!(rules(stage, &repository).await.auto_merge);
    let green = enable(head.clone()).await;
    assert!(matches!(green, Err(CodeHostError::Conflict(_))), "nothing is missing: {green:?}");
    stage.demand_check(&repository, number).await;
    assert_eq!(rules(stage, &repository).await.bound, Bound::Certainly, "and we may not pass it");
    let moved = enable(other()).await;
    assert!(matches!(moved, Err(CodeHostError::Conflict(_))), "it has another head: {moved:?}");
    assert_eq!(enable(head.clone()).await, Ok(()));
    let node = [ours.node_id.clone()];
    let read = host.read_pull_requests(&stage.owner(), &node, &ReadBudget::unlimited()).await;
    let read = read.expect("it answers").remove(0).expect("it is there");
    assert_eq!((read.auto_merge, read.merge_state), (Some(MergeMethod::Squash), MergeState::Blocked));
    let merged = host.merge(&repository, number, &head, MergeMethod::Merge, permit()).await;
    assert!(matches!(merged, Err(CodeHostError::Refused(_))), "its rules forbid it as yet: {merged:?}");
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn merges_what_it_was_told(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("merged-by-us", &[SeedFile::new("a", "1")]).await;
    let (pull, head) = open(stage, &repository, "ours").await;
    let number = pull.reference.number;
    let queue = host.enqueue(&repository, &pull.reference, &head, permit()).await;
    assert!(matches!(queue, Err(CodeHostError::Refused(_))), "there is no queue: {queue:?}");
    let moved = host.merge(&repository, number, &other(), MergeMethod::Merge, permit()).await;
    assert!(matches!(moved, Err(CodeHostError::Conflict(_))), "it has another head: {moved:?}");
    let state = || async {
        let seen = host.pull_request(&repository, number, &ReadBudget::unlimited()).await;
        seen.expect("it answers").state
    };
    assert_eq!(state().await, PullRequestState::Open);
    assert_eq!(host.merge(&repository, number, &head, MergeMethod::Merge, permit()).await, Ok(()));
    assert_eq!(state().await, PullRequestState::Merged);
}
