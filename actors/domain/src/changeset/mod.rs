//! The machine of one changeset: campaign, repository and head branch; a diff, a branch and at most one open
//! pull request. It outlives runs.
//!
//! `unpublished → scheduled → publishing → open (draft | ready) → merged | closed`, with `conflicted` (the base moved
//! over the same lines), `handed_over` (a human pushed or closed: hands off) and `blocked` (with the exact reason). Deliberately absent: how a diff becomes a
//! commit (`publish`) and how an observation becomes an event (`reconcile`).

mod ask;
mod asked;
mod away;
mod branch;
mod event;
mod held;
mod merge;
mod moved;
mod owners;
mod paused;
mod redo;
mod rerun;
mod reviews;
mod seen;
mod shown;
mod transferred;
mod transition;
mod which;
mod why;
mod worn;

pub use ask::{Aim, Ask, Back, Errand, OwedComment};
pub use away::{Away, AwayCause};
pub use event::{ChangesetEffect, ChangesetEvent, Done, Published};
pub use merge::{Merge, Stands};
pub use moved::Redone;
pub use owners::{LeftOut, OwnersAsked};
pub use redo::MadeBy;
pub use rerun::{FailedChecks, FailedRun, Rerun};
pub use seen::{Checks, MergeMethod, MergeState, Mergeability, News, QueueState, Review, Seen};
pub use shown::{Shown, Words};
pub(crate) use transition::CONFLICT;
pub use transition::Place;
pub use which::Which;
pub use worn::{Dressed, Worn, has};

use crate::{
    id::{CampaignId, ChangesetId, CommitSha, RepositoryId, RepositoryName, RunId, TargetId},
    spec::Publication,
};
use serde::{Deserialize, Serialize};

/// A changeset as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changeset {
    /// Its id, a function of campaign, repository and head branch.
    pub id: ChangesetId,
    /// The campaign.
    pub campaign: CampaignId,
    /// GitHub's id of the repository.
    pub repository_id: RepositoryId,
    /// The repository's name when it was last seen.
    pub repository: RepositoryName,
    /// The branch that the pull request goes into.
    pub base_branch: String,
    /// The branch that carries the commit.
    pub head_branch: String,
    /// Where it stands.
    pub state: ChangesetState,
    /// Why it stands there, for people; empty where the state says it all.
    pub reason: String,
    /// Grows with every new content to publish, from 1.
    pub generation: u32,
    /// The generation that is being sent; there exactly in the state `publishing`. A newer generation waits for
    /// its end, so that two never write the same branch at once.
    #[serde(default)]
    pub publishing: Option<u32>,
    /// What the current generation is to look like at GitHub.
    pub wanted: Proposal,
    /// Whether what is wanted waits until its run's rollout lets it through.
    #[serde(default)]
    pub held: bool,
    /// Why its repository is out of reach, where it is blocked for that and goes on by itself.
    #[serde(default)]
    pub away: Option<AwayCause>,
    /// What is owed besides, because somebody asked.
    #[serde(default)]
    pub errand: Errand,
    /// Whether the run that proposed it last was told that there is nothing left to send.
    #[serde(default)]
    pub told: bool,
    /// What we put to GitHub.
    #[serde(default)]
    pub shown: Shown,
    /// The last head that we wrote or adopted.
    pub head: Option<CommitSha>,
    /// The pull request, once there is one.
    pub pull_request: Option<PullRequestRef>,
    /// What was seen of the pull request last, once there is one.
    #[serde(default)]
    pub seen: Option<Seen>,
    /// Grows by one with every change.
    pub version: i64,
}

/// What a changeset is to look like at GitHub: the result of a target's attempt, with its words rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The run that proposes it.
    pub run: RunId,
    /// The target whose result it is.
    pub target: TargetId,
    /// The attempt whose manifest and contents it is.
    pub attempt: u32,
    /// The commit that the diff starts from.
    pub base: CommitSha,
    /// The pull request's title.
    pub title: String,
    /// The pull request's text.
    pub body: String,
    /// The commit's message.
    pub message: String,
    /// The commit's author; none lets GitHub take the caller.
    pub author: Option<crate::spec::Author>,
    /// How far to take it.
    pub publication: Publication,
    /// Whether its branch stays once the pull request is merged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_branch: bool,
    /// What the pull request is to wear.
    #[serde(default, skip_serializing_if = "crate::spec::Dress::is_plain")]
    pub dress: crate::spec::Dress,
    /// Whether it waits until its run's rollout lets it through.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gated: bool,
    /// Whether it is to be merged by the rules of its branch.
    #[serde(default, skip_serializing_if = "crate::spec::AutoMerge::is_off")]
    pub auto_merge: crate::spec::AutoMerge,
    /// The attempt whose result it is, where the target was carried out again on a newer base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<MadeBy>,
}

/// A pull request's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequestRef {
    /// Its number in the repository.
    pub number: u64,
    /// Its global node id, which GraphQL reads by.
    pub node_id: String,
    /// The page that people open.
    pub url: String,
}

/// Where a changeset stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangesetState {
    /// Kept here; GitHub knows nothing of it.
    Unpublished,
    /// Waits for the organisation's limiter.
    Scheduled,
    /// Being sent.
    Publishing,
    /// Its pull request is open as a draft.
    Draft,
    /// Its pull request is open and ready for review.
    Open,
    /// Its pull request is open and cannot be merged: the base branch has moved over the same lines.
    Conflicted,
    /// End: merged.
    Merged,
    /// End unless somebody asks: closed.
    Closed,
    /// A human pushed to the branch or took the pull request over: we keep our hands off.
    HandedOver,
    /// GitHub does not allow it, for the reason given; nothing is tried until somebody asks.
    Blocked,
}

impl ChangesetState {
    /// Every state, in the order of a changeset's life.
    pub const ALL: [Self; 10] = [
        Self::Unpublished,
        Self::Scheduled,
        Self::Publishing,
        Self::Draft,
        Self::Open,
        Self::Conflicted,
        Self::Merged,
        Self::Closed,
        Self::HandedOver,
        Self::Blocked,
    ];

    /// Whether there is nothing left to send in this state.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Publishing)
    }

    /// Whether its pull request is open as far as we know.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Open | Self::Conflicted)
    }

    /// The state's name in the database, the API and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unpublished => "unpublished",
            Self::Scheduled => "scheduled",
            Self::Publishing => "publishing",
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Conflicted => "conflicted",
            Self::Merged => "merged",
            Self::Closed => "closed",
            Self::HandedOver => "handed_over",
            Self::Blocked => "blocked",
        }
    }
}
