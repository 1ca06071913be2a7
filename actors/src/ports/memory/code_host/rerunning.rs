//! Failed checks and running them again in the in-memory code host. What fails is what [`MemoryCodeHost::fail_workflow`]
//! says.
//!
//! Deliberately absent: jobs, and how a re-run ends.

use super::{MemoryCodeHost, Operation};
use crate::ports::{CodeHostError, Permit, ReadBudget, RepositoryRef, Rerunning};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::{Checks, FailedChecks, FailedRun},
    id::CommitSha,
};

/// A workflow run.
#[derive(Debug)]
pub(super) struct Workflow {
    head: CommitSha,
    run: FailedRun,
    failed: bool,
}

impl MemoryCodeHost {
    /// Has a workflow of a pull request's head fail, at its next attempt where it has run before.
    pub fn fail_workflow(&self, repository: &RepositoryRef, number: u64, name: &str) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id)
            && let Ok(at) = found.pull_at(number)
        {
            let head = found.pulls[at].head.clone();
            found.said[at].checks = Checks::Failed;
            let known = found.workflows.iter_mut().find(|known| known.head == head && known.run.name == name);
            match known {
                Some(known) => known.failed = true,
                None => {
                    let run = u64::try_from(found.workflows.len()).unwrap_or(u64::MAX).saturating_add(1);
                    let run = FailedRun { run, attempt: 1, name: name.to_owned() };
                    found.workflows.push(Workflow { head, run, failed: true });
                }
            }
        }
    }

    /// The attempt that a workflow is at, by name; 0 for none.
    pub fn workflow_attempt(&self, repository: &RepositoryRef, name: &str) -> u32 {
        let world = self.lock();
        let mut all = world.repositories.get(&repository.id).into_iter().flat_map(|found| &found.workflows);
        all.rfind(|workflow| workflow.run.name == name).map_or(0, |workflow| workflow.run.attempt)
    }
}

#[async_trait]
impl Rerunning for MemoryCodeHost {
    async fn failed_checks(
        &self,
        repository: &RepositoryRef,
        head: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<FailedChecks, CodeHostError> {
        self.call(Operation::FailedChecks, repository, budget, |found, _| {
            let failed = found.workflows.iter().filter(|workflow| workflow.failed && workflow.head == *head);
            let runs = failed.map(|workflow| workflow.run.clone()).collect();
            Ok(FailedChecks { head: head.clone(), runs, left: vec![] })
        })
        .await
    }

    async fn rerun_failed_jobs(
        &self,
        repository: &RepositoryRef,
        failed: &FailedRun,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.call(Operation::RerunFailedJobs, repository, permit, |found, _| {
            let missing = || CodeHostError::NotFound(format!("the workflow run {}", failed.run));
            let known = found.workflows.iter_mut().find(|known| known.run.run == failed.run);
            let known = known.ok_or_else(missing)?;
            if !known.failed {
                return Err(CodeHostError::Refused("This workflow is already running".to_owned()));
            }
            known.failed = false;
            known.run.attempt += 1;
            let head = known.head.clone();
            for (pull, said) in found.pulls.iter().zip(&mut found.said) {
                if pull.head == head {
                    said.checks = Checks::Pending;
                }
            }
            Ok(())
        })
        .await
    }
}
