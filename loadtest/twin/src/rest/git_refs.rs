//! The Git Data API: refs. Moving one is what makes a commit count. Annotated tags are not here.

use super::call::{Call, Outcome, Reply};
use super::git_data::{sha, started};
use super::refusal::Refusal;
use super::shape;
use crate::follow::{FollowError, follow};
use crate::git::is_empty;
use crate::git::refs::{self, Move, RefError};
use crate::paging::cut;
use crate::world::model::{Level, RepositoryRecord};
use git2::{Oid, Repository};
use serde_json::Value;

impl From<RefError> for Refusal {
    fn from(error: RefError) -> Self {
        match error {
            RefError::Git(error) => error.into(),
            other => Refusal::unprocessable(other.to_string()),
        }
    }
}

impl From<FollowError> for Refusal {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Git(error) => error.into(),
            FollowError::Journal(error) => error.into(),
            FollowError::Settle(what) => Refusal::new(500, what),
        }
    }
}

/// `POST …/git/refs`
pub fn create_ref(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = started(call, &record)?;
    let name = call.text("ref")?;
    if !name.starts_with("refs/") || name.matches('/').count() < 2 {
        return Err(Refusal::unprocessable(
            "Reference name must start with 'refs/' and contain at least two slashes",
        ));
    }
    let oid = object(call)?;
    guard_workflows(call, &record, &git, None, oid)?;
    let moved = refs::create(&git, name, oid)?;
    done(call, &record, &git, moved, 201)
}

/// `PATCH …/git/refs/{ref}`
pub fn update_ref(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = started(call, &record)?;
    let name = format!("refs/{}", call.param("ref"));
    let oid = object(call)?;
    let old = git.find_reference(&name).ok().and_then(|found| found.target());
    guard_workflows(call, &record, &git, old, oid)?;
    let moved = refs::update(&git, &name, oid, call.flag("force")?.unwrap_or(false))?;
    done(call, &record, &git, moved, 200)
}

/// `DELETE …/git/refs/{ref}`
pub fn delete_ref(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = started(call, &record)?;
    let name = format!("refs/{}", call.param("ref"));
    if name == format!("refs/heads/{}", record.default_branch) {
        return Err(Refusal::unprocessable("Cannot delete the default branch"));
    }
    let moved = refs::delete(&git, &name)?;
    follow(call.world, &git, record.id, &[moved], call.actor()?)?;
    Ok(Reply::empty(204))
}

/// Workflows have a permission of their own: an app without it may not change `.github/workflows`, compared with
/// where the ref was, or with the default branch for a new one. (A `git push` is not looked at.)
fn guard_workflows(
    call: &Call<'_>,
    record: &RepositoryRecord,
    git: &Repository,
    old: Option<Oid>,
    new: Oid,
) -> Result<(), Refusal> {
    const PERMISSION: &[(&str, Level)] = &[("workflows", Level::Write)];
    if call.caller.may(record.id, PERMISSION) {
        return Ok(());
    }
    let workflows = |oid: Oid| {
        let tree = git.find_commit(oid).ok()?.tree().ok()?;
        tree.get_path(std::path::Path::new(".github/workflows")).ok().map(|entry| entry.id())
    };
    let before = old.or_else(|| refs::tip(git, &record.default_branch)).and_then(workflows);
    if workflows(new) == before {
        return Ok(());
    }
    Err(Refusal::new(403, "Resource not accessible by integration")
        .header("x-accepted-github-permissions", "contents=write,workflows=write"))
}

fn object(call: &Call<'_>) -> Result<Oid, Refusal> {
    sha(call.text("sha")?)
}

fn done(call: &Call<'_>, record: &RepositoryRecord, git: &Repository, moved: Move, status: u16) -> Outcome {
    let oid = moved.new.ok_or_else(Refusal::not_found)?;
    let value = shape::git::git_ref(&call.home(record), git, &moved.name, oid);
    follow(call.world, git, record.id, &[moved], call.actor()?)?;
    let url = value["url"].as_str().unwrap_or_default().to_owned();
    Ok(Reply::json(status, value).header("location", url))
}

/// `GET …/git/ref/{ref}`
pub fn get_ref(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let name = format!("refs/{}", call.param("ref"));
    let oid = git
        .find_reference(&name)
        .ok()
        .and_then(|found| found.target())
        .ok_or_else(|| if is_empty(&git) { Refusal::empty_repository() } else { Refusal::not_found() })?;
    Ok(Reply::ok(shape::git::git_ref(&call.home(&record), &git, &name, oid)))
}

/// `GET …/git/matching-refs/{ref}`
pub fn matching_refs(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let prefix = format!("refs/{}", call.param("ref"));
    let home = call.home(&record);
    let found: Vec<Value> = refs::all(&git)?
        .into_iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, oid)| shape::git::git_ref(&home, &git, &name, oid))
        .collect();
    let page = cut(call, found);
    Ok(Reply::ok(page.items.into()).link(page.link))
}
