//! Merging a pull request, and bringing its branch up to date: by the merge button, by auto-merge, by a person at
//! the web page. Refuses in GitHub's words. Under the repository's lock. When it merges by itself is `settle`'s.

use crate::follow::follow;
use crate::git::merge::{MergeError, Method, merge as merge_commits};
use crate::git::objects::Person;
use crate::git::{full_oid, refs};
use crate::rest::git_data::as_person;
use crate::rest::refusal::Refusal;
use crate::standing;
use crate::world::World;
use crate::world::change::Change;
use crate::world::model::{Merge, Pull, RepositoryRecord};
use git2::{Oid, Repository};

/// What the merge commit says, where the caller wants something of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// First line.
    pub title: Option<&'a str>,
    /// The rest.
    pub message: Option<&'a str>,
}

/// How to merge.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The way.
    pub method: Method,
    /// The head it must have.
    pub head: Option<&'a str>,
    /// What the commit says.
    pub words: Words<'a>,
}

/// Merges a pull request, or says in GitHub's words why not. Whoever is on a bypass list passes the rules, as at
/// GitHub.
pub fn carry_out(
    world: &World,
    git: &Repository,
    record: &RepositoryRecord,
    pull: &Pull,
    wanted: Wanted<'_>,
    (author, actor): (&Person, u64),
) -> Result<Oid, Refusal> {
    let not_mergeable = || Refusal::new(405, "Pull Request is not mergeable");
    if !pull.is_open() {
        return Err(not_mergeable());
    }
    if pull.draft {
        return Err(Refusal::new(405, "Pull Request is still a draft"));
    }
    let (base, head) = refs::tip(git, &pull.base).zip(full_oid(&pull.head_sha)).ok_or_else(not_mergeable)?;
    if wanted.head.is_some_and(|expected| expected != pull.head_sha) {
        return Err(Refusal::new(409, "Head branch was modified. Review and try the merge again."));
    }
    let standing = standing::of(world, record.id, pull)?;
    if standing.mergeable != Some(true) {
        return Err(not_mergeable());
    }
    if !allowed(record, wanted.method) {
        let message = format!("{} are not allowed on this repository.", wanted.method.commits());
        return Err(Refusal::new(405, message));
    }
    if let Some(message) = world.read(|state| standing.obstacle(state, actor)) {
        return Err(Refusal::new(405, message));
    }
    let message = message(world, pull, wanted.method, wanted.words);
    let committer = Person::service(world.clock.now());
    let commit =
        merge_commits(git, base, head, wanted.method, &message, (author, &committer), &world.secrets)
            .map_err(|error| match error {
                MergeError::Conflict => not_mergeable(),
                MergeError::Git(error) => error.into(),
            })?;
    landed(world, git, record, pull, commit, actor)?;
    Ok(commit)
}

/// Does the repository let pull requests be merged this way?
pub fn allowed(record: &RepositoryRecord, method: Method) -> bool {
    match method {
        Method::Merge => record.settings.allow_merge_commit,
        Method::Squash => record.settings.allow_squash_merge,
        Method::Rebase => record.settings.allow_rebase_merge,
    }
}

/// What the merge commit says.
pub fn message(world: &World, pull: &Pull, method: Method, words: Words<'_>) -> String {
    let owner = world.read(|state| state.org().map(|org| org.login.clone())).unwrap_or_default();
    let (title, body) = match method {
        Method::Squash => {
            (format!("{} (#{})", pull.title, pull.number), pull.body.clone().unwrap_or_default())
        }
        _ => (format!("Merge pull request #{} from {owner}/{}", pull.number, pull.head), pull.title.clone()),
    };
    let title = words.title.map_or(title, str::to_owned);
    let body = words.message.map_or(body, str::to_owned);
    if body.is_empty() { title } else { format!("{title}\n\n{body}") }
}

/// Moves the base to the commit that merges a pull request, and records everything that follows.
pub fn landed(
    world: &World,
    git: &Repository,
    record: &RepositoryRecord,
    pull: &Pull,
    commit: Oid,
    actor: u64,
) -> Result<(), Refusal> {
    let moved = refs::update(git, &format!("refs/heads/{}", pull.base), commit, false)?;
    // Journalled before `follow` looks at the other pull requests, so that this one is already merged to it.
    let merge = Merge { at: world.clock.now(), by: actor, commit: commit.to_string() };
    world.record(vec![Change::PullMerged { repository: record.id, number: pull.number, merge }])?;
    follow(world, git, record.id, &[moved], actor)?;
    let spare = pull.head != record.default_branch && refs::tip(git, &pull.head).is_some();
    if record.settings.delete_branch_on_merge && spare {
        let gone = refs::delete(git, &format!("refs/heads/{}", pull.head))?;
        follow(world, git, record.id, &[gone], actor)?;
    }
    Ok(())
}

/// Merges the base into the head, as the button "Update branch" does.
pub fn update_branch(
    world: &World,
    git: &Repository,
    record: &RepositoryRecord,
    pull: &Pull,
    expected: Option<&str>,
    (author, actor): (&Person, u64),
) -> Result<Oid, Refusal> {
    if expected.is_some_and(|expected| expected != pull.head_sha) {
        return Err(Refusal::unprocessable("expected head sha didn’t match current head ref."));
    }
    let ends = refs::tip(git, &pull.base).zip(refs::tip(git, &pull.head)).filter(|_| pull.is_open());
    let (base, head) = ends.ok_or_else(|| Refusal::unprocessable("The pull request is closed."))?;
    if base == head || git.graph_descendant_of(head, base)? {
        return Err(Refusal::unprocessable("There are no new commits on the base branch."));
    }
    let message = format!("Merge branch '{}' into {}", pull.base, pull.head);
    let committer = Person::service(world.clock.now());
    let commit =
        merge_commits(git, head, base, Method::Merge, &message, (author, &committer), &world.secrets)
            .map_err(|error| match error {
                MergeError::Conflict => Refusal::unprocessable("merge conflict between base and head"),
                MergeError::Git(error) => error.into(),
            })?;
    let moved = refs::update(git, &format!("refs/heads/{}", pull.head), commit, false)?;
    follow(world, git, record.id, &[moved], actor)?;
    Ok(commit)
}

/// The account as the author of a commit of now.
pub fn author(world: &World, account: u64) -> Result<Person, Refusal> {
    let found = world.read(|state| state.accounts.get(&account).cloned()).ok_or_else(Refusal::not_found)?;
    Ok(as_person(&found, world.clock.now()))
}
