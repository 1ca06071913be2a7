//! The port itself, call by call, over the world of the in-memory code host.
//!
//! Deliberately absent: what strikes a call (`faults`), and merging, opting out, running again and finding, which have
//! ports of their own.

use super::{
    Call, MemoryCodeHost, Operation,
    faults::{self, FaultEffect},
    world::{Repository, Tree, refused},
};
use crate::ports::{
    CodeHost, CodeHostError, CommitDraft, NewPullRequest, Permit, ReadBudget, RepositoryRef, Resource,
};
use async_trait::async_trait;
use bytes::Bytes;
use campaigns_domain::{
    execution::FileMode,
    id::CommitSha,
    publish::{BranchHead, Comparison, PullRequest, Reading, commit::TreeEntry, dress::Wearer},
    selection::{Answer, Base, Query},
};
use std::path::Path;
use tokio::time::Instant;

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
        self.readings(owner, node_ids)
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
