//! The parts of GitHub's JSON that are read; everything else in its answers is passed over.
//!
//! Deliberately absent: requests, which are written where they are sent.

pub(super) mod checks;
pub(super) mod dress;
pub(super) mod graphql;

use campaigns_domain::{
    changeset::PullRequestRef,
    id::{CommitSha, RepositoryId, RepositoryName},
    publish::{BranchHead, PullRequest, PullRequestState},
    selection,
};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Account {
    pub(super) login: String,
}

#[derive(Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    push: bool,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) id: u64,
    /// Its id in GraphQL.
    #[serde(default)]
    pub(super) node_id: String,
    name: String,
    owner: Account,
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    fork: bool,
    /// Kibibytes; 0 is not yet proof of emptiness.
    #[serde(default)]
    size: u64,
    permissions: Option<Permissions>,
}

impl Repository {
    pub(super) fn full_name(&self) -> Option<RepositoryName> {
        RepositoryName::new(&self.owner.login, &self.name).ok()
    }

    pub(super) fn is_archived(&self) -> bool {
        self.archived
    }

    /// Whether it may have no commit.
    pub(super) fn may_be_empty(&self) -> bool {
        self.size == 0 || self.default_branch.as_deref().is_none_or(str::is_empty)
    }

    /// As the domain has it; `empty` is what was found out about that.
    pub(super) fn into_domain(self, empty: bool) -> Option<selection::Repository> {
        Some(selection::Repository {
            name: self.full_name()?,
            id: RepositoryId(self.id),
            default_branch: self.default_branch.unwrap_or_default(),
            archived: self.archived,
            disabled: self.disabled,
            fork: self.fork,
            empty,
            can_push: self.permissions.map(|permissions| permissions.push),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) sha: String,
}

#[derive(Deserialize)]
struct InnerCommit {
    message: String,
    tree: Named,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
    commit: InnerCommit,
    parents: Vec<Named>,
}

#[derive(Deserialize)]
pub(super) struct Branch {
    pub(super) name: String,
    commit: Commit,
}

impl Branch {
    pub(super) fn into_head(self) -> BranchHead {
        BranchHead {
            commit: CommitSha(self.commit.sha),
            tree: self.commit.commit.tree.sha,
            parents: self.commit.parents.into_iter().map(|parent| CommitSha(parent.sha)).collect(),
            message: self.commit.commit.message,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Comment {
    #[serde(default)]
    pub(super) body: Option<String>,
}

#[derive(Deserialize)]
struct Identified {
    id: u64,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    repo: Option<Identified>,
}

#[derive(Deserialize)]
pub(super) struct Pull {
    number: u64,
    node_id: String,
    html_url: String,
    state: String,
    title: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    draft: bool,
    merged_at: Option<String>,
    head: Side,
    base: Side,
}

impl Pull {
    /// The repository it goes into, where GitHub says so.
    pub(super) fn repository(&self) -> Option<u64> {
        self.base.repo.as_ref().map(|repository| repository.id)
    }

    /// Whether it goes from `head` to `base`.
    pub(super) fn is_between(&self, head: &str, base: &str) -> bool {
        self.head.branch == head && self.base.branch == base
    }

    pub(super) fn into_domain(self) -> PullRequest {
        let state = match (self.merged_at, self.state.as_str()) {
            (Some(_), _) => PullRequestState::Merged,
            (None, "closed") => PullRequestState::Closed,
            (None, _) => PullRequestState::Open,
        };
        PullRequest {
            reference: PullRequestRef { number: self.number, node_id: self.node_id, url: self.html_url },
            state,
            draft: self.draft,
            head: CommitSha(self.head.sha),
            base_branch: self.base.branch,
            title: self.title,
            // GitHub says null where there is no text.
            body: Some(self.body.unwrap_or_default()),
        }
    }
}
