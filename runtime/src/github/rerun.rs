//! Failed checks of a commit, and running the jobs of GitHub Actions again.
//!
//! Check runs of other Apps are theirs to run again (GitHub: `rerequest` is for the App that made them), and a commit
//! status is nobody's to ask for: both are said. Deliberately absent: which of it is asked for.

use super::{
    GitHub,
    answer::About,
    call::{Ask, Route},
    paid::Paid,
    shape::checks as shape,
    token::Scope,
    wire::JSON,
};
use async_trait::async_trait;
use bytes::Bytes;
use campaigns_actors::ports::{CodeHostError, Permit, ReadBudget, RepositoryRef, Rerunning};
use campaigns_domain::{
    changeset::{FailedChecks, FailedRun},
    id::CommitSha,
};
use http::Method;

/// The App behind GitHub Actions.
const ACTIONS: &str = "github-actions";

impl GitHub {
    /// Every page of a listing about a commit.
    async fn all_pages<T: serde::de::DeserializeOwned>(
        &self,
        repository: &RepositoryRef,
        (operation, rest, what): (&'static str, String, &str),
        actions: bool,
        budget: &ReadBudget,
    ) -> Result<Vec<T>, CodeHostError> {
        let name = self.name(repository);
        let route = Route::Repository(repository, rest);
        let subject = format!("{what} of {name}");
        let mut ask = Ask::get(operation, route, name.owner(), subject, Paid::Reads(budget));
        if actions {
            ask.scope = Scope::Actions { owner: name.owner().to_ascii_lowercase(), id: repository.id.0 };
        }
        self.pages(ask).await
    }

    /// The workflow runs of a commit that have not passed, at their last attempts.
    async fn failed_runs(
        &self,
        repository: &RepositoryRef,
        head: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<Vec<shape::NotPassed>, CodeHostError> {
        let rest = format!("/actions/runs?head_sha={head}&per_page=100");
        let what = ("actions/list-workflow-runs-for-repo", rest, "the workflow runs");
        let pages: Vec<shape::WorkflowRuns> = self.all_pages(repository, what, true, budget).await?;
        let runs = pages.into_iter().flat_map(|page| page.workflow_runs);
        Ok(runs.filter_map(shape::WorkflowRun::not_passed).collect())
    }
}

#[async_trait]
impl Rerunning for GitHub {
    async fn failed_checks(
        &self,
        repository: &RepositoryRef,
        head: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<FailedChecks, CodeHostError> {
        let rest = format!("/commits/{head}/check-runs?per_page=100");
        let what = ("checks/list-for-ref", rest, "the check runs");
        let checks: Vec<shape::CheckRuns> = self.all_pages(repository, what, false, budget).await?;
        let rest = format!("/commits/{head}/status?per_page=100");
        let what = ("repos/get-combined-status-for-ref", rest, "the statuses");
        let statuses: Vec<shape::Combined> = self.all_pages(repository, what, false, budget).await?;
        let (mut actions, mut left) = (false, vec![]);
        for check in checks.into_iter().flat_map(|page| page.check_runs).filter(shape::CheckRun::has_failed) {
            match check.app() {
                Some(ACTIONS) => actions = true,
                app => left.push(format!(
                    "{} (a check of {}, which alone can run it again)",
                    check.name(),
                    app.unwrap_or("another App")
                )),
            }
        }
        for status in statuses.into_iter().flat_map(|page| page.statuses).filter(shape::Status::has_failed) {
            left.push(format!("{} (a status, which only its maker can report anew)", status.context()));
        }
        // A workflow that could not start, or waits for somebody, has no check run of its own.
        let found = match self.failed_runs(repository, head, budget).await {
            Err(CodeHostError::Refused(_)) if !actions => vec![],
            found => found?,
        };
        let mut runs = vec![];
        for one in found {
            match one {
                shape::NotPassed::Failed(run) => runs.push(run),
                shape::NotPassed::Stands(why) => left.push(why),
            }
        }
        Ok(FailedChecks { head: head.clone(), runs, left })
    }

    async fn rerun_failed_jobs(
        &self,
        repository: &RepositoryRef,
        failed: &FailedRun,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        if permit.has_expired() {
            return Err(CodeHostError::PermitExpired);
        }
        let name = self.name(repository);
        let subject = format!("the workflow run {} of {name}", failed.run);
        let doing = format!("running the failed jobs of {subject} again");
        self.ask(Ask {
            operation: "actions/re-run-workflow-failed-jobs",
            method: Method::POST,
            route: Route::Repository(repository, format!("/actions/runs/{}/rerun-failed-jobs", failed.run)),
            accept: JSON,
            // Nothing is asked for besides; with a body it is held back until it leaves.
            body: Some(Bytes::from_static(b"{}")),
            scope: Scope::Actions { owner: name.owner().to_ascii_lowercase(), id: repository.id.0 },
            about: About { subject, doing, write: true, app: self.tokens.is_app() },
            paid: Paid::Permit(&permit),
            understood: &[],
        })
        .await
        .map(drop)
    }
}
