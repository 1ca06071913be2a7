//! Pull requests, writing: opening, editing, closing, reopening, merging, with GitHub's refusals. The duplicate
//! is refused with 422 and "A pull request already exists for owner:branch.". How a merge is carried out is
//! `merging`'s; auto-merge and the merge queue are GraphQL's alone.

use super::call::{Call, Outcome, Reply};
use super::git_data::acting;
use super::pulls::{measure, shown};
use super::refusal::Refusal;
use crate::follow::set_head;
use crate::git::merge::Method;
use crate::git::{full_oid, refs};
use crate::merging::{self, Wanted, Words, carry_out};
use crate::settle::ask_owners;
use crate::world::World;
use crate::world::change::{Change, Edit};
use crate::world::model::{Level, Pull, RepositoryRecord};
use git2::{Oid, Repository};
use serde_json::json;

fn invalid(field: &str) -> Refusal {
    Refusal::validation("PullRequest", "invalid", Some(field), None)
}

fn custom(message: String) -> Refusal {
    Refusal::validation("PullRequest", "custom", None, Some(message))
}

fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").unwrap_or(name)
}

/// `POST …/pulls`
pub fn create(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let owner = call.world.read(|state| state.org().map(|org| org.login.clone())).unwrap_or_default();
    let (head, base) = (call.text("head")?, short(call.text("base")?));
    if call.body.get("issue").is_some_and(|issue| !issue.is_null()) {
        return Err(Refusal::not_implemented("pulls/create", "turning an issue into a pull request"));
    }
    let title = call.optional_text("title")?.unwrap_or("");
    if title.trim().is_empty() {
        return Err(Refusal::validation("PullRequest", "missing_field", Some("title"), None));
    }
    let head = match head.split_once(':') {
        Some((user, branch)) if user.eq_ignore_ascii_case(&owner) => branch,
        Some(_) => return Err(invalid("head")),
        None => short(head),
    };
    let base_sha = refs::tip(&git, base).ok_or_else(|| invalid("base"))?;
    let head_sha = refs::tip(&git, head).ok_or_else(|| invalid("head"))?;
    if exists(call.world, record.id, head, base, None) {
        return Err(custom(format!("A pull request already exists for {owner}:{head}.")));
    }
    if !is_ahead(&git, base_sha, head_sha)? {
        return Err(custom(format!("No commits between {base} and {head}")));
    }
    let author = call.actor()?;
    let (title, body) = (title.to_owned(), call.optional_text("body")?.map(str::to_owned));
    let draft = call.flag("draft")?.unwrap_or(false);
    let maintainer_can_modify = call.flag("maintainer_can_modify")?.unwrap_or(false);
    // Under the repository's lock, so the number is still free when it is journalled.
    let pull = call.world.decide::<_, Refusal>(|state| {
        let repository = state.repositories.get(&record.id).ok_or_else(Refusal::not_found)?;
        let pull = Pull {
            id: state.next_id(),
            number: repository.pulls.keys().next_back().map_or(1, |last| last + 1),
            title,
            body,
            draft,
            closed_at: None,
            merge: None,
            head: head.to_owned(),
            head_sha: head_sha.to_string(),
            base: base.to_owned(),
            base_sha: base_sha.to_string(),
            author,
            closed_by: None,
            maintainer_can_modify,
            labels: Vec::new(),
            assignees: Vec::new(),
            reviewers: Vec::new(),
            teams: Vec::new(),
            auto_merge: None,
            created_at: call.now,
            updated_at: call.now,
        };
        Ok((vec![Change::PullOpened { repository: record.id, pull: pull.clone() }], pull))
    })?;
    set_head(&git, pull.number, &pull.head_sha)?;
    ask_owners(call.world, &git, record.id, pull.number)?;
    {
        let mut facts = call.facts.borrow_mut();
        facts.pull = Some(pull.number);
        facts.head = Some(pull.head.clone());
    }
    // Mergeability is worked out later, as at GitHub: null now, known at the next read.
    let value = shown(call, &record, pull.number, measure(call, &git, &record, &pull, false)?)?;
    let url = value["url"].as_str().unwrap_or_default().to_owned();
    Ok(Reply::json(201, value).header("location", url))
}

fn exists(world: &World, repository: u64, head: &str, base: &str, except: Option<u64>) -> bool {
    world.read(|state| {
        state.repositories.get(&repository).is_some_and(|found| {
            found.pulls.values().any(|pull| {
                pull.is_open() && pull.head == head && pull.base == base && Some(pull.number) != except
            })
        })
    })
}

fn is_ahead(git: &Repository, base: Oid, head: Oid) -> Result<bool, Refusal> {
    if base == head {
        return Ok(false);
    }
    Ok(git.graph_ahead_behind(head, base)?.0 > 0)
}

/// `PATCH …/pulls/{pull_number}`
pub fn update(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let git = call.git(&record)?;
    let mut edit = Edit::default();
    if let Some(title) = call.optional_text("title")? {
        if title.trim().is_empty() {
            return Err(Refusal::validation("PullRequest", "missing_field", Some("title"), None));
        }
        edit.title = Some(title.to_owned());
    }
    if call.body.get("body").is_some() {
        edit.body = Some(call.optional_text("body")?.map(str::to_owned));
    }
    edit.maintainer_can_modify = call.flag("maintainer_can_modify")?;
    if let Some(base) = call.optional_text("base")?.map(short).filter(|base| *base != pull.base) {
        edit.base = Some(new_base(call, &git, &record, &pull, base)?);
    }
    let mut changes =
        vec![Change::PullEdited { repository: record.id, number: pull.number, edit: Box::new(edit) }];
    changes.extend(state_change(call, &git, &record, &pull)?);
    call.world.record(changes)?;
    let now = call.pull(&record)?;
    Ok(Reply::ok(shown(call, &record, pull.number, measure(call, &git, &record, &now, true)?)?))
}

fn new_base(
    call: &Call<'_>,
    git: &Repository,
    record: &RepositoryRecord,
    pull: &Pull,
    base: &str,
) -> Result<(String, String), Refusal> {
    if !pull.is_open() {
        let message = "Cannot change the base branch of a closed pull request.".to_owned();
        return Err(Refusal::validation("PullRequest", "invalid", Some("base"), Some(message)));
    }
    let tip = refs::tip(git, base).ok_or_else(|| invalid("base"))?;
    if exists(call.world, record.id, &pull.head, base, Some(pull.number)) {
        let message =
            format!("A pull request already exists for base branch '{base}' and head branch '{}'", pull.head);
        return Err(Refusal::validation("PullRequest", "invalid", Some("base"), Some(message)));
    }
    let head = full_oid(&pull.head_sha).ok_or_else(Refusal::not_found)?;
    if !is_ahead(git, tip, head)? {
        let message =
            format!("There are no new commits between base branch '{base}' and head branch '{}'", pull.head);
        return Err(Refusal::validation("PullRequest", "invalid", Some("base"), Some(message)));
    }
    Ok((base.to_owned(), tip.to_string()))
}

/// What the body's `state` comes to.
pub fn state_change(
    call: &Call<'_>,
    git: &Repository,
    record: &RepositoryRecord,
    pull: &Pull,
) -> Result<Option<Change>, Refusal> {
    let (repository, number) = (record.id, pull.number);
    let refuse = |why: String| {
        let message = format!("state cannot be changed. {why}");
        Err(Refusal::validation("PullRequest", "invalid", Some("state"), Some(message)))
    };
    match call.optional_text("state")? {
        None => Ok(None),
        Some("closed") if pull.is_open() => {
            Ok(Some(Change::PullClosed { repository, number, by: call.actor()? }))
        }
        Some("open") if !pull.is_open() => {
            if pull.merge.is_some() {
                return refuse("The pull request cannot be reopened.".into());
            }
            let Some(tip) = refs::tip(git, &pull.head) else {
                return refuse(format!("The {} branch has been deleted.", pull.head));
            };
            if tip.to_string() != pull.head_sha {
                return refuse(format!("The {} branch was force-pushed or recreated.", pull.head));
            }
            if exists(call.world, repository, &pull.head, &pull.base, None) {
                return refuse(format!(
                    "There is already an open pull request from {} to {}.",
                    pull.head, pull.base
                ));
            }
            Ok(Some(Change::PullReopened { repository, number }))
        }
        Some("open" | "closed") => Ok(None),
        Some(_) => Err(invalid("state")),
    }
}

/// `PUT …/pulls/{pull_number}/merge`
pub fn merge(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let method = match call.optional_text("merge_method")?.unwrap_or("merge") {
        "merge" => Method::Merge,
        "squash" => Method::Squash,
        "rebase" => Method::Rebase,
        _ => return Err(Refusal::unprocessable("merge_method must be one of merge, squash, rebase")),
    };
    let git = call.git(&record)?;
    let words =
        Words { title: call.optional_text("commit_title")?, message: call.optional_text("commit_message")? };
    let author = acting(call)?;
    let wanted = Wanted { method, head: call.optional_text("sha")?, words };
    let commit = carry_out(call.world, &git, &record, &pull, wanted, (&author, call.actor()?))?;
    Ok(Reply::ok(
        json!({"sha": commit.to_string(), "merged": true, "message": "Pull Request successfully merged"}),
    ))
}

/// `PUT …/pulls/{pull_number}/update-branch`
pub fn update_branch(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    // The commit lands on the head branch, so that contents must be writable too.
    if !call.caller.may(record.id, &[("contents", Level::Write)]) {
        return Err(Refusal::new(403, "Resource not accessible by integration")
            .header("x-accepted-github-permissions", "pull_requests=write,contents=write"));
    }
    let git = call.git(&record)?;
    let expected = call.optional_text("expected_head_sha")?;
    let author = acting(call)?;
    merging::update_branch(call.world, &git, &record, &pull, expected, (&author, call.actor()?))?;
    let url = format!("{}/pulls/{}", call.home(&record).api, pull.number);
    Ok(Reply::json(202, json!({"message": "Updating pull request branch.", "url": url})))
}
