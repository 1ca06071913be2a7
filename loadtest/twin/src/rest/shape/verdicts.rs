//! What others say of commits and pull requests: `status`, `combined-commit-status`, `check-run`,
//! `pull-request-review`.

use super::apps::integration;
use super::node_id;
use super::repos::{Access, listed};
use super::users::{merge, simple};
use crate::clock::stamp;
use crate::rest::urls::Urls;
use crate::standing::Rollup;
use crate::world::model::{Account, Pull, Repository};
use crate::world::state::State;
use crate::world::verdict::{CheckRun, Review, Status};
use serde_json::{Value, json};

fn account(urls: &Urls, state: &State, id: u64) -> Value {
    state.accounts.get(&id).map_or(Value::Null, |account| simple(urls, account))
}

fn simple_status(urls: &Urls, full: &str, status: &Status) -> Value {
    let when = stamp(status.created_at);
    json!({
        "url": format!("{}/repos/{full}/statuses/{}", urls.api, status.sha),
        "avatar_url": format!("{}/avatars/u/{}?v=4", urls.web, status.creator),
        "id": status.id,
        "node_id": node_id("SC", status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": when,
        "updated_at": when,
    })
}

/// `status`.
pub fn status(urls: &Urls, state: &State, full: &str, status: &Status) -> Value {
    let mut value = simple_status(urls, full, status);
    merge(&mut value, json!({"creator": account(urls, state, status.creator)}));
    value
}

/// `combined-commit-status`: the newest of each context, and what they come to.
pub fn combined(
    urls: &Urls,
    owner: &Account,
    repository: &Repository,
    sha: &str,
    (page, total): (&[Status], usize),
    worst: Option<Rollup>,
) -> Value {
    let full = format!("{}/{}", owner.login, repository.record.name);
    let commit = format!("{}/repos/{full}/commits/{sha}", urls.api);
    let state = match worst {
        Some(Rollup::Success) => "success",
        Some(Rollup::Failure | Rollup::Error) => "failure",
        Some(Rollup::Pending) | None => "pending",
    };
    let access = Access { push: true, admin: false };
    json!({
        "state": state,
        "sha": sha,
        "total_count": total,
        "statuses": page.iter().map(|status| simple_status(urls, &full, status)).collect::<Vec<_>>(),
        "repository": listed(urls, owner, &repository.record, 0, access),
        "commit_url": commit,
        "url": format!("{commit}/status"),
    })
}

/// `check-run`.
pub fn check_run(urls: &Urls, state: &State, full: &str, run: &CheckRun) -> Value {
    let url = format!("{}/repos/{full}/check-runs/{}", urls.api, run.id);
    let page = format!("{}/{full}/runs/{}", urls.web, run.id);
    let made_by = || state.app.as_ref().zip(state.org()).map(|(app, org)| integration(urls, app, org));
    let app = if run.workflow.is_some() { Some(super::workflows::actions(urls)) } else { made_by() };
    json!({
        "id": run.id,
        "node_id": node_id("CR", run.id),
        "head_sha": run.sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": page,
        "details_url": run.details_url.clone().unwrap_or(page),
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": stamp(run.started_at),
        "completed_at": run.completed_at.map(stamp),
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": null,
            "annotations_count": 0,
            "annotations_url": format!("{url}/annotations"),
        },
        "name": run.name,
        "check_suite": run.workflow.map(|workflow| json!({"id": workflow.run})),
        "app": app,
        "pull_requests": [],
    })
}

/// `pull-request-review`.
pub fn review(urls: &Urls, state: &State, full: &str, pull: &Pull, review: &Review) -> Value {
    let own = format!("{}/repos/{full}/pulls/{}", urls.api, pull.number);
    let page = format!("{}/{full}/pull/{}#pullrequestreview-{}", urls.web, pull.number, review.id);
    json!({
        "id": review.id,
        "node_id": node_id("PRR", review.id),
        "user": account(urls, state, review.author),
        "body": review.body,
        "state": review.state.word(),
        "html_url": page,
        "pull_request_url": own,
        "_links": {"html": {"href": page}, "pull_request": {"href": own}},
        "submitted_at": stamp(review.submitted_at),
        "commit_id": review.commit,
        "author_association": super::pulls::association(state, review.author),
    })
}
