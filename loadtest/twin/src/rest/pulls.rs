//! Pull requests, reading: list, one, its files, its commits, whether it is merged. Reviews are not here.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape;
use super::shape::pulls::Measures;
use crate::git::{diff, full_oid, refs};
use crate::paging::cut;
use crate::standing;
use crate::world::model::{Pull, RepositoryRecord};
use git2::{Oid, Repository};
use serde_json::Value;

/// The two commits between which a pull request's difference is seen: where the branches parted, and its head.
pub fn ends(git: &Repository, pull: &Pull) -> Result<(Oid, Oid), Refusal> {
    let head = full_oid(&pull.head_sha).ok_or_else(Refusal::not_found)?;
    let recorded = full_oid(&pull.base_sha).ok_or_else(Refusal::not_found)?;
    let base = if pull.is_open() { refs::tip(git, &pull.base).unwrap_or(recorded) } else { recorded };
    Ok((git.merge_base(base, head).unwrap_or(recorded), head))
}

/// Commits, lines and files, and, when asked, whether it merges cleanly.
pub fn measure(
    call: &Call<'_>,
    git: &Repository,
    record: &RepositoryRecord,
    pull: &Pull,
    mergeability: bool,
) -> Result<Measures, Refusal> {
    let (common, head) = ends(git, pull)?;
    let files = diff::files(&diff::between(git, Some(common), head)?)?;
    let (additions, deletions) = super::history::lines(&files);
    let standing = if mergeability { Some(standing::of(call.world, record.id, pull)?) } else { None };
    Ok(Measures {
        mergeable: standing.as_ref().and_then(|standing| standing.mergeable),
        state: standing.map_or("unknown", |standing| standing.state.word()),
        commits: diff::commits(git, common, head)?.len(),
        additions,
        deletions,
        changed_files: files.len(),
    })
}

/// A pull request by itself.
pub fn shown(
    call: &Call<'_>,
    record: &RepositoryRecord,
    number: u64,
    measures: Measures,
) -> Result<Value, Refusal> {
    call.world.read(|state| {
        let owner = state.org().ok_or_else(Refusal::not_found)?;
        let repository = state.repositories.get(&record.id).ok_or_else(Refusal::not_found)?;
        let pull = repository.pulls.get(&number).ok_or_else(Refusal::not_found)?;
        Ok(shape::pulls::full_pull(&call.urls, state, owner, repository, pull, measures))
    })
}

/// `GET …/pulls`
pub fn list(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let state_wanted = call.query("state").unwrap_or("open");
    if !["open", "closed", "all"].contains(&state_wanted) {
        return Err(Refusal::validation("PullRequest", "invalid", Some("state"), None));
    }
    // `head` without an owner filters nothing: GitHub ignores it, and so does the twin.
    let head = call.query("head").and_then(|head| head.split_once(':'));
    let sort = call.query("sort").unwrap_or("created");
    let descending = match call.query("direction") {
        Some(direction) => direction == "desc",
        None => sort == "created",
    };
    let numbers: Vec<u64> = call.world.read(|state| {
        let owner = state.org().map_or("", |org| &org.login);
        let Some(repository) = state.repositories.get(&record.id) else { return Vec::new() };
        let mut found: Vec<&Pull> = repository
            .pulls
            .values()
            .filter(|pull| state_wanted == "all" || pull.state() == state_wanted)
            .filter(|pull| call.query("base").is_none_or(|base| base == pull.base))
            .filter(|pull| {
                head.is_none_or(|(user, branch)| user.eq_ignore_ascii_case(owner) && branch == pull.head)
            })
            .collect();
        match sort {
            "updated" => found.sort_by_key(|pull| (pull.updated_at, pull.number)),
            "popularity" => found.sort_by_key(|pull| {
                let comments =
                    repository.comments.values().filter(|comment| comment.pull == pull.number).count();
                (comments, pull.number)
            }),
            _ => found.sort_by_key(|pull| (pull.created_at, pull.number)),
        }
        if descending {
            found.reverse();
        }
        found.into_iter().map(|pull| pull.number).collect()
    });
    let page = cut(call, numbers);
    let items: Vec<Value> = call.world.read(|state| {
        let (Some(owner), Some(repository)) = (state.org(), state.repositories.get(&record.id)) else {
            return Vec::new();
        };
        page.items
            .iter()
            .filter_map(|number| repository.pulls.get(number))
            .map(|pull| shape::pulls::listed_pull(&call.urls, state, owner, repository, pull))
            .collect()
    });
    Ok(Reply::ok(items.into()).link(page.link))
}

/// `GET …/pulls/{pull_number}`
pub fn get(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let git = call.git(&record)?;
    if call.wants("diff") {
        return Ok(Reply::raw("application/vnd.github.diff; charset=utf-8", unified(&git, &pull)?));
    }
    if call.wants("patch") {
        return Ok(Reply::raw("application/vnd.github.patch; charset=utf-8", patches(&git, &pull)?));
    }
    let measures = measure(call, &git, &record, &pull, true)?;
    Ok(Reply::ok(shown(call, &record, pull.number, measures)?).modified(pull.updated_at))
}

/// The difference as one unified diff.
pub fn unified(git: &Repository, pull: &Pull) -> Result<Vec<u8>, Refusal> {
    let (common, head) = ends(git, pull)?;
    Ok(diff::unified(&diff::between(git, Some(common), head)?)?)
}

/// Its commits as `git format-patch` writes them.
pub fn patches(git: &Repository, pull: &Pull) -> Result<Vec<u8>, Refusal> {
    let (common, head) = ends(git, pull)?;
    let mut text = Vec::new();
    for oid in diff::commits(git, common, head)? {
        text.extend(super::history::email(&git.find_commit(oid)?)?);
    }
    Ok(text)
}

/// `GET …/pulls/{pull_number}/files`
pub fn files(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let git = call.git(&record)?;
    let (common, head) = ends(&git, &pull)?;
    let mut all = diff::files(&diff::between(&git, Some(common), head)?)?;
    // GitHub lists at most 3,000 files.
    all.truncate(3000);
    let page = cut(call, all);
    let home = call.home(&record);
    let items: Vec<Value> = page.items.iter().map(|file| shape::git::diff_entry(&home, file, head)).collect();
    Ok(Reply::ok(items.into()).link(page.link))
}

/// `GET …/pulls/{pull_number}/commits`
pub fn commits(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let git = call.git(&record)?;
    let (common, head) = ends(&git, &pull)?;
    let mut all = diff::commits(&git, common, head)?;
    // GitHub lists at most 250 commits.
    all.truncate(250);
    let page = cut(call, all);
    let items = super::history::all_shown(call, &call.home(&record), &git, &page.items)?;
    Ok(Reply::ok(items.into()).link(page.link))
}

/// `GET …/pulls/{pull_number}/merge`
pub fn is_merged(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    if pull.merge.is_some() { Ok(Reply::empty(204)) } else { Err(Refusal::not_found()) }
}
