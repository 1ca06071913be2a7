//! Choosing repositories: what a spec's `on` makes of the repositories that GitHub showed, with a reason for
//! every one of them, in or out.
//!
//! Deliberately absent: asking GitHub. The caller lists what [`queries`] names and hands the answers in.

mod choose;
mod few;
mod opt_out;
mod waves;

pub use crate::spec::{Glob, NotAGlob};
pub use choose::{NotSelectable, queries, select, takes_branch, why};
pub use few::Few;
pub use opt_out::{OPT_OUT_FILE, OPT_OUT_LABEL, OPT_OUT_TOPIC, OptOut, opts_out};
pub use waves::waves;

use crate::id::{CommitSha, RepositoryId, RepositoryName};
use serde::{Deserialize, Serialize};

/// What has to be asked of GitHub for a spec.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Query {
    /// One repository by name.
    Repository(RepositoryName),
    /// Every repository of an organisation or user.
    Organization(String),
}

/// A repository as GitHub showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// GitHub's id.
    pub id: RepositoryId,
    /// Its name now.
    pub name: RepositoryName,
    /// The branch that pull requests go into unless told otherwise.
    pub default_branch: String,
    /// Whether it is read-only.
    pub archived: bool,
    /// Whether GitHub has disabled it.
    pub disabled: bool,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether it has no commit at all.
    pub empty: bool,
    /// Whether the caller may push; `None` where GitHub did not say.
    pub can_push: Option<bool>,
}

/// One repository and branch, in or out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected {
    /// The repository's name now; for one that GitHub does not show, as the spec writes it.
    pub name: RepositoryName,
    /// The repository; none where it does not exist or the token cannot see it, which is always left out.
    pub repository: Option<Repository>,
    /// The base branch; empty where it is the default branch of a repository that GitHub does not show.
    pub branch: String,
    /// In or out, and why.
    pub verdict: Verdict,
}

/// In or out, and why; the text is for people ("`on` names it", "left out: it is archived").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It takes part.
    In {
        /// The entry that chose it.
        reason: String,
    },
    /// It is left out.
    Out {
        /// Why.
        reason: String,
    },
}

impl Selected {
    /// The repository, if it takes part.
    pub fn included(&self) -> Option<&Repository> {
        match self.verdict {
            Verdict::In { .. } => self.repository.as_ref(),
            Verdict::Out { .. } => None,
        }
    }
}

impl Verdict {
    /// Why, whichever it is.
    pub fn reason(&self) -> &str {
        match self {
            Self::In { reason } | Self::Out { reason } => reason,
        }
    }
}

/// A branch and the commit it stood at when the run selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The branch.
    pub branch: String,
    /// Its head.
    pub commit: CommitSha,
}

/// GitHub's complete answer to a [`Query`]; an error is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These repositories: one for a name, all of them for an organisation.
    Repositories(Vec<Repository>),
    /// There is no such repository or organisation, or the token may not see it.
    NotFound,
}
