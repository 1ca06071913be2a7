//! What a person asks of one changeset, and what of it is still owed to them.
//!
//! Deliberately absent: the transitions that asking makes (`asked`), who may ask (the API's matter), and asking a
//! selection of changesets, which is one ask for each.

use super::{Changeset, ChangesetState as State, Checks, Merge, MergeMethod, Rerun};
use crate::{
    id::{CommandId, RunId},
    spec::Publication,
};
use serde::{Deserialize, Serialize};

/// What a person asks of one changeset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum Ask {
    /// Open the pull request that was kept back.
    Publish {
        /// Whether as a draft.
        draft: bool,
    },
    /// Mark the draft ready for review.
    Ready,
    /// Send nothing more until it is resumed.
    Pause,
    /// Go on after a pause of its own.
    Resume,
    /// Take it back before it has a pull request.
    Cancel,
    /// Close the pull request and delete its branch, as far as it is ours.
    Close,
    /// Open it again after it was closed, whoever closed it.
    Reopen,
    /// Try again after GitHub did not allow it.
    Retry,
    /// Have it merged by GitHub's own rules.
    Merge {
        /// How; none takes a way that the repository allows.
        #[serde(default)]
        method: Option<MergeMethod>,
    },
    /// Say something on the pull request.
    Comment {
        /// The text, Markdown.
        body: String,
    },
    /// Carry the change out again on the base as it is now.
    Rebase,
    /// Run its failed checks again.
    Rerun,
    /// Go on after a human's hand: what is on the branch is taken as ours.
    Takeover,
    /// Asked by the campaign itself: close what a newer version of the spec leaves out, unless a human has touched it.
    Prune {
        /// Why, for people.
        why: String,
        /// The run whose proposal it is about; a newer one is not meant.
        of: RunId,
    },
}

/// What is to become of the pull request besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// Be open, unless a human has ended it.
    #[default]
    Open,
    /// Be open again, although it was closed.
    Reopened,
    /// Be closed.
    Closed,
}

/// What is owed to GitHub besides the content, because somebody asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Errand {
    /// What is to become of the pull request.
    pub aim: Aim,
    /// Who asked for that.
    pub by: String,
    /// The campaign's own command for that, which is left undone where a human has touched it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gentle: Option<CommandId>,
    /// Comments that are not known to be there yet, oldest first.
    pub comments: Vec<OwedComment>,
    /// Whether what is on the branch is taken as ours, whoever made it.
    pub adopt: bool,
    /// Whether its draft is to be marked ready.
    pub ready: bool,
    /// Whether those are to be asked for a review who are not asked while it is a draft, or had no room before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reviews: bool,
    /// Whether the branch of the merged pull request is to be deleted, where it still holds our last head. It is owed
    /// beside the end that the changeset has reached.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub branch: bool,
    /// That its failed checks are to be run again, and how far that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun: Option<Rerun>,
    /// That it is wanted merged, which is kept when the rest is over.
    pub merge: Option<Merge>,
    /// Nothing but what is written here is owed, and afterwards the changeset stands here again.
    pub back: Option<Back>,
    /// Who paused it: nothing more is sent until it is resumed. It outlasts what is owed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// Whether it was asked for after the run had been cancelled, which then does not hold it up.
    pub beyond: bool,
    /// The command that was taken up last, so that it is taken up once.
    pub command: Option<CommandId>,
    /// The run that carries it out again on the base as it is now; the last one counts.
    pub redo: Option<RunId>,
}

/// Where a changeset stands again after an errand that leaves its content alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// The state.
    pub state: State,
    /// Its reason.
    pub reason: String,
}

/// A comment that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedComment {
    /// The command that asked for it: what the comment's hidden marker names.
    pub command: CommandId,
    /// The text.
    pub body: String,
}

impl Ask {
    /// The ask's name in events, commands and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Publish { .. } => "publish",
            Self::Ready => "ready",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Close => "close",
            Self::Reopen => "reopen",
            Self::Retry => "retry",
            Self::Merge { .. } => "merge",
            Self::Comment { .. } => "comment",
            Self::Rebase => "rebase",
            Self::Rerun => "rerun",
            Self::Takeover => "takeover",
            Self::Prune { .. } => "prune",
        }
    }
}

impl Ask {
    /// Why it is not taken up by a changeset that stands there, for people; none where it is. `published` says whether
    /// there is a pull request, `checks` what was read of its checks last.
    pub fn refused(&self, standing: State, published: bool, checks: Checks) -> Option<&'static str> {
        match (standing, self) {
            (State::Merged, _) => Some("it is merged"),
            (State::Closed, Ask::Reopen) => None,
            (State::Closed, _) => Some("it is closed: reopen it first"),
            (_, Ask::Reopen) => Some("it is not closed"),
            // Whether it is paused is told by `idle`.
            (_, Ask::Pause | Ask::Resume) => None,
            (_, Ask::Cancel) if published => Some("it has a pull request: `close` closes it"),
            (_, Ask::Cancel) => None,
            (State::HandedOver, Ask::Takeover | Ask::Close) => None,
            (_, Ask::Takeover) => Some("no human has taken it over"),
            (_, Ask::Close) => None,
            (_, Ask::Comment { .. }) if !published => Some("it has no pull request yet"),
            (_, Ask::Comment { body }) if body.trim().is_empty() => Some("the comment is empty"),
            (_, Ask::Comment { .. }) => None,
            (State::HandedOver, _) => Some("a human has taken it over: `takeover` resumes it"),
            (_, Ask::Prune { .. }) => None,
            (_, Ask::Publish { .. }) if published => Some("its pull request is open already"),
            (_, Ask::Publish { .. }) => None,
            (State::Blocked, Ask::Retry) => None,
            (_, Ask::Retry) => Some("nothing stands in its way"),
            (State::Draft | State::Conflicted | State::Scheduled | State::Publishing, Ask::Ready) => None,
            (State::Open, Ask::Ready) => Some("it is ready already"),
            (State::Blocked, Ask::Ready) => Some("something stands in its way: `retry` tries it again"),
            (_, Ask::Ready) => Some("it has no pull request yet: `publish` opens it"),
            (State::Draft, Ask::Merge { .. }) => {
                Some("it is a draft: `ready` marks it ready for review first")
            }
            (State::Blocked, Ask::Merge { .. }) => {
                Some("something stands in its way: `retry` tries it again")
            }
            (State::Unpublished, Ask::Merge { .. }) => Some("it has no pull request yet: `publish` opens it"),
            (_, Ask::Merge { .. }) => None,
            (State::Scheduled | State::Publishing, Ask::Rebase | Ask::Rerun) => {
                Some("it is being brought up to date already")
            }
            (_, Ask::Rebase | Ask::Rerun) if !published => Some("it has no pull request yet"),
            (_, Ask::Rebase) => None,
            (State::Blocked, Ask::Rerun) => Some("something stands in its way: `retry` tries it again"),
            (_, Ask::Rerun) => match checks {
                Checks::Failed => None,
                Checks::Pending => Some("its checks are running"),
                Checks::Passed => Some("its checks have passed"),
                Checks::None => Some("none of its checks is known to have failed"),
            },
        }
    }
}

impl Errand {
    /// What of it is owed still once a human has the pull request: what people want to be said.
    pub(super) fn of_words_alone(self, back: Option<Back>) -> Self {
        Self { aim: Aim::Open, adopt: false, ready: false, rerun: None, back, ..self }
    }
}

impl Changeset {
    /// Why an ask is not taken up where the changeset stands now, for people; none where it is.
    pub fn refuses(&self, ask: &Ask) -> Option<&'static str> {
        let checks = self.seen.as_ref().map_or(Checks::None, |seen| seen.checks);
        let refused = ask.refused(self.standing(), self.pull_request.is_some(), checks);
        refused.or_else(|| ask.idle(self.errand.paused.is_some()))
    }

    /// Where it stands, an errand that leaves its content alone aside.
    pub fn standing(&self) -> State {
        self.errand.back.as_ref().map_or(self.state, |back| back.state)
    }

    /// Whether only the errand is owed, and branch and words are left alone.
    pub fn is_on_errand(&self) -> bool {
        self.errand.back.is_some()
    }

    /// How far the pull request is to be taken when it is opened now.
    pub fn opens_as_draft(&self) -> bool {
        self.wanted.publication == Publication::Draft
    }
}
