//! Promises about a pull request's end and what is said on it: closing, opening again, comments, the branch.

use super::{
    publishing::open,
    stage::{Stage, permit},
};
use crate::ports::{CodeHostError, ReadBudget, memory::SeedFile};
use campaigns_domain::publish::PullRequestState;

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn closes_and_opens_again(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("ends", &[SeedFile::new("a", "1")]).await;
    let (pull, commit) = open(stage, &repository, "ours/too").await;
    let number = pull.reference.number;
    let set = |open| host.set_pull_request_open(&repository, number, open, permit());
    for _ in 0..2 {
        let closed = set(false).await.expect("closing it twice is closing it once");
        assert_eq!(closed.state, PullRequestState::Closed);
    }
    assert_eq!(set(true).await.expect("it opens again").state, PullRequestState::Open);
    set(false).await.expect("it closes");
    let elsewhere = stage.push(&repository, "main", "b", "2").await;
    let moved = host.delete_branch(&repository, "ours/too", &elsewhere, permit()).await;
    assert!(matches!(moved, Err(CodeHostError::Conflict(_))), "its head is another: {moved:?}");
    assert!(
        host.branch(&repository, "ours/too", &ReadBudget::unlimited()).await.expect("an answer").is_some()
    );
    host.delete_branch(&repository, "ours/too", &commit, permit()).await.expect("the branch goes");
    assert_eq!(host.branch(&repository, "ours/too", &ReadBudget::unlimited()).await, Ok(None));
    let gone = host.delete_branch(&repository, "ours/too", &commit, permit()).await;
    assert!(matches!(gone, Err(CodeHostError::Conflict(_))), "it is gone already: {gone:?}");
    let lost = set(true).await;
    assert!(matches!(lost, Err(CodeHostError::Refused(_))), "without its branch it stays closed: {lost:?}");
    host.create_branch(&repository, "ours/too", &commit, permit()).await.expect("the branch comes back");
    assert_eq!(set(true).await.expect("it opens again").state, PullRequestState::Open);
    host.delete_branch(&repository, "ours/too", &commit, permit()).await.expect("the branch goes");
    let seen = host.pull_request(&repository, number, &ReadBudget::unlimited()).await.expect("it answers");
    assert_eq!(seen.state, PullRequestState::Closed, "without its branch it closes");
    let (other, _) = open(stage, &repository, "merged").await;
    stage.merge(&repository, other.reference.number).await;
    let merged = host.set_pull_request_open(&repository, other.reference.number, true, permit()).await;
    assert!(matches!(merged, Err(CodeHostError::Refused(_))), "what is merged stays so: {merged:?}");
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn says_what_it_is_told(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("talks", &[SeedFile::new("a", "1")]).await;
    let (pull, _) = open(stage, &repository, "ours").await;
    let number = pull.reference.number;
    assert_eq!(host.comments(&repository, number, &ReadBudget::unlimited()).await, Ok(vec![]));
    let marked = "Please look.\n\n<!-- campaigns:effect=1 -->";
    host.create_comment(&repository, number, marked, permit()).await.expect("a comment");
    host.create_comment(&repository, number, "And now?", permit()).await.expect("another");
    assert_eq!(
        host.comments(&repository, number, &ReadBudget::unlimited()).await,
        Ok(vec![marked.to_owned(), "And now?".to_owned()])
    );
    let nowhere = host.comments(&repository, 4711, &ReadBudget::unlimited()).await;
    assert!(matches!(nowhere, Err(CodeHostError::NotFound(_))), "{nowhere:?}");
}
