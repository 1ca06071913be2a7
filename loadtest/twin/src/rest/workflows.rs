//! Workflow runs of GitHub Actions: listing them, and running their failed jobs again. A workflow has one job here, and
//! how that ends is what its people say. Logs, artifacts and workflow files are not here.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape;
use super::shape::git::Home;
use crate::git::full_oid;
use crate::paging::cut;
use crate::world::change::Change;
use crate::world::model::RepositoryRecord;
use crate::world::verdict::{CheckRun, CheckStatus, Verdict, Workflow};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the listing can be narrowed by here.
const FILTERS: [&str; 7] =
    ["head_sha", "status", "check_suite_id", "branch", "per_page", "page", "exclude_pull_requests"];

/// The last attempt of every run, newest run first.
fn runs(call: &Call<'_>, record: &RepositoryRecord) -> Vec<(CheckRun, Workflow)> {
    let last: BTreeMap<u64, (CheckRun, Workflow)> = call.world.read(|state| {
        let found = state.repositories.get(&record.id).into_iter();
        let all = found.flat_map(|found| found.check_runs.values());
        let of_workflows = all.filter_map(|run| Some((run.clone(), run.workflow?)));
        of_workflows.map(|(run, workflow)| (workflow.run, (run, workflow))).collect()
    });
    last.into_values().rev().collect()
}

fn shown(
    call: &Call<'_>,
    record: &RepositoryRecord,
    (run, workflow): &(CheckRun, Workflow),
) -> Result<Value, Refusal> {
    let git = call.git(record)?;
    let commit = git.find_commit(full_oid(&run.sha).ok_or_else(Refusal::not_found)?)?;
    let home = Home::new(&call.urls, &call.full_name(record), record.id);
    let commit = shape::git::git_commit(&home, &git, &commit, &call.world.secrets);
    call.world.read(|state| {
        let owner = state.org().ok_or_else(Refusal::not_found)?;
        let repository = state.repositories.get(&record.id).ok_or_else(Refusal::not_found)?;
        let pull = repository.pulls.values().find(|pull| pull.head_sha == run.sha);
        let about = (run, *workflow);
        Ok(shape::workflows::workflow_run(&call.urls, owner, repository, pull, about, &commit))
    })
}

/// `GET …/actions/runs`
pub fn list(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    if let Some((filter, _)) = call.query_pairs().iter().find(|(name, _)| !FILTERS.contains(&name.as_str())) {
        let what = format!("the filter {filter}");
        return Err(Refusal::not_implemented("actions/list-workflow-runs-for-repo", &what));
    }
    let mut found = Vec::new();
    for run in runs(call, &record) {
        let value = shown(call, &record, &run)?;
        let is = |filter: &str, field: &str| {
            call.query(filter).is_none_or(|wanted| match &value[field] {
                Value::String(text) => text == wanted,
                other => other.as_u64().is_some_and(|number| wanted.parse() == Ok(number)),
            })
        };
        // GitHub takes a conclusion for a status too.
        let status = is("status", "status") || is("status", "conclusion");
        if status
            && is("head_sha", "head_sha")
            && is("branch", "head_branch")
            && is("check_suite_id", "check_suite_id")
        {
            found.push(value);
        }
    }
    let page = cut(call, found);
    Ok(Reply::ok(json!({"total_count": page.total, "workflow_runs": page.items})).link(page.link))
}

fn one(call: &Call<'_>, record: &RepositoryRecord) -> Result<(CheckRun, Workflow), Refusal> {
    let id: u64 = call.param("run_id").parse().map_err(|_| Refusal::not_found())?;
    let found = runs(call, record).into_iter().find(|(_, workflow)| workflow.run == id);
    found.ok_or_else(Refusal::not_found)
}

/// `GET …/actions/runs/{run_id}`
pub fn get(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    Ok(Reply::ok(shown(call, &record, &one(call, &record)?)?))
}

/// `POST …/actions/runs/{run_id}/rerun-failed-jobs`
pub fn rerun(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let (last, workflow) = one(call, &record)?;
    if last.status != CheckStatus::Completed {
        return Err(Refusal::new(403, "This workflow is already running"));
    }
    if last.conclusion.is_some_and(crate::world::verdict::Conclusion::passes) {
        return Err(Refusal::new(403, "This workflow run cannot be retried"));
    }
    call.world.decide::<_, Refusal>(|state| {
        let again = CheckRun {
            id: state.next_id(),
            status: CheckStatus::Queued,
            conclusion: None,
            started_at: call.now,
            completed_at: None,
            workflow: Some(Workflow { attempt: workflow.attempt + 1, ..workflow }),
            ..last.clone()
        };
        Ok((vec![Change::Judged { repository: record.id, verdict: Verdict::CheckRun(again) }], ()))
    })?;
    Ok(Reply::json(201, json!({})))
}
