//! Where a run, a target and a changeset can stand, as the API names it.
//!
//! The same names as in the database and on the screen. Deliberately absent: which state follows which.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::ToSchema;

/// A text that is not one of the states it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAState {
    /// What was given.
    pub given: String,
    /// What would have been right, separated by commas.
    pub known: String,
}

impl fmt::Display for NotAState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a state; the states are {}", self.given, self.known)
    }
}

impl std::error::Error for NotAState {}

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every state, in the order of a life.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The state's name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }

        impl FromStr for $name {
            type Err = NotAState;

            fn from_str(text: &str) -> Result<Self, NotAState> {
                Self::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| NotAState {
                    given: text.chars().take(40).collect(),
                    known: [$($text,)+].join(", "),
                })
            }
        }
    };
}

states! {
    /// Where a run stands.
    RunState {
        /// It chooses its repositories.
        Selecting = "selecting",
        /// It admits targets, and waits for their changesets.
        Running = "running",
        /// End: everything there was to do has been done.
        Completed = "completed",
        /// End: somebody cancelled it.
        Cancelled = "cancelled",
        /// End: it could not select.
        Failed = "failed",
    }
}

states! {
    /// Where a target stands.
    TargetState {
        /// It waits to be admitted.
        Selected = "selected",
        /// Admitted; it waits for the executor.
        Queued = "queued",
        /// Its steps run.
        Executing = "executing",
        /// End: the steps changed nothing.
        Unchanged = "unchanged",
        /// End: there is a diff.
        Changed = "changed",
        /// End: a step failed, or the infrastructure did too often.
        Failed = "failed",
        /// End: left out of the run, with the reason.
        Skipped = "skipped",
        /// End: the run was cancelled before it was done.
        Cancelled = "cancelled",
    }
}

states! {
    /// Where a changeset stands.
    ChangesetState {
        /// Kept here; GitHub knows nothing of it.
        Unpublished = "unpublished",
        /// It waits for its turn at the organisation's limits.
        Scheduled = "scheduled",
        /// It is being sent.
        Publishing = "publishing",
        /// Its pull request is open as a draft.
        Draft = "draft",
        /// Its pull request is open and ready for review.
        Open = "open",
        /// Its pull request is open and cannot be merged: the base branch has moved over the same lines.
        Conflicted = "conflicted",
        /// End: merged.
        Merged = "merged",
        /// Closed without a merge.
        Closed = "closed",
        /// A human pushed to the branch or took the pull request over: hands off.
        HandedOver = "handed_over",
        /// GitHub does not allow it, for the reason given.
        Blocked = "blocked",
    }
}

impl RunState {
    /// Whether nothing more happens in the run.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Selecting | Self::Running)
    }
}

impl TargetState {
    /// Whether nothing more happens to the target in its run.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Selected | Self::Queued | Self::Executing)
    }
}
