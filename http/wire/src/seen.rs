//! What was seen of an open pull request the last time that it was read. The words are the database's and the screen's.
//!
//! Deliberately absent: how it is read.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)+ })
            }
        }
    )+};
}

words! {
    /// The head commit's checks and statuses together.
    Checks {
        /// None has reported.
        #[default]
        None = "none",
        /// Some are still to come.
        Pending = "pending",
        /// All of them passed.
        Passed = "passed",
        /// At least one did not.
        Failed = "failed",
    }
    /// What the reviewers say.
    Review {
        /// No review is required, and none decides.
        #[default]
        None = "none",
        /// One is required.
        Required = "required",
        /// It is approved.
        Approved = "approved",
        /// Somebody asks for changes.
        ChangesRequested = "changes_requested",
    }
    /// Whether it can be merged.
    Mergeability {
        /// Not worked out yet.
        #[default]
        Unknown = "unknown",
        /// It can.
        Mergeable = "mergeable",
        /// The base branch has moved over the same lines.
        Conflicting = "conflicting",
    }
    /// What the merge button says.
    MergeState {
        /// Not worked out yet.
        #[default]
        Unknown = "unknown",
        /// It has to be brought up to date first.
        Behind = "behind",
        /// The rules of the branch forbid it as yet.
        Blocked = "blocked",
        /// It may be merged.
        Clean = "clean",
        /// There is a conflict.
        Dirty = "dirty",
        /// It is a draft.
        Draft = "draft",
        /// It may be merged, and hooks will run before.
        HasHooks = "has_hooks",
        /// It may be merged, and checks that are not required have not passed.
        Unstable = "unstable",
    }
    /// How it is merged.
    MergeMethod {
        /// With a merge commit.
        #[default]
        Merge = "merge",
        /// As one commit.
        Squash = "squash",
        /// Commit by commit.
        Rebase = "rebase",
    }
    /// Where it stands in the merge queue.
    QueueState {
        /// It waits.
        #[default]
        Queued = "queued",
        /// Its group's checks run.
        AwaitingChecks = "awaiting_checks",
        /// It will be merged.
        Mergeable = "mergeable",
        /// It cannot be merged and will be taken out.
        Unmergeable = "unmergeable",
        /// The queue does not move.
        Locked = "locked",
    }
}

/// What was seen of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Seen {
    /// Whether it is a draft.
    pub draft: bool,
    /// Its title.
    pub title: String,
    /// The branch it goes into.
    pub base_branch: String,
    /// Its head commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Its checks.
    pub checks: Checks,
    /// Its review.
    pub review: Review,
    /// Whether it can be merged.
    pub mergeability: Mergeability,
    /// What the merge button says.
    pub merge_state: MergeState,
    /// How it will be merged by itself, where somebody asked for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_merge: Option<MergeMethod>,
    /// Where it stands in the merge queue, if it is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueState>,
    /// Its place in the merge queue, from 1, if it is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u32>,
    /// Whether its repository is read-only.
    pub archived: bool,
    /// Why it could not be found, if it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// Its labels, in order of their names; none where no read or write has told of any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub labels: Option<Vec<String>>,
    /// What is said of its base branch, which has moved; none where nothing is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base: Option<String>,
    /// Who is asked for a review and has not given one: logins, and teams as `organisation/slug`; none where no read or
    /// write has told of any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requested: Option<Vec<String>>,
}
