//! Pull requests and the issue behind each: `pull-request-simple`, `pull-request`, `issue`, `label`,
//! `issue-comment`. The numbers that need git (commits, lines, mergeability) come from the caller.

use super::node_id;
use super::repos::{Access, listed};
use super::users::{merge, simple};
use crate::clock::stamp;
use crate::rest::urls::Urls;
use crate::world::model::{Account, AccountKind, Comment, Label, Pull, Repository};
use crate::world::rules::Team;
use crate::world::state::State;
use serde_json::{Value, json};

/// What only git knows of a pull request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measures {
    /// Does it merge cleanly? `None` while nobody has looked.
    pub mergeable: Option<bool>,
    /// The merge button, in GitHub's word.
    pub state: &'static str,
    /// Commits of the head that the base has not.
    pub commits: usize,
    /// Lines added.
    pub additions: usize,
    /// Lines removed.
    pub deletions: usize,
    /// Files changed.
    pub changed_files: usize,
}

fn account(urls: &Urls, state: &State, id: Option<u64>) -> Value {
    id.and_then(|id| state.accounts.get(&id)).map_or(Value::Null, |account| simple(urls, account))
}

/// How an account belongs to the repository.
pub fn association(state: &State, id: u64) -> &'static str {
    match state.accounts.get(&id).map(|account| account.kind) {
        Some(AccountKind::User) => "MEMBER",
        Some(AccountKind::Organization) => "OWNER",
        _ => "CONTRIBUTOR",
    }
}

/// `team`.
pub fn team(urls: &Urls, org: &Account, team: &Team) -> Value {
    let api = format!("{}/organizations/{}/team/{}", urls.api, org.id, team.id);
    json!({
        "id": team.id,
        "node_id": node_id("T", team.id),
        "name": team.name,
        "slug": team.slug,
        "description": null,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "push",
        "url": api,
        "html_url": format!("{}/orgs/{}/teams/{}", urls.web, org.login, team.slug),
        "members_url": format!("{api}/members{{/member}}"),
        "repositories_url": format!("{api}/repos"),
        "parent": null,
        "type": "organization",
        "organization_id": org.id,
    })
}

/// `label`.
pub fn label(urls: &Urls, full_name: &str, label: &Label) -> Value {
    json!({
        "id": label.id,
        "node_id": node_id("LA", label.id),
        "url": format!("{}/repos/{full_name}/labels/{}", urls.api, crate::paging::encode(&label.name)),
        "name": label.name,
        "color": label.color,
        "default": false,
        "description": label.description,
    })
}

/// The labels of a pull request.
pub fn labels(urls: &Urls, full_name: &str, repository: &Repository, pull: &Pull) -> Vec<Value> {
    pull.labels
        .iter()
        .filter_map(|name| repository.labels.get(&name.to_lowercase()))
        .map(|found| label(urls, full_name, found))
        .collect()
}

/// `pull-request-simple`.
pub fn listed_pull(
    urls: &Urls,
    state: &State,
    owner: &Account,
    repository: &Repository,
    pull: &Pull,
) -> Value {
    let full = format!("{}/{}", owner.login, repository.record.name);
    let api = format!("{}/repos/{full}", urls.api);
    let page = format!("{}/{full}/pull/{}", urls.web, pull.number);
    let own = format!("{api}/pulls/{}", pull.number);
    let issue = format!("{api}/issues/{}", pull.number);
    let open = repository.pulls.values().filter(|pull| pull.is_open()).count();
    let repo = listed(urls, owner, &repository.record, open, Access { push: true, admin: false });
    let side = |branch: &str, sha: &str| {
        json!({
            "label": format!("{}:{branch}", owner.login),
            "ref": branch,
            "sha": sha,
            "user": simple(urls, owner),
            "repo": repo,
        })
    };
    let assignees: Vec<Value> = pull.assignees.iter().map(|id| account(urls, state, Some(*id))).collect();
    let reviewers: Vec<Value> = pull.reviewers.iter().map(|id| account(urls, state, Some(*id))).collect();
    let teams: Vec<Value> = pull
        .teams
        .iter()
        .filter_map(|id| state.teams.get(id))
        .map(|found| team(urls, owner, found))
        .collect();
    let link = |href: String| json!({"href": href});
    json!({
        "url": own,
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "html_url": page,
        "diff_url": format!("{page}.diff"),
        "patch_url": format!("{page}.patch"),
        "issue_url": issue,
        "number": pull.number,
        "state": pull.state(),
        "locked": false,
        "title": pull.title,
        "user": account(urls, state, Some(pull.author)),
        "body": pull.body,
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "closed_at": pull.closed_at.map(stamp),
        "merged_at": pull.merge.as_ref().map(|merge| stamp(merge.at)),
        "merge_commit_sha": pull.merge.as_ref().map(|merge| &merge.commit),
        "assignee": assignees.first(),
        "assignees": assignees,
        "requested_reviewers": reviewers,
        "requested_teams": teams,
        "labels": labels(urls, &full, repository, pull),
        "milestone": null,
        "draft": pull.draft,
        "commits_url": format!("{own}/commits"),
        "review_comments_url": format!("{own}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"),
        "statuses_url": format!("{api}/statuses/{}", pull.head_sha),
        "head": side(&pull.head, &pull.head_sha),
        "base": side(&pull.base, &pull.base_sha),
        "_links": {
            "self": link(own.clone()),
            "html": link(page.clone()),
            "issue": link(issue.clone()),
            "comments": link(format!("{issue}/comments")),
            "review_comments": link(format!("{own}/comments")),
            "review_comment": link(format!("{api}/pulls/comments{{/number}}")),
            "commits": link(format!("{own}/commits")),
            "statuses": link(format!("{api}/statuses/{}", pull.head_sha)),
        },
        "author_association": association(state, pull.author),
        "auto_merge": pull.auto_merge.as_ref().map(|request| json!({
            "enabled_by": account(urls, state, Some(request.by)),
            "merge_method": request.method.word(),
            "commit_title": request.headline.clone().unwrap_or_default(),
            "commit_message": request.body.clone().unwrap_or_default(),
        })),
        "active_lock_reason": null,
    })
}

/// `pull-request`.
pub fn full_pull(
    urls: &Urls,
    state: &State,
    owner: &Account,
    repository: &Repository,
    pull: &Pull,
    measures: Measures,
) -> Value {
    let mut value = listed_pull(urls, state, owner, repository, pull);
    merge(
        &mut value,
        json!({
            "merged": pull.merge.is_some(),
            "mergeable": measures.mergeable,
            "rebaseable": measures.mergeable,
            "mergeable_state": measures.state,
            "merged_by": account(urls, state, pull.merge.as_ref().map(|merge| merge.by)),
            "comments": repository.comments.values().filter(|comment| comment.pull == pull.number).count(),
            "review_comments": 0,
            "maintainer_can_modify": pull.maintainer_can_modify,
            "commits": measures.commits,
            "additions": measures.additions,
            "deletions": measures.deletions,
            "changed_files": measures.changed_files,
        }),
    );
    value
}

/// `issue`: the conversation side of a pull request.
pub fn issue(urls: &Urls, state: &State, owner: &Account, repository: &Repository, pull: &Pull) -> Value {
    let full = format!("{}/{}", owner.login, repository.record.name);
    let api = format!("{}/repos/{full}", urls.api);
    let page = format!("{}/{full}/pull/{}", urls.web, pull.number);
    let own = format!("{api}/issues/{}", pull.number);
    let assignees: Vec<Value> = pull.assignees.iter().map(|id| account(urls, state, Some(*id))).collect();
    json!({
        "url": own,
        "repository_url": api,
        "labels_url": format!("{own}/labels{{/name}}"),
        "comments_url": format!("{own}/comments"),
        "events_url": format!("{own}/events"),
        "html_url": page,
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "number": pull.number,
        "title": pull.title,
        "user": account(urls, state, Some(pull.author)),
        "labels": labels(urls, &full, repository, pull),
        "state": pull.state(),
        "state_reason": null,
        "locked": false,
        "assignee": assignees.first(),
        "assignees": assignees,
        "milestone": null,
        "comments": repository.comments.values().filter(|comment| comment.pull == pull.number).count(),
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "closed_at": pull.closed_at.map(stamp),
        "closed_by": account(urls, state, pull.closed_by),
        "author_association": association(state, pull.author),
        "active_lock_reason": null,
        "draft": pull.draft,
        "pull_request": {
            "url": format!("{api}/pulls/{}", pull.number),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "merged_at": pull.merge.as_ref().map(|merge| stamp(merge.at)),
        },
        "body": pull.body,
        "timeline_url": format!("{own}/timeline"),
        "performed_via_github_app": null,
    })
}

/// `issue-comment`.
pub fn comment(urls: &Urls, state: &State, full_name: &str, comment: &Comment) -> Value {
    let api = format!("{}/repos/{full_name}", urls.api);
    json!({
        "url": format!("{api}/issues/comments/{}", comment.id),
        "html_url": format!("{}/{full_name}/pull/{}#issuecomment-{}", urls.web, comment.pull, comment.id),
        "issue_url": format!("{api}/issues/{}", comment.pull),
        "id": comment.id,
        "node_id": node_id("IC", comment.id),
        "user": account(urls, state, Some(comment.author)),
        "created_at": stamp(comment.created_at),
        "updated_at": stamp(comment.updated_at),
        "author_association": association(state, comment.author),
        "body": comment.body,
        "performed_via_github_app": null,
    })
}
