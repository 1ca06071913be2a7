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
    html_url: String,
}

/// A workflow run that is over and has not passed.
#[derive(Debug, PartialEq)]
pub(in crate::github) enum NotPassed {
    /// Its failed jobs can be run again.
    Failed(FailedRun),
    /// It has none; what it is and what to do, for people.
    Stands(String),
}

fn first() -> u32 {
    1
}

impl WorkflowRun {
    /// Its last attempt, where that is over and has not passed. GitHub, about `conclusion`: `startup_failure` is of a run
    /// that never began, `action_required` of one that waits for an approval; neither has jobs.
    pub(in crate::github) fn not_passed(self) -> Option<NotPassed> {
        let conclusion = self.conclusion.filter(|_| self.status.as_deref() == Some("completed"))?;
        let (name, url) = (self.name.unwrap_or_else(|| format!("workflow run {}", self.id)), self.html_url);
        let stands = |why: String| Some(NotPassed::Stands(format!("{name} ({why})")));
        match conclusion.as_str() {
            "startup_failure" => stands(format!(
                "it could not start, most often because its workflow file is not valid: {url} says why. Push what mends it"
            )),
            "action_required" => {
                stands(format!("it waits for somebody who may approve it to do so, at {url}"))
            }
            again if RUNS_AGAIN.contains(&again) => {
                Some(NotPassed::Failed(FailedRun { run: self.id, attempt: self.run_attempt, name }))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says so by failing")]

    use super::*;

    fn run(status: &str, conclusion: Option<&str>) -> Option<NotPassed> {
        let run = serde_json::json!({
            "id": 7, "name": "build", "run_attempt": 2, "status": status, "conclusion": conclusion,
            "html_url": "https://github.com/acme/a/actions/runs/7",
        });
        serde_json::from_value::<WorkflowRun>(run).unwrap().not_passed()
    }

    #[test]
    fn what_has_not_passed_runs_again_or_says_what_is_to_be_done() {
        let again = NotPassed::Failed(FailedRun { run: 7, attempt: 2, name: "build".to_owned() });
        for conclusion in RUNS_AGAIN {
            assert_eq!(run("completed", Some(conclusion)).as_ref(), Some(&again), "{conclusion}");
        }
        for (conclusion, says) in [("startup_failure", "could not start"), ("action_required", "approve")] {
            let Some(NotPassed::Stands(why)) = run("completed", Some(conclusion)) else {
                panic!("{conclusion}")
            };
            assert!(why.starts_with("build (") && why.contains(says) && why.contains("/runs/7"), "{why}");
        }
        for conclusion in ["success", "neutral", "skipped", "stale"] {
            assert_eq!(run("completed", Some(conclusion)), None, "{conclusion}");
        }
        assert_eq!(run("in_progress", None), None);
    }
}
