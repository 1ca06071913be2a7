//! Where a pull request stands: does it merge, what do its checks and reviews say, and what does that make of the
//! merge button. Computed from the branches, never stored.

use crate::git::{full_oid, merge, refs};
use crate::world::World;
use crate::world::model::Pull;

/// GitHub's `mergeStateStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeState {
    /// Nothing stands in the way.
    Clean,
    /// It conflicts with its base.
    Dirty,
    /// It is a draft.
    Draft,
    /// Nobody has looked.
    Unknown,
}

impl MergeState {
    /// GitHub's word, in lower case as REST has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Dirty => "dirty",
            Self::Draft => "draft",
            Self::Unknown => "unknown",
        }
    }
}

/// GitHub's `reviewDecision`, which exists where reviews are required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// As many as are required approve.
    Approved,
    /// Somebody wants changes.
    ChangesRequested,
    /// Approvals are missing.
    ReviewRequired,
}

impl Decision {
    /// GitHub's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::ReviewRequired => "REVIEW_REQUIRED",
        }
    }
}

/// What a commit's checks and statuses come to together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollup {
    /// A status says error.
    Error,
    /// One failed.
    Failure,
    /// One is still running.
    Pending,
    /// All passed.
    Success,
}

impl Rollup {
    /// GitHub's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Failure => "FAILURE",
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
        }
    }
}

/// Where a pull request stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Does it merge cleanly? Unknown for one that is closed.
    pub mergeable: Option<bool>,
    /// The merge button.
    pub state: MergeState,
    /// Its reviews, where they are required.
    pub decision: Option<Decision>,
    /// Its checks, where there are any.
    pub rollup: Option<Rollup>,
}

/// Looks at a pull request.
pub fn of(world: &World, repository: u64, pull: &Pull) -> Result<Standing, git2::Error> {
    let git = world.git.open(repository)?;
    let ends = refs::tip(&git, &pull.base).zip(full_oid(&pull.head_sha));
    let mergeable = match ends {
        Some((base, head)) if pull.is_open() => Some(merge::is_clean(&git, base, head)?),
        _ => None,
    };
    let state = match mergeable {
        None => MergeState::Unknown,
        Some(false) => MergeState::Dirty,
        Some(true) if pull.draft => MergeState::Draft,
        Some(true) => MergeState::Clean,
    };
    Ok(Standing { mergeable, state, decision: None, rollup: None })
}
