//! What a branch demands before it takes a pull request, by classic protection and by rulesets, and who may pass
//! it all the same. Records, and the answers that need nothing else; whether a pull request meets the demands is
//! `standing`'s.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What must be true before a branch takes a pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Demands {
    /// Contexts of statuses and names of check runs that must have passed.
    pub checks: Vec<String>,
    /// Must the head contain the tip of the base?
    pub strict: bool,
    /// Approvals from others; 0 demands none.
    pub approvals: usize,
    /// Must an owner of the changed files approve?
    pub code_owners: bool,
    /// Does an approval end with the next push?
    pub dismiss_stale: bool,
    /// Must it go through the merge queue?
    pub queue: bool,
}

impl Demands {
    /// These checks.
    pub fn checks(names: &[&str]) -> Self {
        Self { checks: names.iter().map(|name| (*name).to_owned()).collect(), ..Self::default() }
    }

    /// So many approvals.
    pub fn approvals(count: usize) -> Self {
        Self { approvals: count, ..Self::default() }
    }

    /// The merge queue.
    pub fn queue() -> Self {
        Self { queue: true, ..Self::default() }
    }
}

/// Classic protection of one branch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Protection {
    /// The branch.
    pub branch: String,
    /// What it demands.
    pub demands: Demands,
    /// Are administrators held to it?
    pub enforce_admins: bool,
}

/// Somebody on a ruleset's bypass list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bypass {
    /// The app.
    App,
    /// The organisation's administrators.
    Admins,
}

/// A repository's ruleset for branches, always active.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ruleset {
    /// Numeric id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The branch it is for; absent means the default branch, whichever that is.
    pub branch: Option<String>,
    /// What it demands.
    pub demands: Demands,
    /// Who may pass it.
    pub bypass: Vec<Bypass>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A change of the rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// A branch is protected so.
    Protected(Protection),
    /// A branch is protected no more.
    Unprotected {
        /// The branch.
        branch: String,
    },
    /// A ruleset as it is now.
    Ruleset(Ruleset),
    /// A ruleset is gone.
    RulesetDeleted {
        /// Its id.
        id: u64,
    },
}

/// How a repository lets pull requests be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "they are GitHub's settings, each by its name")]
pub struct Settings {
    /// With merge commits.
    pub allow_merge_commit: bool,
    /// Squashed.
    pub allow_squash_merge: bool,
    /// Rebased.
    pub allow_rebase_merge: bool,
    /// By itself, once it may.
    pub allow_auto_merge: bool,
    /// Is the branch deleted afterwards?
    pub delete_branch_on_merge: bool,
    /// Are code owners asked for a review? Not so in a private repository of an organisation on the free plan.
    pub asks_code_owners: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_merge_commit: true,
            allow_squash_merge: true,
            allow_rebase_merge: true,
            allow_auto_merge: false,
            delete_branch_on_merge: false,
            asks_code_owners: true,
        }
    }
}

/// A pull request that is to merge by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AutoMerge {
    /// `MERGE`, `SQUASH` or `REBASE`.
    pub method: crate::git::merge::Method,
    /// Who asked for it.
    pub by: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// First line of the commit, where it was given.
    pub headline: Option<String>,
    /// The rest of it.
    pub body: Option<String>,
}

/// A place in a branch's merge queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Queued {
    /// Numeric id.
    pub id: u64,
    /// The pull request's number.
    pub pull: u64,
    /// The branch whose queue it is.
    pub base: String,
    /// The head that was queued.
    pub head: String,
    /// Who queued it.
    pub by: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The commit that is tested in its place, once it is first in line, and the base it was built on.
    pub group: Option<(String, String)>,
}

/// A team of the organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Team {
    /// Numeric id.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Accounts.
    pub members: Vec<u64>,
}
