//! The port, spoken by [`GitHub`]: every call in one place, each carried out elsewhere.

use super::GitHub;
use async_trait::async_trait;
use bytes::Bytes;
use campaigns_actors::ports::{
    CodeHost, CodeHostError, CommitDraft, NewPullRequest, Permit, ReadBudget, RepositoryRef,
};
use campaigns_domain::{
    id::CommitSha,
    publish::{BranchHead, Comparison, PullRequest, Reading, commit::TreeEntry, dress::Wearer},
    selection::{Answer, Base, Query},
};
use std::path::Path;

#[async_trait]
impl CodeHost for GitHub {
    async fn repositories(&self, query: &Query, budget: &ReadBudget) -> Result<Answer, CodeHostError> {
        self.query(query, budget).await
    }

    async fn base(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Option<Base>, CodeHostError> {
        let found = self.head(repository, branch, budget).await?;
        Ok(found.map(|(branch, head)| Base { branch, commit: head.commit }))
    }

    async fn bases(
        &self,
        owner: &str,
        branches: &[(RepositoryRef, String)],
        budget: &ReadBudget,
    ) -> Result<Vec<Option<Base>>, CodeHostError> {
        self.heads(owner, branches, budget).await
    }

    async fn snapshot(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        file: &Path,
        budget: &ReadBudget,
    ) -> Result<(), CodeHostError> {
        self.write_snapshot(repository, commit, file, budget).await
    }

    async fn branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Option<BranchHead>, CodeHostError> {
        Ok(self.head(repository, branch, budget).await?.map(|(_, head)| head))
    }

    async fn create_blob(
        &self,
        repository: &RepositoryRef,
        content: Bytes,
        permit: Permit,
    ) -> Result<String, CodeHostError> {
        self.new_blob(repository, content, permit).await
    }

    async fn create_tree(
        &self,
        repository: &RepositoryRef,
        base: &str,
        entries: &[TreeEntry],
        permit: Permit,
    ) -> Result<String, CodeHostError> {
        self.new_tree(repository, base, entries, permit).await
    }

    async fn create_commit(
        &self,
        repository: &RepositoryRef,
        draft: &CommitDraft,
        permit: Permit,
    ) -> Result<CommitSha, CodeHostError> {
        self.new_commit(repository, draft, permit).await
    }

    async fn create_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.new_branch(repository, branch, commit, permit).await
    }

    async fn advance_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.move_branch(repository, branch, commit, permit).await
    }

    async fn pull_requests(
        &self,
        repository: &RepositoryRef,
        head: &str,
        base: &str,
        budget: &ReadBudget,
    ) -> Result<Vec<PullRequest>, CodeHostError> {
        self.pulls(repository, head, base, budget).await
    }

    async fn create_pull_request(
        &self,
        repository: &RepositoryRef,
        new: &NewPullRequest,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        self.new_pull(repository, new, permit).await
    }

    async fn update_pull_request(
        &self,
        repository: &RepositoryRef,
        number: u64,
        title: &str,
        body: &str,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        self.change_pull(repository, number, title, body, permit).await
    }

    async fn set_pull_request_open(
        &self,
        repository: &RepositoryRef,
        number: u64,
        open: bool,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        self.open_or_close_pull(repository, number, open, permit).await
    }

    async fn comments(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Vec<String>, CodeHostError> {
        self.comments_of(repository, number, budget).await
    }

    async fn create_comment(
        &self,
        repository: &RepositoryRef,
        number: u64,
        body: &str,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.new_comment(repository, number, body, permit).await
    }

    async fn wearer(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Wearer, CodeHostError> {
        self.wearing(repository, number, budget).await
    }

    async fn add_labels(
        &self,
        repository: &RepositoryRef,
        number: u64,
        labels: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError> {
        self.put_labels(repository, number, labels, permit).await
    }

    async fn add_assignees(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError> {
        self.put_assignees(repository, number, logins, permit).await
    }

    async fn request_reviews(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        teams: &[String],
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.ask_reviewers(repository, number, logins, teams, permit).await
    }

    async fn code_owners(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<Option<String>, CodeHostError> {
        self.owners_file(repository, commit, budget).await
    }

    async fn delete_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        at: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        self.drop_branch(repository, branch, at, permit).await
    }

    async fn read_pull_requests(
        &self,
        owner: &str,
        node_ids: &[String],
        budget: &ReadBudget,
    ) -> Result<Vec<Result<Reading, CodeHostError>>, CodeHostError> {
        self.readings(owner, node_ids, budget).await
    }

    async fn compare(
        &self,
        repository: &RepositoryRef,
        base: &str,
        head: &str,
        budget: &ReadBudget,
    ) -> Result<Comparison, CodeHostError> {
        self.comparison(repository, base, head, budget).await
    }

    async fn pull_request(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<PullRequest, CodeHostError> {
        self.pull(repository, number, budget).await
    }
}
