//! What lies between two commits.
//!
//! GitHub lists at most 250 commits and 300 files without turning pages; what is cut off is said not to be all, and
//! proves nothing. Deliberately absent: further pages.

use super::{
    GitHub,
    call::{Ask, Route},
    endpoint::encode,
    paid::Paid,
    shape::Named,
};
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef};
use campaigns_domain::{
    id::CommitSha,
    publish::{ComparedCommit, Comparison},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most files that GitHub lists ("Compare two commits": "up to 300 changed files").
const MOST_FILES: usize = 300;

#[derive(Deserialize)]
struct Login {
    login: Option<String>,
}

#[derive(Deserialize)]
struct Verification {
    verified: bool,
}

#[derive(Deserialize)]
struct Inner {
    verification: Option<Verification>,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
    commit: Inner,
    author: Option<Login>,
    committer: Option<Login>,
    parents: Vec<Named>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    status: String,
    sha: Option<String>,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    ahead_by: u64,
    behind_by: u64,
    total_commits: u64,
    merge_base_commit: Named,
    commits: Vec<Commit>,
    #[serde(default)]
    files: Vec<File>,
}

impl GitHub {
    pub(super) async fn comparison(
        &self,
        repository: &RepositoryRef,
        base: &str,
        head: &str,
        budget: &ReadBudget,
    ) -> Result<Comparison, CodeHostError> {
        let name = self.name(repository);
        let subject = format!("the difference of {base} and {head} in {name}");
        let both = format!("{}...{}", encode(base, true), encode(head, true));
        let route = Route::Repository(repository, format!("/compare/{both}?per_page=100"));
        let ask = Ask::get("repos/compare-commits", route, name.owner(), subject, Paid::Reads(budget));
        let answer: Answer = self.json(ask).await?;
        let all_commits = answer.total_commits == answer.commits.len() as u64;
        let all_files = answer.files.len() < MOST_FILES;
        let mut files = BTreeMap::new();
        for file in answer.files {
            // A file that moved is gone from where it was.
            if let Some(before) = file.previous_filename.filter(|_| file.status == "renamed") {
                files.insert(before, ("removed".to_owned(), String::new()));
            }
            files.insert(file.filename, (file.status, file.sha.unwrap_or_default()));
        }
        Ok(Comparison {
            ahead: answer.ahead_by,
            behind: answer.behind_by,
            commits: answer.commits.into_iter().map(ComparedCommit::from).collect(),
            common: CommitSha(answer.merge_base_commit.sha),
            files,
            all_commits,
            all_files,
        })
    }
}

impl From<Commit> for ComparedCommit {
    fn from(commit: Commit) -> Self {
        Self {
            commit: CommitSha(commit.sha),
            parents: commit.parents.into_iter().map(|parent| CommitSha(parent.sha)).collect(),
            author: commit.author.and_then(|account| account.login),
            committer: commit.committer.and_then(|account| account.login),
            verified: commit.commit.verification.is_some_and(|verification| verification.verified),
        }
    }
}
