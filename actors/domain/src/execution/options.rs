//! What whoever asks for a run asks for besides the spec.
//!
//! Deliberately absent: what becomes of it (`run`, and `prune` for what is closed).

use crate::id::RepositoryName;
use serde::{Deserialize, Serialize};

/// What the creator of a run asked for besides the spec.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunOptions {
    /// A glob over `owner/name` or `name`: everything else is left out, with that reason.
    pub only: Option<String>,
    /// Nothing is written at the code host: every changeset stays unpublished, whatever the template says.
    pub dry_run: bool,
    /// Whoever asked for it agrees to what it closes of earlier versions, however much that is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// Steps that name a container run without one, because the server was told so.
    pub no_container: bool,
    /// Only these take part, and nothing else is a target of the run at all: they failed before and are tried again.
    /// Empty is everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<Again>,
    /// They are carried out again on the base as it is now, and their open pull requests get what comes of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rebase: bool,
    /// The window is that of one replica, and grows and shrinks with their number: nobody asked for another.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
}

/// A target of an earlier run that is tried again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Again {
    /// The repository.
    pub repository: RepositoryName,
    /// The base branch.
    pub branch: String,
}

impl RunOptions {
    /// Whether a branch of a repository may be a target at all.
    pub fn takes(&self, repository: &RepositoryName, branch: &str) -> bool {
        let same = |again: &Again| again.branch == branch && again.repository == *repository;
        self.again.is_empty() || self.again.iter().any(same)
    }
}
