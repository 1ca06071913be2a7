//! What can happen to a changeset, and what is owed after it.
//!
//! Deliberately absent: the transitions themselves (`transition`).

use super::{Ask, Away, Dressed, News, Proposal, PullRequestRef, Rerun, Stands, Words};
use crate::id::{CommandId, CommitSha, RepositoryName, RunId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What happened to a changeset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ChangesetEvent {
    /// A run has content for it. The first one is applied by its creation.
    Proposed {
        /// What it is to look like.
        proposal: Box<Proposal>,
    },
    /// Its run's rollout lets it through.
    Released,
    /// The limiter gave it its turn; the intent to publish is being recorded.
    PublishStarted {
        /// The generation to send.
        generation: u32,
    },
    /// Branch and pull request are as the generation wants them.
    Published {
        /// The generation that was sent.
        generation: u32,
        /// What is there now.
        published: Published,
    },
    /// It could not be sent now, for a reason that passes by itself; it waits for another turn.
    PublishDeferred {
        /// The generation.
        generation: u32,
        /// Why.
        reason: String,
        /// The branch's head, where a commit of ours has got there before the rest was put off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<CommitSha>,
    },
    /// GitHub does not allow it.
    PublishRefused {
        /// The generation.
        generation: u32,
        /// What exactly stands in the way and what to do.
        reason: String,
        /// The branch's head, where a commit of ours has got there before the rest was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<CommitSha>,
    },
    /// Its repository is out of reach.
    RepositoryAway {
        /// The generation that was being sent; none where a look found out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<u32>,
        /// Why, and what to do.
        #[serde(flatten)]
        away: Away,
        /// The branch's head, where a commit of ours has got there before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<CommitSha>,
    },
    /// Its repository has another owner now, where it goes on.
    Transferred {
        /// The generation that was being sent; none where a look found out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<u32>,
        /// What it is called now.
        repository: RepositoryName,
        /// The branch's head, where a commit of ours has got there before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<CommitSha>,
    },
    /// Its repository is in reach again.
    RepositoryBack {
        /// What it is called now.
        repository: RepositoryName,
    },
    /// Somebody else's commits are on the branch, or a human has taken the pull request over.
    HandedOver {
        /// What was seen.
        reason: String,
    },
    /// A fresh read shows the pull request open.
    SeenOpen {
        /// Whether it is a draft.
        draft: bool,
    },
    /// A fresh read tells something about the open pull request besides its state.
    Noticed {
        /// What.
        #[serde(flatten)]
        news: News,
    },
    /// A fresh read shows the pull request merged.
    SeenMerged,
    /// A fresh read shows the pull request closed without a merge.
    SeenClosed,
    /// A head that we did not make is ours all the same: "Update branch" made it, or somebody whom the spec trusts.
    HeadAdopted {
        /// The head.
        head: CommitSha,
        /// The base that it holds.
        base: CommitSha,
    },
    /// Code owners who are waited for have room now.
    ReviewsDue,
    /// The branch of its merged pull request is gone, whoever deleted it.
    BranchDeleted,
    /// The branch of its merged pull request stays.
    BranchLeft {
        /// Why.
        reason: String,
    },
    /// Its base branch has moved so that it is carried out again by itself.
    RedoBegun {
        /// The run that does it.
        run: RunId,
        /// The head of the base branch that calls for it.
        base: CommitSha,
        /// What the base has done to it, for people.
        why: String,
        /// When, by the store's clock.
        at: DateTime<Utc>,
    },
    /// The run that carries it out again has a result.
    Redone {
        /// The run.
        run: RunId,
        /// Its new content; none where there is none.
        content: Option<Box<Proposal>>,
        /// Why there is none, for people.
        #[serde(default)]
        reason: String,
    },
    /// A person asked something of it.
    Asked {
        /// What.
        ask: Ask,
        /// Who.
        by: String,
        /// The command that asked for it; it is taken up once.
        command: CommandId,
        /// Whether its run had been cancelled before: that does not hold up what was asked for later.
        #[serde(default)]
        beyond: bool,
    },
    /// The pull request was closed because somebody asked, or there was none; what was ours of the branch is gone.
    Withdrawn {
        /// The generation that was seen to.
        generation: u32,
    },
    /// What was asked for beside the content is done; branch and words were left alone.
    ErrandDone {
        /// The generation that was seen to.
        generation: u32,
        /// What was done.
        #[serde(flatten)]
        done: Done,
    },
}

/// What was done of an errand that leaves branch and words alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {
    /// The commands whose comments are there.
    pub said: Vec<CommandId>,
    /// Whether a draft was marked ready, or was ready already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ready: bool,
    /// How far a merge is that is wanted, where it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merging: Option<Stands>,
    /// How far a re-run of failed checks is, where that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun: Option<Rerun>,
    /// How asking for reviews went, where that was owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dressed: Option<Box<Dressed>>,
}

/// What is at GitHub after publishing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The branch's head.
    pub head: CommitSha,
    /// The pull request.
    pub pull_request: PullRequestRef,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether it was there already (an answer of an earlier attempt was lost).
    pub adopted: bool,
    /// The pull request's words.
    #[serde(default)]
    pub words: Option<Words>,
    /// The base that the head holds; none where the head was taken as it was.
    #[serde(default)]
    pub base: Option<CommitSha>,
    /// The commands whose comments are there.
    #[serde(default)]
    pub said: Vec<CommandId>,
    /// What of that which was asked for could not be done, and why; empty where all of it was.
    #[serde(default)]
    pub note: String,
    /// How dressing it went; none where nothing was to be put on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dressed: Option<Box<Dressed>>,
}

/// What the runtime owes after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangesetEffect {
    /// Queue it at the organisation's limiter.
    Schedule,
    /// Make branch and pull request what this generation wants: observe, act, record.
    Publish {
        /// The generation.
        generation: u32,
    },
    /// Tell this run that nothing is left to send for it.
    Settled {
        /// The run that proposed it last.
        run: RunId,
    },
}

impl ChangesetEvent {
    /// The event's name in the event table and on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Proposed { .. } => "changeset.proposed",
            Self::Released => "changeset.released",
            Self::PublishStarted { .. } => "changeset.publishing",
            Self::Published { .. } => "changeset.published",
            Self::PublishDeferred { .. } => "changeset.deferred",
            Self::PublishRefused { .. } => "changeset.blocked",
            Self::RepositoryAway { away, .. } => away.cause.event(),
            Self::Transferred { .. } => "changeset.transferred",
            Self::RepositoryBack { .. } => "changeset.repository_back",
            Self::HandedOver { .. } => "changeset.handed_over",
            Self::SeenOpen { .. } => "changeset.seen_open",
            Self::Noticed { news } => news.name(),
            Self::SeenMerged => "changeset.merged",
            Self::SeenClosed => "changeset.closed",
            Self::HeadAdopted { .. } => "changeset.head_adopted",
            Self::ReviewsDue => "changeset.reviews_due",
            Self::BranchDeleted => "changeset.branch_deleted",
            Self::BranchLeft { .. } => "changeset.branch_left",
            Self::RedoBegun { .. } => "changeset.redo_begun",
            Self::Redone { .. } => "changeset.redone",
            Self::Asked { .. } => "changeset.asked",
            Self::Withdrawn { .. } => "changeset.withdrawn",
            Self::ErrandDone { .. } => "changeset.errand_done",
        }
    }
}
