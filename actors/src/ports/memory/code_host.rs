//! A code host in memory: a small true world that keeps GitHub's rules, and can be broken on purpose.
//!
//! What is true at GitHub and matters to publishing is true here: one open pull request for a head and base,
//! branches that are never moved by force, ids that survive renames, answers that get lost after the deed.
//! Deliberately absent: rights, and limits other than those a [`Fault`] sets; what checks and reviewers say is what a
//! test has them say.

mod compare;
mod faults;
mod merging;
mod opting;
mod people;
mod port;
mod reading;
mod rerunning;
mod wardrobe;
mod whereabouts;
mod world;

pub use faults::{Fault, FaultEffect, Operation};

use super::super::{CodeHostError, Permit, ReadBudget, RepositoryRef, Resource};
use bytes::Bytes;
use campaigns_domain::{
    changeset::AwayCause,
    execution::FileMode,
    id::{CommitSha, RepositoryId, RepositoryName},
    publish::PullRequest,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::time::Instant;
use world::Repository;

/// One call that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was asked.
    pub operation: Operation,
    /// Of which repository (`owner/name`, as it is called now) or owner.
    pub of: String,
    /// Whether it was carried out.
    pub done: bool,
    /// When.
    pub at: Instant,
}

/// A file to be put into a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedFile {
    /// The path.
    pub path: String,
    /// The mode.
    pub mode: FileMode,
    /// The content (a symbolic link's destination).
    pub content: Bytes,
}

impl SeedFile {
    /// An ordinary file.
    pub fn new(path: &str, content: impl Into<Bytes>) -> Self {
        Self { path: path.to_owned(), mode: FileMode::Regular, content: content.into() }
    }

    /// The same with another mode.
    #[must_use]
    pub fn mode(mut self, mode: FileMode) -> Self {
        self.mode = mode;
        self
    }
}

#[derive(Default)]
struct World {
    repositories: BTreeMap<RepositoryId, Repository>,
    faults: Vec<Fault>,
    calls: Vec<Call>,
    /// Reads of more pull requests at once get no answer.
    most_read: Option<usize>,
    /// Seconds that pass with every commit, so that no two are the same by accident.
    clock: u64,
}

/// The code host.
#[derive(Default)]
pub struct MemoryCodeHost {
    world: Mutex<World>,
}

impl MemoryCodeHost {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a repository with these files on its default branch `main`; without any it is empty.
    pub fn add_repository(&self, name: &RepositoryName, files: &[SeedFile]) -> RepositoryRef {
        let mut world = self.lock();
        let id = RepositoryId(1 + world.repositories.keys().last().map_or(0, |id| id.0));
        world.repositories.insert(id, Repository::new(id, name.clone()));
        drop(world);
        let repository = RepositoryRef { id, name: name.clone() };
        if !files.is_empty() {
            self.push(&repository, "main", files, "Begin");
        }
        repository
    }

    /// Commits these files on top of a branch as a person would, making the branch off the default one where it
    /// is new. Nothing happens in a repository that does not exist.
    pub fn push(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        files: &[SeedFile],
        message: &str,
    ) -> Option<CommitSha> {
        let mut world = self.lock();
        world.clock += 1;
        let at = world.clock;
        let found = world.repositories.get_mut(&repository.id)?;
        let parent = found.head(branch).or_else(|| found.head(&found.default_branch));
        let mut tree =
            parent.as_ref().and_then(|head| found.trees.get(&head.tree)).cloned().unwrap_or_default();
        for file in files {
            let id = found.add_blob(file.content.clone());
            tree.insert(file.path.clone(), (file.mode, id));
        }
        let tree = found.add_tree(tree);
        let parents = parent.map(|head| head.commit).into_iter().collect();
        let commit = found.store_commit(&tree, parents, message, at);
        found.set_branch(branch, &commit);
        Some(commit)
    }

    /// Breaks something.
    pub fn add_fault(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Mends everything.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Every call so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Every pull request of a repository with its head branch and text, oldest first.
    pub fn pulls(&self, repository: &RepositoryRef) -> Vec<(PullRequest, String, String)> {
        let world = self.lock();
        let Some(found) = world.repositories.get(&repository.id) else { return Vec::new() };
        let words = found.words.iter().cloned();
        found.pulls.iter().cloned().zip(words).map(|(pull, (head, body))| (pull, head, body)).collect()
    }

    /// One call: struck by the faults, counted, carried out, answered or not.
    async fn call<T>(
        &self,
        operation: Operation,
        repository: &RepositoryRef,
        paid: impl Into<Paid<'_>>,
        act: impl FnOnce(&mut Repository, u64) -> Result<T, CodeHostError>,
    ) -> Result<T, CodeHostError> {
        let _reading = match paid.into() {
            Paid::Permit(permit) if permit.has_expired() => return Err(CodeHostError::PermitExpired),
            Paid::Permit(_) => None,
            Paid::Reads(budget) => Some(budget.spend(Resource::Rest, 1).await?),
        };
        let (answer, effect) = {
            let mut world = self.lock();
            world.clock += 1;
            let World { repositories, faults, calls, clock, .. } = &mut *world;
            let found = repositories
                .get_mut(&repository.id)
                .filter(|found| !found.closed)
                .ok_or_else(|| CodeHostError::NotFound(format!("the repository {}", repository.name)))?;
            let effect = faults::strike(faults, operation, Some(found.name.name()));
            let answer = match &effect {
                Some(FaultEffect::Refuse(error)) => Err(error.clone()),
                _ if found.archived && operation.writes() => Err(whereabouts::away(
                    AwayCause::Archived,
                    format!("the repository {} is archived and read-only: unarchive it", found.name),
                )),
                _ => act(found, *clock),
            };
            let (of, done) = (found.name.to_string(), answer.is_ok());
            calls.push(Call { operation, of, done, at: Instant::now() });
            (answer, effect)
        };
        match effect {
            Some(FaultEffect::LoseAnswer) => {
                Err(CodeHostError::Unknown("the connection broke before the answer".to_owned()))
            }
            Some(FaultEffect::HoldAnswer(until)) => {
                let _ = until.acquire().await;
                answer
            }
            _ => answer,
        }
    }
}

/// What a call goes by.
enum Paid<'a> {
    Permit(Permit),
    Reads(&'a ReadBudget),
}

impl From<Permit> for Paid<'_> {
    fn from(permit: Permit) -> Self {
        Self::Permit(permit)
    }
}

impl<'a> From<&'a ReadBudget> for Paid<'a> {
    fn from(budget: &'a ReadBudget) -> Self {
        Self::Reads(budget)
    }
}
