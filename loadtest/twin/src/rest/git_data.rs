//! The Git Data API: blobs, trees and commits, from which a client builds a commit without a clone. Refs are in
//! `git_refs`; annotated tags are not here.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape;
use crate::git::objects::{self, NewCommit, PathEdit, Person, TreeError};
use crate::git::{full_oid, is_empty};
use crate::world::model::{Account, RepositoryRecord};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use git2::{Oid, Repository};
use serde_json::{Value, json};

/// GitHub truncates recursive listings at 100,000 entries.
const LONGEST_TREE: usize = 100_000;

impl From<TreeError> for Refusal {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Git(error) => {
                tracing::debug!(error = %error, "a tree was refused");
                Refusal::unprocessable("GitRPC::BadObjectState")
            }
            other => Refusal::unprocessable(other.to_string()),
        }
    }
}

/// `POST …/git/blobs`
pub fn create_blob(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = started(call, &record)?;
    let content = call.text("content")?;
    let oid = match call.optional_text("encoding")?.unwrap_or("utf-8") {
        "utf-8" => git.blob(content.as_bytes())?,
        "base64" => {
            let packed: String = content.split_ascii_whitespace().collect();
            let bytes =
                STANDARD.decode(packed).map_err(|_| Refusal::unprocessable("content is not valid Base64"))?;
            git.blob(&bytes)?
        }
        _ => return Err(Refusal::unprocessable("Encoding must be one of utf-8 or base64")),
    };
    let url = format!("{}/git/blobs/{oid}", call.home(&record).api);
    Ok(Reply::json(201, json!({"sha": oid.to_string(), "url": url})).header("location", url))
}

/// `GET …/git/blobs/{file_sha}`
pub fn get_blob(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let oid = sha(call.param("file_sha"))?;
    let blob = git.find_blob(oid).map_err(|_| Refusal::not_found())?;
    if call.wants("raw") {
        return Ok(Reply::raw("application/vnd.github.raw; charset=utf-8", blob.content().to_vec()));
    }
    let home = call.home(&record);
    Ok(Reply::ok(json!({
        "sha": oid.to_string(),
        "node_id": home.blob_node(oid),
        "size": blob.size(),
        "url": format!("{}/git/blobs/{oid}", home.api),
        "content": super::contents::wrapped(blob.content()),
        "encoding": "base64",
    })))
}

/// `POST …/git/trees`
pub fn create_tree(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = started(call, &record)?;
    let base = match call.optional_text("base_tree")? {
        None => None,
        Some(name) => {
            let oid =
                full_oid(name).ok_or_else(|| Refusal::unprocessable("base_tree is not a valid tree oid"))?;
            let object = git
                .find_object(oid, None)
                .map_err(|_| Refusal::unprocessable("base_tree is not a valid tree oid"))?;
            // A commit is taken for its tree, as git itself does wherever it wants a tree.
            let tree = object.peel_to_tree();
            Some(tree.map_err(|_| Refusal::unprocessable("base_tree is not a valid tree oid"))?)
        }
    };
    let Some(Value::Array(entries)) = call.body.get("tree") else {
        return Err(Refusal::unprocessable("Invalid request.\n\n\"tree\" wasn't supplied."));
    };
    if entries.is_empty() && base.is_none() {
        return Err(Refusal::unprocessable("Invalid tree info"));
    }
    let edits = entries.iter().map(|entry| edit(&git, entry)).collect::<Result<Vec<_>, _>>()?;
    let oid = objects::edit_tree(&git, base.as_ref(), edits)?;
    let listing = git.find_tree(oid)?;
    let url = format!("{}/git/trees/{oid}", call.home(&record).api);
    Ok(Reply::json(201, listed(call, &record, &git, &listing, false)?).header("location", url))
}

fn edit(git: &Repository, entry: &Value) -> Result<(String, PathEdit), Refusal> {
    let text = |field: &str| entry.get(field).and_then(Value::as_str);
    let path = text("path").ok_or_else(|| Refusal::unprocessable("tree.path is missing"))?;
    if path.starts_with('/') {
        return Err(Refusal::unprocessable("tree.path cannot start with a slash"));
    }
    if entry.get("sha") == Some(&Value::Null) && text("content").is_none() {
        return Ok((path.to_owned(), PathEdit::Delete));
    }
    let mode = match text("mode") {
        Some("100644") => 0o100_644,
        Some("100755") => 0o100_755,
        Some("040000") => 0o040_000,
        Some("160000") => 0o160_000,
        Some("120000") => 0o120_000,
        _ => {
            let message = "Must supply a valid tree.mode: 100644, 100755, 040000, 160000 or 120000";
            return Err(Refusal::unprocessable(message));
        }
    };
    let oid = match (text("sha"), text("content")) {
        (Some(_), Some(_)) => {
            return Err(Refusal::unprocessable("Must supply either tree.sha or tree.content, not both"));
        }
        (None, None) => return Err(Refusal::unprocessable("Must supply tree.sha or tree.content")),
        (Some(sha), None) => full_oid(sha)
            .ok_or_else(|| Refusal::unprocessable("The tree parameter contains an invalid SHA"))?,
        (None, Some(content)) => git.blob(content.as_bytes())?,
    };
    Ok((path.to_owned(), PathEdit::Put { oid, mode }))
}

/// `GET …/git/trees/{tree_sha}`
pub fn get_tree(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let name = call.param("tree_sha");
    let tree = match full_oid(name).and_then(|oid| git.find_tree(oid).ok()) {
        Some(tree) => tree,
        None => call.commit(&git, name)?.tree()?,
    };
    // Whatever its value, even `0` or `false`: GitHub's documentation says so.
    let recursive = call.query("recursive").is_some();
    Ok(Reply::ok(listed(call, &record, &git, &tree, recursive)?))
}

fn listed(
    call: &Call<'_>,
    record: &RepositoryRecord,
    git: &Repository,
    tree: &git2::Tree<'_>,
    recursive: bool,
) -> Result<Value, Refusal> {
    let home = call.home(record);
    let (lines, truncated) = objects::list_tree(git, tree, recursive, LONGEST_TREE)?;
    let entries: Vec<Value> = lines
        .into_iter()
        .map(|line| {
            let kind = objects::kind_of_mode(line.mode);
            let mut entry = json!({
                "path": line.path,
                "mode": format!("{:06o}", line.mode),
                "type": kind,
                "sha": line.oid.to_string(),
            });
            if let Some(size) = line.size {
                entry["size"] = json!(size);
            }
            if kind != "commit" {
                entry["url"] = json!(format!("{}/git/{kind}s/{}", home.api, line.oid));
            }
            entry
        })
        .collect();
    Ok(json!({
        "sha": tree.id().to_string(),
        "url": format!("{}/git/trees/{}", home.api, tree.id()),
        "tree": entries,
        "truncated": truncated,
    }))
}

/// `POST …/git/commits`. GitHub signs the commit when an app makes it and claims no author, committer or
/// signature (GitHub's "About commit signature verification", bots).
pub fn create_commit(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = started(call, &record)?;
    let message = call.text("message")?;
    if message.contains('\0') {
        return Err(Refusal::unprocessable("message contains a null byte"));
    }
    let tree = call.text("tree")?;
    let tree = full_oid(tree)
        .filter(|oid| git.find_tree(*oid).is_ok())
        .ok_or_else(|| Refusal::unprocessable("Tree SHA does not exist"))?;
    let mut parents = Vec::new();
    for parent in call.texts("parents")?.unwrap_or_default() {
        let oid = full_oid(&parent)
            .filter(|oid| git.find_commit(*oid).is_ok())
            .ok_or_else(|| Refusal::unprocessable("Parent SHA does not exist or is not a commit object"))?;
        parents.push(oid);
    }
    let author = person(call, "author")?;
    let committer = person(call, "committer")?;
    let signature = call.optional_text("signature")?;
    let signs =
        call.caller.is_installation() && author.is_none() && committer.is_none() && signature.is_none();
    let actor = acting(call)?;
    let author = author.unwrap_or(actor);
    let committer =
        committer.unwrap_or_else(|| if signs { Person::service(call.now) } else { author.clone() });
    let new = NewCommit { author: &author, committer: &committer, message, tree, parents: &parents };
    let signer = signs.then_some(&call.world.secrets);
    let oid = objects::write_commit(&git, &new, signer, signature)?;
    let home = call.home(&record);
    let value = shape::git::git_commit(&home, &git, &git.find_commit(oid)?, &call.world.secrets);
    Ok(Reply::json(201, value).header("location", format!("{}/git/commits/{oid}", home.api)))
}

/// The account that acts, as a person in a commit.
pub fn acting(call: &Call<'_>) -> Result<Person, Refusal> {
    let actor = call.actor()?;
    let account =
        call.world.read(|state| state.accounts.get(&actor).cloned()).ok_or_else(Refusal::not_found)?;
    Ok(as_person(&account, call.now))
}

/// An account as a person in a commit, with its noreply address.
pub fn as_person(account: &Account, at: chrono::DateTime<chrono::Utc>) -> Person {
    let name = account.name.clone().unwrap_or_else(|| account.login.clone());
    Person::new(&name, &format!("{}+{}@users.noreply.github.com", account.id, account.login), at)
}

fn person(call: &Call<'_>, field: &str) -> Result<Option<Person>, Refusal> {
    let given = match call.body.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(given) => given,
    };
    let text = |name: &str| {
        given.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(|| {
            Refusal::unprocessable(format!("Invalid request.\n\n\"{field}.{name}\" wasn't supplied."))
        })
    };
    let mut person = Person::new(text("name")?, text("email")?, call.now);
    if let Some(date) = given.get("date").and_then(Value::as_str) {
        let date = DateTime::parse_from_rfc3339(date)
            .map_err(|_| Refusal::unprocessable(format!("{field}.date is not a valid ISO 8601 date")))?;
        person.when = (date.timestamp(), date.offset().local_minus_utc() / 60);
    }
    Ok(Some(person))
}

/// `GET …/git/commits/{commit_sha}`
pub fn get_commit(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let commit = git.find_commit(sha(call.param("commit_sha"))?).map_err(|_| Refusal::not_found())?;
    Ok(Reply::ok(shape::git::git_commit(&call.home(&record), &git, &commit, &call.world.secrets)))
}

pub(super) fn sha(text: &str) -> Result<Oid, Refusal> {
    full_oid(text).ok_or_else(|| {
        Refusal::unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    })
}

/// The Git Data API refuses a repository without a first commit.
pub(super) fn started(call: &Call<'_>, record: &RepositoryRecord) -> Result<Repository, Refusal> {
    let git = call.git(record)?;
    if is_empty(&git) {
        return Err(Refusal::empty_repository());
    }
    Ok(git)
}
