//! Repositories: `minimal-repository`, `repository` and `full-repository` differ only in what is required, so
//! one shape serves the lists and a longer one the single repository.

use super::node_id;
use super::users::{merge, simple};
use crate::clock::stamp;
use crate::rest::urls::Urls;
use crate::world::model::{Account, RepositoryRecord};
use serde_json::{Value, json};

/// What the caller may do with it, as `permissions`.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// May push?
    pub push: bool,
    /// May administer?
    pub admin: bool,
}

/// A repository in a list or inside a pull request. `open` is its number of open pull requests.
pub fn listed(urls: &Urls, owner: &Account, record: &RepositoryRecord, open: usize, access: Access) -> Value {
    let full = format!("{}/{}", owner.login, record.name);
    let repo = format!("{}/repos/{full}", urls.api);
    let page = format!("{}/{full}", urls.web);
    let host = urls.web.trim_start_matches("http://");
    let bare_host = host.split(':').next().unwrap_or(host);
    let mut value = json!({
        "id": record.id,
        "node_id": node_id("R", record.id),
        "name": record.name,
        "full_name": full,
        "private": record.private,
        "owner": simple(urls, owner),
        "html_url": page,
        "description": record.description,
        "fork": false,
        "url": repo,
    });
    let Value::Object(fields) = &mut value else { return value };
    for (field, path) in ADDRESSES {
        fields.insert((*field).to_owned(), json!(format!("{repo}{path}")));
    }
    merge(
        &mut value,
        json!({
            "git_url": format!("git://{bare_host}/{full}.git"),
            "ssh_url": format!("git@{bare_host}:{full}.git"),
            "clone_url": format!("{page}.git"),
            "svn_url": page,
            "mirror_url": null,
            "homepage": null,
            "size": record.size,
            "stargazers_count": 0,
            "watchers_count": 0,
            "language": record.language,
            "has_issues": true,
            "has_projects": false,
            "has_downloads": true,
            "has_wiki": false,
            "has_pages": false,
            "has_discussions": false,
            "forks_count": 0,
            "archived": record.archived,
            "disabled": false,
            "open_issues_count": open,
            "license": null,
            "allow_forking": true,
            "is_template": false,
            "web_commit_signoff_required": false,
            "topics": record.topics,
            "visibility": if record.private { "private" } else { "public" },
            "forks": 0,
            "open_issues": open,
            "watchers": 0,
            "default_branch": record.default_branch,
            "created_at": stamp(record.created_at),
            "updated_at": stamp(record.updated_at),
            "pushed_at": stamp(record.pushed_at),
            "permissions": {
                "admin": access.admin,
                "maintain": access.admin,
                "push": access.push,
                "triage": access.push,
                "pull": true,
            },
        }),
    );
    value
}

/// A single repository.
pub fn full(urls: &Urls, owner: &Account, record: &RepositoryRecord, open: usize, access: Access) -> Value {
    let mut value = listed(urls, owner, record, open, access);
    merge(
        &mut value,
        json!({
            "allow_rebase_merge": record.settings.allow_rebase_merge,
            "allow_squash_merge": record.settings.allow_squash_merge,
            "allow_merge_commit": record.settings.allow_merge_commit,
            "allow_auto_merge": record.settings.allow_auto_merge,
            "allow_update_branch": false,
            "delete_branch_on_merge": record.settings.delete_branch_on_merge,
            "use_squash_pr_title_as_default": false,
            "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
            "squash_merge_commit_message": "COMMIT_MESSAGES",
            "merge_commit_title": "MERGE_MESSAGE",
            "merge_commit_message": "PR_TITLE",
            "organization": simple(urls, owner),
            "network_count": 0,
            "subscribers_count": 0,
        }),
    );
    value
}

const ADDRESSES: &[(&str, &str)] = &[
    ("forks_url", "/forks"),
    ("keys_url", "/keys{/key_id}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("teams_url", "/teams"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("branches_url", "/branches{/branch}"),
    ("tags_url", "/tags"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("statuses_url", "/statuses/{sha}"),
    ("languages_url", "/languages"),
    ("stargazers_url", "/stargazers"),
    ("contributors_url", "/contributors"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("commits_url", "/commits{/sha}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("merges_url", "/merges"),
    ("archive_url", "/{archive_format}{/ref}"),
    ("downloads_url", "/downloads"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("labels_url", "/labels{/name}"),
    ("releases_url", "/releases{/id}"),
    ("deployments_url", "/deployments"),
];
