//! Commits of a repository: listing, reading, comparing. Signatures and files come from git itself.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape;
use super::shape::git::Home;
use crate::git::diff;
use crate::paging::{asked, cut};
use git2::{Commit, Oid, Repository};
use serde_json::{Value, json};

/// One commit as history shows it.
pub fn shown(call: &Call<'_>, home: &Home, git: &Repository, commit: &Commit<'_>) -> Value {
    let account = |email: &str| call.account_of_email(email);
    shape::git::commit(home, &call.urls, git, commit, &call.world.secrets, &account)
}

/// Many commits as history shows them.
pub fn all_shown(
    call: &Call<'_>,
    home: &Home,
    git: &Repository,
    commits: &[Oid],
) -> Result<Vec<Value>, Refusal> {
    commits.iter().map(|oid| Ok(shown(call, home, git, &git.find_commit(*oid)?))).collect()
}

/// `GET /repos/{owner}/{repo}/commits`
pub fn list(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let start = call.commit(&git, call.query("sha").unwrap_or(&record.default_branch))?;
    let mut walk = git.revwalk()?;
    walk.set_sorting(git2::Sort::TIME | git2::Sort::TOPOLOGICAL)?;
    walk.push(start.id())?;
    let time = |name: &str| {
        call.query(name)
            .and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok())
            .map(|at| at.timestamp())
    };
    let (since, until) = (time("since"), time("until"));
    let mut found = Vec::new();
    for oid in walk {
        let commit = git.find_commit(oid?)?;
        let at = commit.time().seconds();
        let by = |name: &str, signature: &git2::Signature<'_>| {
            call.query(name).is_none_or(|wanted| {
                let email = String::from_utf8_lossy(signature.email_bytes()).into_owned();
                email == wanted
                    || call.account_of_email(&email).is_some_and(|account| account.login == wanted)
            })
        };
        if since.is_none_or(|since| at >= since)
            && until.is_none_or(|until| at <= until)
            && by("author", &commit.author())
            && by("committer", &commit.committer())
            && call.query("path").is_none_or(|path| touches(&commit, path))
        {
            found.push(commit.id());
        }
    }
    let page = cut(call, found);
    Ok(Reply::ok(all_shown(call, &call.home(&record), &git, &page.items)?.into()).link(page.link))
}

/// Is the path different in a commit than in its first parent?
fn touches(commit: &Commit<'_>, path: &str) -> bool {
    let entry = |commit: &Commit<'_>| {
        let found = commit.tree().ok()?.get_path(std::path::Path::new(path.trim_matches('/'))).ok()?;
        Some((found.id(), found.filemode()))
    };
    entry(commit) != commit.parent(0).ok().as_ref().and_then(entry)
}

/// `GET /repos/{owner}/{repo}/commits/{ref}`
pub fn get(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let name = call.param("ref");
    let commit = call.commit(&git, name).map_err(|refusal| {
        if refusal.status == 404 {
            Refusal::unprocessable(format!("No commit found for SHA: {name}"))
        } else {
            refusal
        }
    })?;
    if call.wants("sha") {
        return Ok(Reply::raw("application/vnd.github.sha; charset=utf-8", commit.id().to_string()));
    }
    let changes = diff::between(&git, commit.parent_id(0).ok(), commit.id())?;
    if call.wants("diff") {
        return Ok(Reply::raw("application/vnd.github.diff; charset=utf-8", diff::unified(&changes)?));
    }
    if call.wants("patch") {
        let patch = email(&commit)?;
        return Ok(Reply::raw("application/vnd.github.patch; charset=utf-8", patch));
    }
    let files = diff::files(&changes)?;
    let home = call.home(&record);
    let mut value = shown(call, &home, &git, &commit);
    let (plus, minus) = lines(&files);
    value["stats"] = json!({"additions": plus, "deletions": minus, "total": plus + minus});
    let page = cut(call, files);
    value["files"] = page.items.iter().map(|file| shape::git::diff_entry(&home, file, commit.id())).collect();
    Ok(Reply::ok(value).link(page.link))
}

/// A commit as `git format-patch` writes it.
pub fn email(commit: &Commit<'_>) -> Result<Vec<u8>, Refusal> {
    let mut options = git2::EmailCreateOptions::new();
    Ok(git2::Email::from_commit(commit, &mut options)?.as_slice().to_vec())
}

/// Lines added and removed.
pub fn lines(files: &[diff::FileChange]) -> (usize, usize) {
    files.iter().fold((0, 0), |(plus, minus), file| (plus + file.additions, minus + file.deletions))
}

/// `GET /repos/{owner}/{repo}/compare/{base}...{head}`
pub fn compare(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let (base_name, head_name) = call.param("basehead").split_once("...").ok_or_else(Refusal::not_found)?;
    // `owner:branch` is the same branch here, where nothing is forked.
    let local = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    let base = call.commit(&git, &local(base_name))?;
    let head = call.commit(&git, &local(head_name))?;
    let common = git
        .merge_base(base.id(), head.id())
        .map_err(|_| Refusal::new(404, format!("No common ancestor between {base_name} and {head_name}.")))?;
    let changes = diff::between(&git, Some(common), head.id())?;
    if call.wants("diff") {
        return Ok(Reply::raw("application/vnd.github.diff; charset=utf-8", diff::unified(&changes)?));
    }
    let (ahead, behind) = git.graph_ahead_behind(head.id(), base.id())?;
    let home = call.home(&record);
    let commits = diff::commits(&git, base.id(), head.id())?;
    if call.wants("patch") {
        let mut text = Vec::new();
        for oid in commits {
            text.extend(email(&git.find_commit(oid)?)?);
        }
        return Ok(Reply::raw("application/vnd.github.patch; charset=utf-8", text));
    }
    let page = crate::paging::cut_by(call, commits, 100);
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    // Files come with the first page only, and at most 300 of them.
    let files = if asked(call, 100).0 == 1 { diff::files(&changes)? } else { Vec::new() };
    let web = format!("{}/compare/{}", home.web, shape::git::path(call.param("basehead")));
    Ok(Reply::ok(json!({
        "url": format!("{}/compare/{}", home.api, shape::git::path(call.param("basehead"))),
        "html_url": web,
        "permalink_url": format!("{}/compare/{}...{}", home.web, base.id(), head.id()),
        "diff_url": format!("{web}.diff"),
        "patch_url": format!("{web}.patch"),
        "base_commit": shown(call, &home, &git, &base),
        "merge_base_commit": shown(call, &home, &git, &git.find_commit(common)?),
        "status": status,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": page.total,
        "commits": all_shown(call, &home, &git, &page.items)?,
        "files": files.iter().take(300).map(|file| shape::git::diff_entry(&home, file, head.id())).collect::<Vec<_>>(),
    }))
    .link(page.link))
}
