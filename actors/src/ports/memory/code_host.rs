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
mod rerunning;
mod wardrobe;
mod whereabouts;
mod world;

pub use faults::{Fault, FaultEffect, Operation};

use super::super::{
    CodeHost, CodeHostError, CommitDraft, NewPullRequest, Permit, ReadBudget, RepositoryRef, Resource,
};
use async_trait::async_trait;
use bytes::Bytes;
use campaigns_domain::{
    changeset::AwayCause,
    execution::FileMode,
    id::{CommitSha, RepositoryId, RepositoryName},
    publish::{BranchHead, Comparison, PullRequest, Reading, commit::TreeEntry, dress::Wearer},
    selection::{Answer, Base, Query},
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::time::Instant;
use world::{Repository, Tree, refused};

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

#[async_trait]
impl CodeHost for MemoryCodeHost {
    async fn repositories(&self, query: &Query, budget: &ReadBudget) -> Result<Answer, CodeHostError> {
        let _reading = budget.spend(Resource::Rest, 1).await?;
        let mut world = self.lock();
        let of = match query {
            Query::Repository(name) => name.to_string(),
            Query::Organization(owner) => owner.clone(),
        };
        world.calls.push(Call { operation: Operation::Repositories, of, done: true, at: Instant::now() });
        let name = match query {
            Query::Repository(name) => Some(name.name()),
            Query::Organization(_) => None,
        };
        if let Some(FaultEffect::Refuse(error)) =
            faults::strike(&mut world.faults, Operation::Repositories, name)
        {
            return Err(error);
        }
        let found: Vec<_> = match query {
            Query::Repository(name) => {
                let all = world.repositories.values();
                let here = all.clone().find(|repository| repository.name == *name);
                let moved = || all.clone().find(|repository| repository.former.contains(name));
                here.or_else(moved).map(Repository::shown).into_iter().collect()
            }
            Query::Organization(owner) => world
                .repositories
                .values()
                .filter(|repository| repository.name.owner().eq_ignore_ascii_case(owner))
                .map(Repository::shown)
                .collect(),
        };
        Ok(if found.is_empty() { Answer::NotFound } else { Answer::Repositories(found) })
    }

    async fn base(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Option<Base>, CodeHostError> {
        self.call(Operation::Base, repository, budget, |found, _| {
            Ok(found.head(branch).map(|head| Base { branch: branch.to_owned(), commit: head.commit }))
        })
        .await
    }

    async fn snapshot(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        file: &Path,
        budget: &ReadBudget,
    ) -> Result<(), CodeHostError> {
        let files: Vec<(String, FileMode, Bytes)> = self
            .call(Operation::Snapshot, repository, budget, |found, _| {
                let missing = || CodeHostError::NotFound(format!("the commit {commit} of {}", found.name));
                let tree: &Tree = found
                    .commits
                    .get(commit)
                    .and_then(|commit| found.trees.get(&commit.tree))
                    .ok_or_else(missing)?;
                tree.iter()
                    .map(|(path, (mode, id))| {
                        Ok((path.clone(), *mode, found.blobs.get(id).cloned().ok_or_else(missing)?))
                    })
                    .collect()
            })
            .await?;
        write_tar(files, file).map_err(|error| {
            CodeHostError::Unavailable(format!("{} could not be written: {error}", file.display()))
        })
    }

    async fn branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Option<BranchHead>, CodeHostError> {
        self.call(Operation::Branch, repository, budget, |found, _| Ok(found.head(branch))).await
    }

    async fn create_blob(
        &self,
        repository: &RepositoryRef,
        content: Bytes,
        permit: Permit,
    ) -> Result<String, CodeHostError> {
        self.call(Operation::CreateBlob, repository, permit, |found, _| {
            Ok(hex::encode(found.add_blob(content)))
        })
        .await
    }

    async fn create_tree(
        &self,
        repository: &RepositoryRef,
        base: &str,
        entries: &[TreeEntry],
        permit: Permit,
    ) -> Result<String, CodeHostError> {
        self.call(Operation::CreateTree, repository, permit, |found, _| found.build_tree(base, entries)).await
    }

    async fn create_commit(
        &self,
        repository: &RepositoryRef,
        draft: &CommitDraft,
        permit: Permit,
    ) -> Result<CommitSha, CodeHostError> {
        self.call(Operation::CreateCommit, repository, permit, |found, at| found.add_commit(draft, at)).await
    }

    async fn create_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.call(Operation::CreateBranch, repository, permit, |found, _| {
            if found.branches.contains_key(branch) {
                return Err(CodeHostError::Conflict("Reference already exists".to_owned()));
            }
            if !found.commits.contains_key(commit) {
                return Err(refused(format!("the commit {commit} does not exist")));
            }
            found.set_branch(branch, commit);
            Ok(())
        })
        .await
    }

    async fn advance_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.call(Operation::AdvanceBranch, repository, permit, |found, _| {
            let Some(head) = found.branches.get(branch).cloned() else {
                return Err(CodeHostError::Conflict("Reference does not exist".to_owned()));
            };
            if !found.commits.contains_key(commit) {
                return Err(refused(format!("the commit {commit} does not exist")));
            }
            if !found.contains(commit, &head) {
                return Err(CodeHostError::Conflict("Update is not a fast forward".to_owned()));
            }
            found.set_branch(branch, commit);
            Ok(())
        })
        .await
    }

    async fn pull_requests(
        &self,
        repository: &RepositoryRef,
        head: &str,
        base: &str,
        budget: &ReadBudget,
    ) -> Result<Vec<PullRequest>, CodeHostError> {
        self.call(Operation::PullRequests, repository, budget, |found, _| {
            let all = found.pulls.iter().zip(&found.words).rev();
            Ok(all
                .filter(|(pull, (from, _))| from == head && pull.base_branch == base)
                .map(|(pull, _)| pull.clone())
                .collect())
        })
        .await
    }

    async fn create_pull_request(
        &self,
        repository: &RepositoryRef,
        new: &NewPullRequest,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        self.call(Operation::CreatePullRequest, repository, permit, |found, _| found.open_pull(new)).await
    }

    async fn update_pull_request(
        &self,
        repository: &RepositoryRef,
        number: u64,
        title: &str,
        body: &str,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        self.call(Operation::UpdatePullRequest, repository, permit, |found, _| {
            let at = found.pull_at(number)?;
            found.write_words(at, title, body);
            Ok(found.pulls[at].clone())
        })
        .await
    }

    async fn set_pull_request_open(
        &self,
        repository: &RepositoryRef,
        number: u64,
        open: bool,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        let operation = Operation::SetPullRequestOpen;
        self.call(operation, repository, permit, |found, _| found.set_open(number, open)).await
    }

    async fn comments(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Vec<String>, CodeHostError> {
        self.call(Operation::Comments, repository, budget, |found, _| {
            found.pull_at(number).map(|at| found.comments[at].clone())
        })
        .await
    }

    async fn create_comment(
        &self,
        repository: &RepositoryRef,
        number: u64,
        body: &str,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.call(Operation::CreateComment, repository, permit, |found, _| {
            let at = found.pull_at(number)?;
            found.comments[at].push(body.to_owned());
            Ok(())
        })
        .await
    }

    async fn wearer(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Wearer, CodeHostError> {
        self.call(Operation::Wearer, repository, budget, |found, _| found.wearer(number)).await
    }

    async fn add_labels(
        &self,
        repository: &RepositoryRef,
        number: u64,
        labels: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError> {
        self.call(Operation::AddLabels, repository, permit, |found, _| found.add_labels(number, labels)).await
    }

    async fn add_assignees(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError> {
        self.call(Operation::AddAssignees, repository, permit, |found, _| found.assign(number, logins)).await
    }

    async fn request_reviews(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        teams: &[String],
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let operation = Operation::RequestReviews;
        self.call(operation, repository, permit, |found, _| found.ask_reviewers(number, logins, teams)).await
    }

    async fn code_owners(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<Option<String>, CodeHostError> {
        self.call(Operation::CodeOwners, repository, budget, |found, _| found.code_owners(commit)).await
    }

    async fn delete_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        at: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.call(Operation::DeleteBranch, repository, permit, |found, _| {
            if found.branches.get(branch) != Some(at) {
                return Err(CodeHostError::Conflict(format!("`{branch}` is not at {at}")));
            }
            found.remove_branch(branch);
            Ok(())
        })
        .await
    }

    async fn read_pull_requests(
        &self,
        owner: &str,
        node_ids: &[String],
        budget: &ReadBudget,
    ) -> Result<Vec<Result<Reading, CodeHostError>>, CodeHostError> {
        let _reading = budget.spend(Resource::GraphQl, 1).await?;
        let mut world = self.lock();
        let World { repositories, faults, calls, most_read, .. } = &mut *world;
        let refusal = match faults::strike(faults, Operation::ReadPullRequests, None) {
            Some(FaultEffect::Refuse(error)) => Some(error),
            Some(_) => Some(CodeHostError::Unavailable("the answer was lost".to_owned())),
            None if most_read.is_some_and(|most| node_ids.len() > most) => {
                Some(CodeHostError::Unavailable("no answer within 10 s".to_owned()))
            }
            None => None,
        };
        let done = refusal.is_none();
        calls.push(Call {
            operation: Operation::ReadPullRequests,
            of: owner.to_owned(),
            done,
            at: Instant::now(),
        });
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let mut one = |node: &String| {
            let mut open = repositories.values().filter(|found| !found.closed);
            let found = open.find_map(|found| Some((found, found.reading(node)?)));
            let Some((repository, reading)) = found else {
                return Err(CodeHostError::NotFound(format!("the node {node}")));
            };
            let name = repository.name.name();
            match faults::strike_one(faults, Operation::ReadPullRequests, name) {
                Some(FaultEffect::Refuse(error)) => Err(error),
                Some(_) => Err(CodeHostError::Unavailable("a part of the answer was lost".to_owned())),
                None => Ok(reading),
            }
        };
        Ok(node_ids.iter().map(&mut one).collect())
    }

    async fn compare(
        &self,
        repository: &RepositoryRef,
        base: &str,
        head: &str,
        budget: &ReadBudget,
    ) -> Result<Comparison, CodeHostError> {
        self.call(Operation::Compare, repository, budget, |found, _| found.compare(base, head)).await
    }

    async fn pull_request(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<PullRequest, CodeHostError> {
        self.call(Operation::PullRequest, repository, budget, |found, _| {
            found.pull_at(number).map(|at| found.pulls[at].clone())
        })
        .await
    }
}

fn write_tar(files: Vec<(String, FileMode, Bytes)>, to: &Path) -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let mut tar = tar::Builder::new(std::fs::File::create(to)?);
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        header.set_mode(if mode == FileMode::Executable { 0o755 } else { 0o644 });
        if mode == FileMode::Symlink {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, path, Path::new(std::ffi::OsStr::from_bytes(&content)))?;
        } else {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content.as_ref())?;
        }
    }
    tar.finish()
}
