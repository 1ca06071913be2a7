//! The bodies of webhooks, after GitHub's "Webhook events and payloads": what REST answers show of the same things,
//! in the frame that every event has. A test holds their fields to GitHub's own examples.

use crate::git::Store;
use crate::paging::encode;
use crate::rest::shape::pulls::{Measures, full_pull};
use crate::rest::shape::repos::{Access, full};
use crate::rest::shape::users::{merge, simple};
use crate::rest::shape::{node_id, pulls};
use crate::rest::urls::Urls;
use crate::world::change::RefMove;
use crate::world::model::{Account, AccountKind};
use crate::world::state::State;
use chrono::{DateTime, SecondsFormat};
use git2::{Commit, Oid};
use serde_json::{Value, json};

/// What stands for no commit.
const NONE: &str = "0000000000000000000000000000000000000000";

/// How many commits a push names here.
const COMMITS: usize = 20;

/// An account, or null.
pub fn account(urls: &Urls, state: &State, id: u64) -> Value {
    state.accounts.get(&id).map_or(Value::Null, |account| simple(urls, account))
}

/// Whoever did it, or else somebody of this world.
fn sender(state: &State, by: u64) -> Option<&Account> {
    let person = || state.accounts.values().find(|account| account.kind == AccountKind::User);
    state.accounts.get(&by).or_else(person)
}

/// A payload: what is particular to the event, in the frame of all.
pub fn framed(
    urls: &Urls,
    state: &State,
    action: Option<&str>,
    repository: Option<u64>,
    by: u64,
    about: Value,
) -> Value {
    let mut payload = json!({});
    if let Some(action) = action {
        payload["action"] = json!(action);
    }
    merge(&mut payload, about);
    if let Some(repository) = repository.and_then(|id| self::repository(urls, state, id)) {
        payload["repository"] = repository;
    }
    if let Some(organization) = state.org() {
        payload["organization"] = self::organization(urls, organization);
    }
    payload["sender"] = sender(state, by).map_or(Value::Null, |sender| simple(urls, sender));
    // The installation itself is what `installation` events are about: it is there in full already.
    if payload.get("installation").is_none()
        && let Some(installation) = &state.installation
    {
        let node = node_id("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u", installation.id);
        payload["installation"] = json!({"id": installation.id, "node_id": node});
    }
    payload
}

fn repository(urls: &Urls, state: &State, id: u64) -> Option<Value> {
    let (found, owner) = (state.repositories.get(&id)?, state.org()?);
    let open = found.pulls.values().filter(|pull| pull.is_open()).count();
    let mut whole = full(urls, owner, &found.record, open, Access { push: false, admin: false });
    whole["custom_properties"] = json!({});
    Some(whole)
}

fn organization(urls: &Urls, organization: &Account) -> Value {
    let org = format!("{}/orgs/{}", urls.api, encode(&organization.login));
    json!({
        "login": organization.login,
        "id": organization.id,
        "node_id": node_id("O", organization.id),
        "url": org,
        "repos_url": format!("{org}/repos"),
        "events_url": format!("{org}/events"),
        "hooks_url": format!("{org}/hooks"),
        "issues_url": format!("{org}/issues"),
        "members_url": format!("{org}/members{{/member}}"),
        "public_members_url": format!("{org}/public_members{{/member}}"),
        "avatar_url": format!("{}/avatars/u/{}?v=4", urls.web, organization.id),
        "description": "",
    })
}

/// A pull request's number and its whole, as it is while nobody has looked whether it can be merged.
pub fn pull(urls: &Urls, state: &State, repository: u64, number: u64) -> Option<Value> {
    let (found, owner) = (state.repositories.get(&repository)?, state.org()?);
    let pull = found.pulls.get(&number)?;
    let mut whole =
        full_pull(urls, state, owner, found, pull, Measures { state: "unknown", ..Measures::default() });
    for side in ["head", "base"] {
        whole[side]["repo"]["custom_properties"] = json!({});
    }
    Some(json!({"number": number, "pull_request": whole}))
}

/// A label of a repository by its name.
pub fn label(urls: &Urls, state: &State, repository: u64, name: &str) -> Option<Value> {
    let (found, owner) = (state.repositories.get(&repository)?, state.org()?);
    let full_name = format!("{}/{}", owner.login, found.record.name);
    found.labels.get(&name.to_lowercase()).map(|label| pulls::label(urls, &full_name, label))
}

/// What a push says besides the frame.
pub fn push(
    urls: &Urls,
    state: &State,
    store: &Store,
    repository: u64,
    moved: &RefMove,
    by: u64,
) -> Option<Value> {
    let found = state.repositories.get(&repository)?;
    let page = format!("{}/{}", urls.web, state.full_name(found));
    let (before, after) = (moved.old.as_deref().unwrap_or(NONE), moved.new.as_deref().unwrap_or(NONE));
    let git = store.open(repository).ok();
    let commits = git.as_ref().and_then(|git| pushed(git, &page, moved).ok()).unwrap_or_default();
    let head = moved.new.as_deref().and_then(|sha| head_commit(urls, state, store, repository, sha));
    let forced = moved.old.is_some() && git.as_ref().is_some_and(|git| {
        let (old, new) = (Oid::from_str(before), Oid::from_str(after));
        moved.new.is_some()
            && !matches!((old, new), (Ok(old), Ok(new)) if git.graph_descendant_of(new, old).unwrap_or(false))
    });
    let pusher = sender(state, by);
    Some(json!({
        "ref": moved.name,
        "before": before,
        "after": after,
        "created": moved.old.is_none(),
        "deleted": moved.new.is_none(),
        "forced": forced,
        "base_ref": null,
        "compare": format!("{page}/compare/{}...{}", short(before), short(after)),
        "commits": commits,
        "head_commit": head,
        "pusher": {
            "name": pusher.map(|pusher| &pusher.login),
            "email": pusher.map(|pusher| format!("{}+{}@users.noreply.github.com", pusher.id, pusher.login)),
        },
    }))
}

/// A commit as pushes and merge groups show it.
pub fn head_commit(urls: &Urls, state: &State, git: &Store, repository: u64, sha: &str) -> Option<Value> {
    let page = format!("{}/{}", urls.web, state.full_name(state.repositories.get(&repository)?));
    let git = git.open(repository).ok()?;
    let commit = git.find_commit(Oid::from_str(sha).ok()?).ok()?;
    shown(&git, &page, &commit).ok()
}

/// A push's repository has times in seconds, and fields that no other has.
pub fn as_pushed(payload: &mut Value) {
    let Some(repository) = payload.get_mut("repository") else { return };
    for field in ["created_at", "pushed_at"] {
        let at = repository[field].as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        repository[field] = json!(at.map(|at| at.timestamp()));
    }
    let login = repository["owner"]["login"].clone();
    repository["owner"]["name"] = login.clone();
    repository["owner"]["email"] = Value::Null;
    repository["organization"] = login;
    repository["stargazers"] = json!(0);
    repository["master_branch"] = repository["default_branch"].clone();
}

fn short(sha: &str) -> &str {
    sha.get(..12).unwrap_or(sha)
}

/// The commits that a push brought, oldest first.
fn pushed(git: &git2::Repository, page: &str, moved: &RefMove) -> Result<Vec<Value>, git2::Error> {
    let Some(new) = &moved.new else { return Ok(Vec::new()) };
    let mut walk = git.revwalk()?;
    walk.push(Oid::from_str(new)?)?;
    match &moved.old {
        Some(old) => walk.hide(Oid::from_str(old)?)?,
        // What a new branch has in common with another is not new.
        None => {
            for reference in git.references_glob("refs/heads/*")? {
                let reference = reference?;
                if reference.name().ok() != Some(moved.name.as_str())
                    && let Some(tip) = reference.target()
                {
                    walk.hide(tip)?;
                }
            }
        }
    }
    let mut found = Vec::new();
    for commit in walk.take(COMMITS) {
        found.push(shown(git, page, &git.find_commit(commit?)?)?);
    }
    found.reverse();
    Ok(found)
}

fn shown(git: &git2::Repository, page: &str, commit: &Commit<'_>) -> Result<Value, git2::Error> {
    let parent = commit.parent(0).ok().map(|parent| parent.tree()).transpose()?;
    let diff = git.diff_tree_to_tree(parent.as_ref(), Some(&commit.tree()?), None)?;
    let (mut added, mut removed, mut modified) = (Vec::new(), Vec::new(), Vec::new());
    for delta in diff.deltas() {
        let path = delta.new_file().path().or(delta.old_file().path());
        let path = path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        match delta.status() {
            git2::Delta::Added => added.push(path),
            git2::Delta::Deleted => removed.push(path),
            _ => modified.push(path),
        }
    }
    let person = |signature: &git2::Signature<'_>| {
        json!({
            "name": String::from_utf8_lossy(signature.name_bytes()),
            "email": String::from_utf8_lossy(signature.email_bytes()),
        })
    };
    let at = DateTime::from_timestamp(commit.time().seconds(), 0).unwrap_or_default();
    Ok(json!({
        "id": commit.id().to_string(),
        "tree_id": commit.tree_id().to_string(),
        "distinct": true,
        "message": String::from_utf8_lossy(commit.message_bytes()),
        "timestamp": at.to_rfc3339_opts(SecondsFormat::Secs, true),
        "url": format!("{page}/commit/{}", commit.id()),
        "author": person(&commit.author()),
        "committer": person(&commit.committer()),
        "added": added,
        "removed": removed,
        "modified": modified,
    }))
}
