//! `workflow-run`, and the app behind GitHub Actions.

use super::node_id;
use super::repos::{Access, listed};
use super::users::simple;
use crate::clock::stamp;
use crate::rest::urls::Urls;
use crate::world::model::{Account, AccountKind, Pull, Repository};
use crate::world::verdict::{CheckRun, Workflow};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The id of GitHub Actions at github.com.
const ACTIONS: u64 = 15_368;

/// The app that makes the check runs of workflows.
pub fn actions(urls: &Urls) -> Value {
    let began = stamp(DateTime::<Utc>::UNIX_EPOCH);
    let owner = Account {
        id: 9_919,
        login: "github".to_owned(),
        kind: AccountKind::Organization,
        name: Some("GitHub".to_owned()),
        created_at: DateTime::<Utc>::UNIX_EPOCH,
    };
    json!({
        "id": ACTIONS,
        "slug": "github-actions",
        "client_id": "Iv1.05c79e9ad1f6bdfa",
        "node_id": node_id("A", ACTIONS),
        "owner": simple(urls, &owner),
        "name": "GitHub Actions",
        "description": "Automate your workflow from idea to production",
        "external_url": "https://help.github.com/en/actions",
        "html_url": format!("{}/apps/github-actions", urls.web),
        "created_at": began,
        "updated_at": began,
        "permissions": {"actions": "write", "checks": "write", "contents": "write"},
        "events": [],
    })
}

/// `workflow-run`, as its last attempt is. `commit` is its head, as the Git Data API shows it.
pub fn workflow_run(
    urls: &Urls,
    owner: &Account,
    repository: &Repository,
    pull: Option<&Pull>,
    (run, workflow): (&CheckRun, Workflow),
    commit: &Value,
) -> Value {
    let full = format!("{}/{}", owner.login, repository.record.name);
    let (api, id) = (format!("{}/repos/{full}", urls.api), workflow.run);
    let url = format!("{api}/actions/runs/{id}");
    let began = stamp(run.started_at);
    let shown = listed(urls, owner, &repository.record, 0, Access { push: true, admin: false });
    json!({
        "id": id,
        "name": run.name,
        "node_id": node_id("WFR", id),
        "check_suite_id": id,
        "check_suite_node_id": node_id("CS", id),
        "head_branch": pull.map(|pull| &pull.head),
        "head_sha": run.sha,
        "path": format!(".github/workflows/{}.yml", run.name),
        "display_title": commit["message"].as_str().and_then(|text| text.lines().next()).unwrap_or_default(),
        "run_number": 1,
        "run_attempt": workflow.attempt,
        "event": "pull_request",
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": id,
        "url": url,
        "html_url": format!("{}/{full}/actions/runs/{id}", urls.web),
        "pull_requests": [],
        "created_at": began,
        "updated_at": stamp(run.completed_at.unwrap_or(run.started_at)),
        "run_started_at": began,
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "check_suite_url": format!("{api}/check-suites/{id}"),
        "artifacts_url": format!("{url}/artifacts"),
        "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"),
        "previous_attempt_url":
            (workflow.attempt > 1).then(|| format!("{url}/attempts/{}", workflow.attempt - 1)),
        "workflow_url": format!("{api}/actions/workflows/{id}"),
        // GitHub's description wants e-mail addresses in it, of which a bot's is none; null it may be.
        "head_commit": null,
        "repository": shown,
        "head_repository": shown,
    })
}
