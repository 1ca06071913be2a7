//! Pull requests, writing: opening, editing, closing, reopening, merging, with GitHub's refusals. The duplicate
//! is refused with 422 and "A pull request already exists for owner:branch.". Auto-merge, the merge queue and
//! updating a branch are not here.

use super::call::{Call, Outcome, Reply};
use super::git_data::{acting, as_person};
use super::pulls::{measure, shown};
use super::refusal::Refusal;
use crate::follow::{follow, set_head};
use crate::git::merge::{MergeError, Method, merge as merge_commits};
use crate::git::objects::Person;
use crate::git::{full_oid, refs};
use crate::world::World;
use crate::world::change::{Change, Edit};
use crate::world::model::{Merge, Pull, RepositoryRecord};
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
            created_at: call.now,
            updated_at: call.now,
        };
        Ok((vec![Change::PullOpened { repository: record.id, pull: pull.clone() }], pull))
    })?;
    set_head(&git, pull.number, &pull.head_sha)?;
    {
        let mut facts = call.facts.borrow_mut();
        facts.pull = Some(pull.number);
        facts.head = Some(pull.head.clone());
    }
    // Mergeability is worked out later, as at GitHub: null now, known at the next read.
    let value = shown(call, &record, pull.number, measure(&git, &pull, false)?)?;
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
    Ok(Reply::ok(shown(call, &record, pull.number, measure(&git, &now, true)?)?))
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
    let commit = carry_out(
        call.world,
        &git,
        &record,
        &pull,
        (method, call.optional_text("sha")?, words),
        (&author, call.actor()?),
    )?;
    Ok(Reply::ok(
        json!({"sha": commit.to_string(), "merged": true, "message": "Pull Request successfully merged"}),
    ))
}

/// What the merge commit says, where the caller wants something of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// First line.
    pub title: Option<&'a str>,
    /// The rest.
    pub message: Option<&'a str>,
}

/// Merges a pull request, or says in GitHub's words why not. Under the repository's lock.
pub fn carry_out(
    world: &World,
    git: &Repository,
    record: &RepositoryRecord,
    pull: &Pull,
    (method, expected, words): (Method, Option<&str>, Words<'_>),
    (author, actor): (&Person, u64),
) -> Result<Oid, Refusal> {
    if !pull.is_open() {
        return Err(Refusal::new(405, "Pull Request is not mergeable"));
    }
    if pull.draft {
        return Err(Refusal::new(405, "Pull Request is still a draft"));
    }
    let (base, head) = refs::tip(git, &pull.base)
        .zip(full_oid(&pull.head_sha))
        .ok_or_else(|| Refusal::new(405, "Pull Request is not mergeable"))?;
    if expected.is_some_and(|expected| expected != pull.head_sha) {
        return Err(Refusal::new(409, "Head branch was modified. Review and try the merge again."));
    }
    let owner = world.read(|state| state.org().map(|org| org.login.clone())).unwrap_or_default();
    let (title, body) = match method {
        Method::Squash => {
            (format!("{} (#{})", pull.title, pull.number), pull.body.clone().unwrap_or_default())
        }
        _ => (format!("Merge pull request #{} from {owner}/{}", pull.number, pull.head), pull.title.clone()),
    };
    let title = words.title.map_or(title, str::to_owned);
    let body = words.message.map_or(body, str::to_owned);
    let message = if body.is_empty() { title } else { format!("{title}\n\n{body}") };
    let committer = Person::service(world.clock.now());
    let commit = merge_commits(git, base, head, method, &message, (author, &committer), &world.secrets)
        .map_err(|error| match error {
            MergeError::Conflict => Refusal::new(405, "Pull Request is not mergeable"),
            MergeError::Git(error) => error.into(),
        })?;
    let moved = refs::update(git, &format!("refs/heads/{}", pull.base), commit, false)?;
    // Journalled before `follow` looks at the other pull requests, so that this one is already merged to it.
    let merge = Merge { at: world.clock.now(), by: actor, commit: commit.to_string() };
    world.record(vec![Change::PullMerged { repository: record.id, number: pull.number, merge }])?;
    follow(world, git, record.id, &[moved], actor)?;
    Ok(commit)
}

/// Merges as a person does at the web page. Takes the repository's lock; not for async code.
pub fn merge_as(
    world: &World,
    repository: u64,
    number: u64,
    actor: u64,
    method: Method,
) -> Result<Oid, Refusal> {
    let lock = world.lock_of(repository);
    let _held = lock.blocking_lock();
    let (record, pull, account) = world
        .read(|state| {
            let record = state.repositories.get(&repository)?.record.clone();
            Some((record, state.pull(repository, number)?.clone(), state.accounts.get(&actor)?.clone()))
        })
        .ok_or_else(Refusal::not_found)?;
    let git = world.git.open(repository)?;
    let author = as_person(&account, world.clock.now());
    carry_out(world, &git, &record, &pull, (method, None, Words::default()), (&author, actor))
}

/// Closes as a person does at the web page. Takes the repository's lock; not for async code.
pub fn close_as(world: &World, repository: u64, number: u64, actor: u64) -> Result<(), Refusal> {
    let lock = world.lock_of(repository);
    let _held = lock.blocking_lock();
    world.decide(|state| {
        let pull = state.pull(repository, number).ok_or_else(Refusal::not_found)?;
        let closed = pull.is_open().then_some(Change::PullClosed { repository, number, by: actor });
        Ok((closed.into_iter().collect(), ()))
    })
}
