//! Git objects: `git-commit`, `commit`, `git-ref`, `diff-entry`.

use super::node_id;
use crate::clock::stamp;
use crate::git::diff::FileChange;
use crate::git::objects::{Verification, verify};
use crate::paging::encode;
use crate::rest::urls::Urls;
use crate::secrets::Secrets;
use crate::world::model::Account;
use chrono::{DateTime, Utc};
use git2::{Commit, Oid, Repository, Signature};
use serde_json::{Value, json};

/// Where a repository's objects are addressed: `…/repos/owner/name` and `…/owner/name`.
#[derive(Clone, Debug)]
pub struct Home {
    /// Root of its API.
    pub api: String,
    /// Root of its pages.
    pub web: String,
    /// Its id, for node ids.
    pub id: u64,
}

impl Home {
    /// The addresses of `owner/name`.
    pub fn new(urls: &Urls, full_name: &str, id: u64) -> Self {
        Self { api: format!("{}/repos/{full_name}", urls.api), web: format!("{}/{full_name}", urls.web), id }
    }

    fn object_node(&self, kind: &str, oid: Oid) -> String {
        format!("{}{oid}", node_id(kind, self.id))
    }

    /// A node id for a blob.
    pub fn blob_node(&self, oid: Oid) -> String {
        self.object_node("B", oid)
    }
}

fn person(signature: &Signature<'_>) -> Value {
    json!({
        "name": String::from_utf8_lossy(signature.name_bytes()),
        "email": String::from_utf8_lossy(signature.email_bytes()),
        "date": stamp(time(signature)),
    })
}

fn time(signature: &Signature<'_>) -> DateTime<Utc> {
    DateTime::from_timestamp(signature.when().seconds(), 0).unwrap_or_default()
}

fn verification(found: &Verification, at: DateTime<Utc>) -> Value {
    let verified = found.reason == "valid";
    json!({
        "verified": verified,
        "reason": found.reason,
        "signature": found.signature,
        "payload": found.payload,
        "verified_at": verified.then(|| stamp(at)),
    })
}

/// `git-commit`, of the Git Data API.
pub fn git_commit(home: &Home, git: &Repository, commit: &Commit<'_>, secrets: &Secrets) -> Value {
    let Home { api, web, .. } = home;
    let oid = commit.id();
    let parents: Vec<Value> = commit
        .parent_ids()
        .map(|parent| {
            json!({
                "sha": parent.to_string(),
                "url": format!("{api}/git/commits/{parent}"),
                "html_url": format!("{web}/commit/{parent}"),
            })
        })
        .collect();
    json!({
        "sha": oid.to_string(),
        "node_id": home.object_node("C", oid),
        "url": format!("{api}/git/commits/{oid}"),
        "html_url": format!("{web}/commit/{oid}"),
        "author": person(&commit.author()),
        "committer": person(&commit.committer()),
        "tree": {
            "sha": commit.tree_id().to_string(),
            "url": format!("{api}/git/trees/{}", commit.tree_id()),
        },
        "message": String::from_utf8_lossy(commit.message_bytes()),
        "parents": parents,
        "verification": verification(&verify(git, oid, secrets), time(&commit.committer())),
    })
}

/// `commit`, of the repository's history. `author` is whoever the address belongs to, if anyone.
pub fn commit(
    home: &Home,
    urls: &Urls,
    git: &Repository,
    commit: &Commit<'_>,
    secrets: &Secrets,
    account_of: &dyn Fn(&str) -> Option<Account>,
) -> Value {
    let Home { api, web, .. } = home;
    let oid = commit.id();
    let parents: Vec<Value> = commit
        .parent_ids()
        .map(|parent| {
            json!({
                "sha": parent.to_string(),
                "url": format!("{api}/commits/{parent}"),
                "html_url": format!("{web}/commit/{parent}"),
            })
        })
        .collect();
    let account = |signature: &Signature<'_>| {
        let email = String::from_utf8_lossy(signature.email_bytes()).into_owned();
        account_of(&email).map(|account| super::users::simple(urls, &account))
    };
    json!({
        "sha": oid.to_string(),
        "node_id": home.object_node("C", oid),
        "commit": {
            "author": person(&commit.author()),
            "committer": person(&commit.committer()),
            "message": String::from_utf8_lossy(commit.message_bytes()),
            "tree": {
                "sha": commit.tree_id().to_string(),
                "url": format!("{api}/git/trees/{}", commit.tree_id()),
            },
            "url": format!("{api}/git/commits/{oid}"),
            "comment_count": 0,
            "verification": verification(&verify(git, oid, secrets), time(&commit.committer())),
        },
        "url": format!("{api}/commits/{oid}"),
        "html_url": format!("{web}/commit/{oid}"),
        "comments_url": format!("{api}/commits/{oid}/comments"),
        "author": account(&commit.author()),
        "committer": account(&commit.committer()),
        "parents": parents,
    })
}

/// `git-ref`.
pub fn git_ref(home: &Home, git: &Repository, name: &str, oid: Oid) -> Value {
    let kind = git.odb().and_then(|odb| odb.read_header(oid)).map_or("commit", |(_, kind)| kind.str());
    let short = name.strip_prefix("refs/").unwrap_or(name);
    json!({
        "ref": name,
        "node_id": format!("{}{}", node_id("REF", home.id), hex::encode(name)),
        "url": format!("{}/git/refs/{}", home.api, path(short)),
        "object": {
            "sha": oid.to_string(),
            "type": kind,
            "url": format!("{}/git/{kind}s/{oid}", home.api),
        },
    })
}

/// `diff-entry`, as seen from commit `head`.
pub fn diff_entry(home: &Home, file: &FileChange, head: Oid) -> Value {
    let at = path(&file.filename);
    let mut value = json!({
        "sha": file.sha.to_string(),
        "filename": file.filename,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": format!("{}/blob/{head}/{at}", home.web),
        "raw_url": format!("{}/raw/{head}/{at}", home.web),
        "contents_url": format!("{}/contents/{at}?ref={head}", home.api),
    });
    if let Some(patch) = &file.patch {
        value["patch"] = json!(patch);
    }
    if let Some(previous) = &file.previous {
        value["previous_filename"] = json!(previous);
    }
    value
}

/// A path with every part encoded and the slashes kept.
pub fn path(path: &str) -> String {
    path.split('/').map(encode).collect::<Vec<_>>().join("/")
}
