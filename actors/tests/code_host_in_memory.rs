//! The in-memory code host holds to the port's contract.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use async_trait::async_trait;
use campaigns_actors::ports::{
    CodeHost, CodeHostError, ReadBudget, RepositoryRef,
    contract::code_host::{Stage, WriteKind, hold},
    memory::{Fault, FaultEffect, MemoryCodeHost, Operation, SeedFile},
};
use campaigns_domain::{
    id::{CommitSha, RepositoryName},
    publish::MergeState,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

struct InMemory(MemoryCodeHost);

fn operation(of: WriteKind) -> Operation {
    match of {
        WriteKind::CreateTree => Operation::CreateTree,
        WriteKind::CreateCommit => Operation::CreateCommit,
        WriteKind::CreateBranch => Operation::CreateBranch,
        WriteKind::AdvanceBranch => Operation::AdvanceBranch,
        WriteKind::CreatePullRequest => Operation::CreatePullRequest,
    }
}

fn name(name: &str) -> RepositoryName {
    RepositoryName::new("acme", name).unwrap()
}

#[async_trait]
impl Stage for InMemory {
    fn host(&self) -> &dyn CodeHost {
        &self.0
    }
    fn owner(&self) -> String {
        "acme".to_owned()
    }
    async fn repository(&self, of: &str, files: &[SeedFile]) -> RepositoryRef {
        self.0.add_repository(&name(of), files)
    }
    async fn push(&self, repository: &RepositoryRef, branch: &str, path: &str, content: &str) -> CommitSha {
        let file = SeedFile::new(path, content.to_owned());
        self.0.push(repository, branch, &[file], "By hand").unwrap()
    }
    async fn merge(&self, repository: &RepositoryRef, number: u64) {
        self.0.merge(repository, number);
    }
    async fn close(&self, repository: &RepositoryRef, number: u64) {
        self.0.close(repository, number);
    }
    async fn delete_branch(&self, repository: &RepositoryRef, branch: &str) {
        self.0.delete_branch(repository, branch);
    }
    async fn rename(&self, repository: &RepositoryRef, to: &str) {
        self.0.rename(repository, &name(to));
    }
    async fn add_topic(&self, repository: &RepositoryRef, topic: &str) {
        self.0.add_topic(repository, topic);
    }

    async fn archive(&self, repository: &RepositoryRef) {
        self.0.archive(repository);
    }
    async fn demand_check(&self, repository: &RepositoryRef, number: u64) {
        self.0.change(repository, number, |_, said| said.merge_state = MergeState::Blocked);
    }
    async fn allow_auto_merge(&self, repository: &RepositoryRef) {
        self.0.rule(repository, |rules| rules.auto_merge = true);
    }
    async fn lose_answer(&self, repository: &RepositoryRef, of: WriteKind) {
        self.0.add_fault(Fault::next(operation(of), FaultEffect::LoseAnswer).of(repository.name.name()));
    }
    async fn limit(&self, repository: &RepositoryRef, of: WriteKind, wait: Duration) {
        let effect = FaultEffect::Refuse(CodeHostError::Limited { wait, reason: "too fast".to_owned() });
        self.0.add_fault(Fault::next(operation(of), effect).of(repository.name.name()));
    }
    fn absent_node(&self) -> String {
        "PR_0_0".to_owned()
    }
    async fn writes(&self, repository: &RepositoryRef) -> usize {
        let of = repository.name.to_string();
        self.0.calls().iter().filter(|call| call.of == of && call.operation.writes()).count()
    }
}

#[tokio::test]
async fn memory_holds_to_the_contract() {
    hold(&InMemory(MemoryCodeHost::new())).await;
}

#[tokio::test]
async fn faults_count_down_and_an_answer_can_be_held() {
    let host = Arc::new(MemoryCodeHost::new());
    let repository = host.add_repository(&name("a"), &[SeedFile::new("a", "1")]);
    let mut fault =
        Fault::next(Operation::Base, FaultEffect::Refuse(CodeHostError::Unavailable("down".to_owned())));
    fault.after = 1;
    fault.times = 2;
    host.add_fault(fault);
    let answers = [
        host.base(&repository, "main", &ReadBudget::unlimited()).await.is_ok(),
        host.base(&repository, "main", &ReadBudget::unlimited()).await.is_ok(),
        host.base(&repository, "main", &ReadBudget::unlimited()).await.is_ok(),
        host.base(&repository, "main", &ReadBudget::unlimited()).await.is_ok(),
    ];
    assert_eq!(answers, [true, false, false, true]);

    let gate = Arc::new(Semaphore::new(0));
    host.add_fault(Fault::next(Operation::Branch, FaultEffect::HoldAnswer(Arc::clone(&gate))));
    let waiting = tokio::spawn({
        let (host, repository) = (Arc::clone(&host), repository.clone());
        async move { host.branch(&repository, "main", &ReadBudget::unlimited()).await }
    });
    while host.calls().iter().all(|call| call.operation != Operation::Branch) {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    gate.add_permits(1);
    assert!(waiting.await.unwrap().unwrap().is_some());
}
