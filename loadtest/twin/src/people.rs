//! What people do in this world without the API: merge and close at the web page, push commits, make and delete
//! branches, rename and archive repositories, and more in the files below. Each goes the way the API would, under
//! the repository's lock, and what follows by itself has happened when it returns. Every function blocks; async
//! callers use `Twin`'s verbs.

mod conversation;
mod governance;

use crate::follow::follow;
use crate::git::merge::Method;
use crate::git::objects::{NewCommit, PathEdit, edit_tree, write_commit};
use crate::git::refs::{self, Move};
use crate::merging::{self, Wanted, Words, carry_out};
use crate::rest::git_data::as_person;
use crate::rest::refusal::Refusal;
use crate::settle::settle;
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
    login: Option<&'a str>,
}

impl fmt::Debug for Maintainer<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Maintainer")
    }
}

impl<'a> Maintainer<'a> {
    /// The maintainer of a world.
    pub fn of(world: &'a World) -> Self {
        Self { world, login: None }
    }

    /// Another of its people, by login.
    pub fn named(world: &'a World, login: &'a str) -> Self {
        Self { world, login: Some(login) }
    }

    fn account(&self) -> Result<Account, Refused> {
        let known = |account: &&Account| {
            self.login.map_or(account.kind == AccountKind::User, |login| account.login == login)
        };
        self.world.read(|state| state.accounts.values().find(known).cloned()).ok_or_else(|| {
            Refused(format!("there is no {} in this world", self.login.unwrap_or("maintainer")))
        })
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
        self.in_repository(repository, |me, record| {
            let pull = me.world.read(|state| state.pull(record.id, number).cloned());
            let pull = pull.ok_or_else(Refusal::not_found)?;
            let git = me.world.git.open(record.id)?;
            let who = me.account()?.id;
            let author = merging::author(me.world, who)?;
            let wanted = Wanted { method: Method::Merge, head: None, words: Words::default() };
            Ok(carry_out(me.world, &git, record, &pull, wanted, (&author, who))?.to_string())
        })
    }

    /// Closes a pull request.
    pub fn close(&self, repository: &str, number: u64) -> Result<(), Refused> {
        let by = self.account()?.id;
        self.in_repository(repository, |me, record| {
            let repository = record.id;
            me.world.decide(|state| {
                let pull = state.pull(repository, number).ok_or_else(Refusal::not_found)?;
                let closed = pull.is_open().then_some(Change::PullClosed { repository, number, by });
                Ok::<_, Refused>((closed.into_iter().collect(), ()))
            })
        })
    }

    /// Does something in a repository under its lock, and lets happen what follows by itself.
    fn in_repository<T>(
        &self,
        name: &str,
        act: impl FnOnce(&Self, &RepositoryRecord) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let id = self.record(name)?.id;
        let lock = self.world.lock_of(id);
        let _held = lock.blocking_lock();
        // As it is now that nobody else changes it.
        let record = self.world.read(|state| state.repositories.get(&id).map(|found| found.record.clone()));
        let record = record.ok_or_else(|| Refused(format!("there is no repository {name}")))?;
        let value = act(self, &record)?;
        settle(self.world, id)?;
        Ok(value)
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
        self.commit(repository, branch, message, files, false)
    }

    /// Pushes with force: the tip of the branch is replaced by another commit on what came before it.
    pub fn force_push(
        &self,
        repository: &str,
        branch: &str,
        message: &str,
        files: &[FileEdit<'_>],
    ) -> Result<String, Refused> {
        self.commit(repository, branch, message, files, true)
    }

    fn commit(
        &self,
        repository: &str,
        branch: &str,
        message: &str,
        files: &[FileEdit<'_>],
        force: bool,
    ) -> Result<String, Refused> {
        self.in_repository(repository, |me, record| {
            let account = me.account()?;
            let git = me.world.git.open(record.id)?;
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
            let person = as_person(&account, me.world.clock.now());
            let parents: Vec<git2::Oid> = match tip {
                Some(tip) if force => git.find_commit(tip)?.parent_ids().collect(),
                _ => parent.into_iter().collect(),
            };
            let new = NewCommit { author: &person, committer: &person, message, tree, parents: &parents };
            let commit = write_commit(&git, &new, None, None)?;
            let name = format!("refs/heads/{branch}");
            git.reference(&name, commit, true, "pushed")?;
            let moved = Move { name, old: tip, new: Some(commit) };
            follow(me.world, &git, record.id, &[moved], account.id)?;
            Ok(commit.to_string())
        })
    }

    /// Deletes a branch.
    pub fn delete_branch(&self, repository: &str, branch: &str) -> Result<(), Refused> {
        self.in_repository(repository, |me, record| {
            let git = me.world.git.open(record.id)?;
            let moved = refs::delete(&git, &format!("refs/heads/{branch}"))?;
            Ok(follow(me.world, &git, record.id, &[moved], me.account()?.id)?)
        })
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
        self.in_repository(repository, |me, record| {
            let mut record = record.clone();
            edit(&mut record);
            record.updated_at = me.world.clock.now();
            Ok(me.world.record(vec![Change::RepositoryChanged { record }])?)
        })
    }
}
