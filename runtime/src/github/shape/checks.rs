//! What is read of check runs, statuses and workflow runs.
//!
//! Deliberately absent: their logs and jobs.

use campaigns_domain::changeset::FailedRun;
use serde::Deserialize;

/// Conclusions that `statusCheckRollup` counts as a failure.
const FAILED: [&str; 5] = ["failure", "timed_out", "cancelled", "action_required", "startup_failure"];

/// Those of them that GitHub runs again: the others have no jobs that failed.
const RUNS_AGAIN: [&str; 3] = ["failure", "timed_out", "cancelled"];

#[derive(Deserialize)]
pub(in crate::github) struct CheckRuns {
    pub(in crate::github) check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
pub(in crate::github) struct CheckRun {
    name: String,
    conclusion: Option<String>,
    app: Option<App>,
}

#[derive(Deserialize)]
struct App {
    slug: Option<String>,
}

impl CheckRun {
    pub(in crate::github) fn has_failed(&self) -> bool {
        self.conclusion.as_deref().is_some_and(|conclusion| FAILED.contains(&conclusion))
    }

    pub(in crate::github) fn name(&self) -> &str {
        &self.name
    }

    /// The slug of the App that made it.
    pub(in crate::github) fn app(&self) -> Option<&str> {
        self.app.as_ref()?.slug.as_deref()
    }
}

#[derive(Deserialize)]
pub(in crate::github) struct Combined {
    pub(in crate::github) statuses: Vec<Status>,
}

#[derive(Deserialize)]
pub(in crate::github) struct Status {
    context: String,
    state: String,
}

impl Status {
    pub(in crate::github) fn has_failed(&self) -> bool {
        matches!(self.state.as_str(), "failure" | "error")
    }

    pub(in crate::github) fn context(&self) -> &str {
        &self.context
    }
}

#[derive(Deserialize)]
pub(in crate::github) struct WorkflowRuns {
    pub(in crate::github) workflow_runs: Vec<WorkflowRun>,
}

#[derive(Deserialize)]
pub(in crate::github) struct WorkflowRun {
    id: u64,
    name: Option<String>,
    #[serde(default = "first")]
    run_attempt: u32,
    status: Option<String>,
    conclusion: Option<String>,
}

fn first() -> u32 {
    1
}

impl WorkflowRun {
    /// As the domain has it, where its last attempt is over and has failed so that it can be run again.
    pub(in crate::github) fn into_failed(self) -> Option<FailedRun> {
        let over = self.status.as_deref() == Some("completed");
        let failed = self.conclusion.as_deref().is_some_and(|conclusion| RUNS_AGAIN.contains(&conclusion));
        let name = self.name.unwrap_or_else(|| format!("workflow run {}", self.id));
        (over && failed).then_some(FailedRun { run: self.id, attempt: self.run_attempt, name })
    }
}
