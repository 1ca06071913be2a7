//! What people do in this world without the API: merge and close at the web page, push commits, make and delete
//! branches, rename and archive repositories. Each goes the way the API would, under the repository's lock. Every
//! function blocks; async callers use `Twin`'s verbs.

use crate::follow::follow;
use crate::git::merge::Method;
use crate::git::objects::{NewCommit, PathEdit, edit_tree, write_commit};
use crate::git::refs::{self, Move};
use crate::rest::git_data::as_person;
use crate::rest::pulls_write::{close_as, merge_as};
use crate::rest::refusal::Refusal;
use crate::world::World;
use crate::world::change::Change;
use crate::world::model::{Account, AccountKind, RepositoryRecord};
use crate::world::state::Found;
use std::fmt;

/// Why a person could not do it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub(crate) String);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(format!("{} {}", refusal.status, refusal.body["message"].as_str().unwrap_or("refused")))
    }
}

macro_rules! refused_by {
    ($($error:ty),*) => {$(
        impl From<$error> for Refused {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )*};
}
refused_by!(
    git2::Error,
    std::io::Error,
    crate::follow::FollowError,
    crate::git::refs::RefError,
    crate::git::objects::TreeError
);

/// A file that a person changes: its path, and its content or `None` to delete it.
pub type FileEdit<'a> = (&'a str, Option<&'a [u8]>);

/// The maintainer's verbs.
#[derive(Clone, Copy)]
pub struct Maintainer<'a> {
    world: &'a World,
}

impl fmt::Debug for Maintainer<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Maintainer")
    }
}

impl<'a> Maintainer<'a> {
    /// The maintainer of a world.
    pub fn of(world: &'a World) -> Self {
        Self { world }
    }

    fn account(&self) -> Result<Account, Refused> {
        self.world
            .read(|state| state.accounts.values().find(|account| account.kind == AccountKind::User).cloned())
            .ok_or_else(|| Refused("there are no people in this world".into()))
    }

    fn record(&self, name: &str) -> Result<RepositoryRecord, Refused> {
        let name = name.rsplit('/').next().unwrap_or(name);
        self.world
            .read(|state| {
                let org = state.org()?.login.clone();
                Some(match state.repository(&org, name)? {
                    Found::Here(found) | Found::Moved(found) => found.record.clone(),
                })
            })
            .ok_or_else(|| Refused(format!("there is no repository {name}")))
    }

    /// Merges a pull request; returns the commit that the base then has.
    pub fn merge(&self, repository: &str, number: u64) -> Result<String, Refused> {
        let record = self.record(repository)?;
        Ok(merge_as(self.world, record.id, number, self.account()?.id, Method::Merge)?.to_string())
    }

    /// Closes a pull request.
    pub fn close(&self, repository: &str, number: u64) -> Result<(), Refused> {
        let record = self.record(repository)?;
        Ok(close_as(self.world, record.id, number, self.account()?.id)?)
    }

    /// Pushes one commit with these files to a branch, which is made from the default branch if it is missing.
    /// Modes are kept; new files are ordinary ones. Returns the commit.
    pub fn push(
        &self,
        repository: &str,
        branch: &str,
        message: &str,
        files: &[FileEdit<'_>],
    ) -> Result<String, Refused> {
        let record = self.record(repository)?;
        let account = self.account()?;
        let lock = self.world.lock_of(record.id);
        let _held = lock.blocking_lock();
        let git = self.world.git.open(record.id)?;
        let tip = refs::tip(&git, branch);
        let parent = tip.or_else(|| refs::tip(&git, &record.default_branch));
        let base = match parent {
            Some(oid) => Some(git.find_commit(oid)?.tree()?),
            None => None,
        };
        let mut edits = Vec::new();
        for (path, content) in files {
            let mode = base.as_ref().and_then(|tree| tree.get_path(std::path::Path::new(path)).ok());
            let mode = mode.map_or(0o100_644, |entry| entry.filemode());
            edits.push(match content {
                Some(content) => ((*path).to_owned(), PathEdit::Put { oid: git.blob(content)?, mode }),
                None => ((*path).to_owned(), PathEdit::Delete),
            });
        }
        let tree = edit_tree(&git, base.as_ref(), edits)?;
        let person = as_person(&account, self.world.clock.now());
        let parents: Vec<git2::Oid> = parent.into_iter().collect();
        let new = NewCommit { author: &person, committer: &person, message, tree, parents: &parents };
        let commit = write_commit(&git, &new, None, None)?;
        let name = format!("refs/heads/{branch}");
        git.reference(&name, commit, true, "pushed")?;
        let moved = Move { name, old: tip, new: Some(commit) };
        follow(self.world, &git, record.id, &[moved], account.id)?;
        Ok(commit.to_string())
    }

    /// Deletes a branch.
    pub fn delete_branch(&self, repository: &str, branch: &str) -> Result<(), Refused> {
        let record = self.record(repository)?;
        let lock = self.world.lock_of(record.id);
        let _held = lock.blocking_lock();
        let git = self.world.git.open(record.id)?;
        let moved = refs::delete(&git, &format!("refs/heads/{branch}"))?;
        Ok(follow(self.world, &git, record.id, &[moved], self.account()?.id)?)
    }

    /// Gives a repository another name; the old one redirects.
    pub fn rename(&self, repository: &str, name: &str) -> Result<(), Refused> {
        self.change(repository, |record| record.name = name.to_owned())
    }

    /// Makes a repository read-only, or writable again.
    pub fn archive(&self, repository: &str, archived: bool) -> Result<(), Refused> {
        self.change(repository, |record| record.archived = archived)
    }

    fn change(&self, repository: &str, edit: impl FnOnce(&mut RepositoryRecord)) -> Result<(), Refused> {
        let mut record = self.record(repository)?;
        edit(&mut record);
        record.updated_at = self.world.clock.now();
        Ok(self.world.record(vec![Change::RepositoryChanged { record }])?)
    }
}
