//! Promises about reading many pull requests at once: each with its own answer, whole or not at all.

use super::{publishing::open, stage::Stage};
use crate::ports::{CodeHostError, ReadBudget, memory::SeedFile};
use campaigns_domain::publish::{Mergeability, PullRequestState, Reading};

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
async fn read(stage: &dyn Stage, nodes: &[String]) -> Vec<Result<Reading, CodeHostError>> {
    let budget = ReadBudget::unlimited();
    stage.host().read_pull_requests(&stage.owner(), nodes, &budget).await.expect("it answers")
}

#[allow(clippy::expect_used, clippy::panic, reason = "a contract suite reports by panicking")]
pub(super) async fn reads_many_pull_requests_at_once(stage: &dyn Stage) {
    let mut opened = vec![];
    for name in ["follow-1", "follow-2", "follow-3"] {
        let repository = stage.repository(name, &[SeedFile::new("a", "1")]).await;
        let (pull, head) = open(stage, &repository, "ours").await;
        opened.push((repository, pull, head));
    }
    let nodes: Vec<String> = opened.iter().map(|(_, pull, _)| pull.reference.node_id.clone()).collect();
    for (reading, (repository, pull, head)) in read(stage, &nodes).await.into_iter().zip(&opened) {
        let reading = reading.expect("it is there");
        assert_eq!(&reading.pull_request, pull, "one read shows what the other does");
        assert_eq!((&reading.pull_request.head, &reading.repository), (head, &repository.name));
        assert!(!reading.archived && reading.auto_merge.is_none() && reading.queue.is_none());
        assert_ne!(reading.mergeability, Mergeability::Conflicting);
    }
    // In the order that was asked for, whatever became of them; one that is not there is told apart from the rest.
    stage.merge(&opened[0].0, opened[0].1.reference.number).await;
    stage.close(&opened[1].0, opened[1].1.reference.number).await;
    stage.archive(&opened[2].0).await;
    let asked = [nodes[2].clone(), stage.absent_node(), nodes[1].clone(), nodes[0].clone()];
    let answers = read(stage, &asked).await;
    assert_eq!(answers.len(), 4);
    assert!(matches!(answers[1], Err(CodeHostError::NotFound(_))), "{:?}", answers[1]);
    let state = |place: usize| match &answers[place] {
        Ok(reading) => reading.pull_request.state,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(
        (state(0), state(2), state(3)),
        (PullRequestState::Open, PullRequestState::Closed, PullRequestState::Merged)
    );
    assert!(answers[0].as_ref().is_ok_and(|reading| reading.archived));
    assert_eq!(read(stage, &[]).await, []);
}
