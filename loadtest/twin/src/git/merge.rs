//! Merging in a bare repository, the three ways GitHub offers: a merge commit, one squashed commit, or the
//! commits replayed. Writes objects only; the caller moves the base branch.

use super::objects::{NewCommit, Person, write_commit};
use crate::secrets::Secrets;
use git2::{Oid, Repository};
use serde::{Deserialize, Serialize};

/// How to merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Method {
    /// A merge commit.
    Merge,
    /// One commit with everything.
    Squash,
    /// Each commit again on top of the base.
    Rebase,
}

impl Method {
    /// GitHub's word in REST.
    pub fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }

    /// How GitHub speaks of its commits.
    pub fn commits(self) -> &'static str {
        match self {
            Self::Merge => "Merge commits",
            Self::Squash => "Squash merges",
            Self::Rebase => "Rebase merges",
        }
    }
}

/// Why it cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Both sides changed the same lines.
    #[error("Merge conflict")]
    Conflict,
    /// libgit2 said no.
    #[error(transparent)]
    Git(#[from] git2::Error),
}

/// Would the two merge without conflict?
pub fn is_clean(repository: &Repository, base: Oid, head: Oid) -> Result<bool, git2::Error> {
    if repository.merge_base(base, head).is_ok_and(|common| common == base || common == head) {
        return Ok(true);
    }
    let index =
        repository.merge_commits(&repository.find_commit(base)?, &repository.find_commit(head)?, None)?;
    Ok(!index.has_conflicts())
}

/// Merges `head` into `base` and returns the commit that the base branch should then have.
pub fn merge(
    repository: &Repository,
    base: Oid,
    head: Oid,
    method: Method,
    message: &str,
    who: (&Person, &Person),
    secrets: &Secrets,
) -> Result<Oid, MergeError> {
    let (author, committer) = who;
    if method == Method::Rebase {
        return replay(repository, base, head, committer);
    }
    let mut index =
        repository.merge_commits(&repository.find_commit(base)?, &repository.find_commit(head)?, None)?;
    if index.has_conflicts() {
        return Err(MergeError::Conflict);
    }
    let tree = index.write_tree_to(repository)?;
    let both = [base, head];
    let parents = if method == Method::Merge { &both[..] } else { &both[..1] };
    let commit = NewCommit { author, committer, message, tree, parents };
    Ok(write_commit(repository, &commit, Some(secrets), None)?)
}

/// Each commit again, with its author and message; merge commits are left out, as git's own rebase does.
fn replay(repository: &Repository, base: Oid, head: Oid, committer: &Person) -> Result<Oid, MergeError> {
    let mut tip = base;
    for oid in super::diff::commits(repository, base, head)? {
        let commit = repository.find_commit(oid)?;
        if commit.parent_count() > 1 {
            continue;
        }
        let mut index = repository.cherrypick_commit(&commit, &repository.find_commit(tip)?, 0, None)?;
        if index.has_conflicts() {
            return Err(MergeError::Conflict);
        }
        let tree = index.write_tree_to(repository)?;
        let author = commit.author();
        let author = Person {
            name: String::from_utf8_lossy(author.name_bytes()).into_owned(),
            email: String::from_utf8_lossy(author.email_bytes()).into_owned(),
            when: (author.when().seconds(), author.when().offset_minutes()),
        };
        let message = String::from_utf8_lossy(commit.message_raw_bytes()).into_owned();
        let new = NewCommit { author: &author, committer, message: &message, tree, parents: &[tip] };
        tip = write_commit(repository, &new, None, None)?;
    }
    Ok(tip)
}
