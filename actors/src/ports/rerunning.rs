//! The code host, as far as running failed checks again goes.
//!
//! Deliberately absent: deciding what is asked for, and checks that only their makers can run again.

use super::{CodeHostError, Permit, ReadBudget, RepositoryRef};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::{FailedChecks, FailedRun},
    id::CommitSha,
};

/// What finds failed checks, and has them run again by one permit each.
#[async_trait]
pub trait Rerunning: Send + Sync + 'static {
    /// What has failed at a commit, as it is now: attempts of workflow runs, and what cannot be run again with the
    /// reason; complete, or an error.
    async fn failed_checks(
        &self,
        repository: &RepositoryRef,
        head: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<FailedChecks, CodeHostError>;

    /// Has the failed jobs of a workflow run, and those that depend on them, run again: its next attempt. Nothing pins
    /// it to an attempt: whoever repeats it looks first.
    async fn rerun_failed_jobs(
        &self,
        repository: &RepositoryRef,
        failed: &FailedRun,
        permit: Permit,
    ) -> Result<(), CodeHostError>;
}
