//! What was seen of an open pull request besides its state: checks, review, mergeability, auto-merge, the merge queue;
//! kept with its changeset and changed by news.
//!
//! The words are GitHub's (GraphQL `PullRequest`), folded where people act the same on several of them. Deliberately
//! absent: telling what is news (`publish::Reading`), and what is done about it.

use super::Redone;
use crate::id::{CommitSha, RepositoryName};
use serde::{Deserialize, Serialize};

/// What was seen of a pull request the last time that it was read, kept with its changeset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// Whether it is a draft.
    pub draft: bool,
    /// Its title.
    pub title: String,
    /// The branch it goes into.
    pub base_branch: String,
    /// Its head commit.
    pub head: Option<CommitSha>,
    /// Its head's checks.
    pub checks: Checks,
    /// Whether anybody has read the checks of this head: until then, that there are none says nothing.
    pub checks_read: bool,
    /// What its reviewers say.
    pub review: Review,
    /// Whether it can be merged.
    pub mergeability: Mergeability,
    /// What GitHub's merge button says.
    pub merge_state: MergeState,
    /// How GitHub will merge it by itself, where somebody asked for that.
    pub auto_merge: Option<MergeMethod>,
    /// Where it stands in the merge queue, if it is in it.
    pub queue: Option<QueueState>,
    /// Its place in the merge queue, from 1, if it is in it.
    pub queue_position: Option<u32>,
    /// Whether the repository is read-only.
    pub archived: bool,
    /// Why it could not be found the last time, if it could not.
    pub lost: Option<String>,
    /// Its labels; none where no read or write has told of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// What is to be said of its base branch, which has moved, where nothing is done about that now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// When it was carried out again by itself the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redone: Option<Redone>,
    /// Who is asked for a review and has not given one: logins, and teams with their organisation. None where no read
    /// or write has told of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<Vec<String>>,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in the database, the API and on the screen.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    )+};
}

words! {
    /// The head commit's checks and statuses together (`statusCheckRollup`).
    Checks {
        /// None has reported.
        #[default]
        None = "none",
        /// Some are still to come (GitHub: `PENDING`, `EXPECTED`).
        Pending = "pending",
        /// All of them passed.
        Passed = "passed",
        /// At least one did not (GitHub: `FAILURE`, `ERROR`).
        Failed = "failed",
    }
    /// What the reviewers say (`reviewDecision`).
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
    /// Whether it can be merged into its base (`mergeable`).
    Mergeability {
        /// GitHub has not worked it out; it does so once it has been asked.
        #[default]
        Unknown = "unknown",
        /// It can.
        Mergeable = "mergeable",
        /// The base has moved over the same lines.
        Conflicting = "conflicting",
    }
    /// What GitHub's merge button says (`mergeStateStatus`).
    MergeState {
        /// GitHub has not worked it out.
        #[default]
        Unknown = "unknown",
        /// The rules of the branch want it brought up to date first.
        Behind = "behind",
        /// The rules of the branch forbid it as yet.
        Blocked = "blocked",
        /// It may be merged.
        Clean = "clean",
        /// There is a conflict.
        Dirty = "dirty",
        /// It is a draft.
        Draft = "draft",
        /// It may be merged, and hooks before the merge will run.
        HasHooks = "has_hooks",
        /// It may be merged, and checks that are not required have not passed.
        Unstable = "unstable",
    }
    /// How a pull request is merged.
    MergeMethod {
        /// With a merge commit.
        #[default]
        Merge = "merge",
        /// As one commit.
        Squash = "squash",
        /// Commit by commit.
        Rebase = "rebase",
    }
    /// Where a pull request stands in the merge queue (`mergeQueueEntry.state`).
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

/// One piece of news about a pull request. Taking it up twice is taking it up once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "news", content = "now")]
pub enum News {
    /// Its title, base branch, head or merge state.
    Details {
        /// The title.
        title: String,
        /// The branch it goes into.
        base_branch: String,
        /// The head commit.
        head: CommitSha,
        /// What the merge button says.
        merge_state: MergeState,
    },
    /// Whether it is a draft, where the changeset's state does not say it.
    Draft(bool),
    /// Its checks.
    Checks(Checks),
    /// Its review.
    Review(Review),
    /// Whether it can be merged; never [`Mergeability::Unknown`], which is no news.
    Mergeability(Mergeability),
    /// Whether GitHub will merge it by itself.
    AutoMerge(Option<MergeMethod>),
    /// Where it stands in the merge queue.
    Queue(Option<QueueState>),
    /// Its place in the merge queue, from 1.
    QueuePosition(Option<u32>),
    /// Whether its repository is read-only.
    Archived(bool),
    /// Its labels.
    Labels(Vec<String>),
    /// Who is asked for a review and has not given one.
    Requested(Vec<String>),
    /// Its repository has another name, with the same owner.
    Renamed(RepositoryName),
    /// Its base branch has moved, and this is to be said of it; none where nothing is any more.
    Base(Option<String>),
    /// It cannot be found any more, for this reason; or, where there is none, it can again.
    Lost(Option<String>),
}

impl News {
    /// The name of its event.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Details { .. } => "changeset.seen",
            Self::Draft(true) => "changeset.draft",
            Self::Draft(false) => "changeset.ready",
            Self::Checks(Checks::None) => "changeset.checks_none",
            Self::Checks(Checks::Pending) => "changeset.checks_pending",
            Self::Checks(Checks::Passed) => "changeset.checks_passed",
            Self::Checks(Checks::Failed) => "changeset.checks_failed",
            Self::Review(Review::None) => "changeset.review_none",
            Self::Review(Review::Required) => "changeset.review_required",
            Self::Review(Review::Approved) => "changeset.approved",
            Self::Review(Review::ChangesRequested) => "changeset.changes_requested",
            Self::Mergeability(Mergeability::Conflicting) => "changeset.conflicted",
            Self::Mergeability(Mergeability::Mergeable | Mergeability::Unknown) => "changeset.mergeable",
            Self::AutoMerge(Some(_)) => "changeset.auto_merge_on",
            Self::AutoMerge(None) => "changeset.auto_merge_off",
            Self::QueuePosition(_) => "changeset.queue_moved",
            Self::Queue(Some(_)) => "changeset.queued",
            Self::Queue(None) => "changeset.dequeued",
            Self::Archived(true) => "changeset.archived",
            Self::Archived(false) => "changeset.unarchived",
            Self::Labels(_) => "changeset.labelled",
            Self::Requested(_) => "changeset.reviewers",
            Self::Renamed(_) => "changeset.renamed",
            Self::Base(Some(_)) => "changeset.base_moved",
            Self::Base(None) => "changeset.base_settled",
            Self::Lost(Some(_)) => "changeset.lost",
            Self::Lost(None) => "changeset.found",
        }
    }
}

impl Seen {
    /// What is known of a pull request that was just brought to what is wanted, before anybody has read it. What
    /// belongs to an earlier head is forgotten; what people decided stays until a read says otherwise.
    #[must_use]
    pub fn published(
        before: Option<&Self>,
        draft: bool,
        title: &str,
        base_branch: &str,
        head: &CommitSha,
    ) -> Self {
        let before = before.cloned().unwrap_or_default();
        let fresh = Self {
            draft,
            title: title.to_owned(),
            base_branch: if before.base_branch.is_empty() {
                base_branch.to_owned()
            } else {
                before.base_branch
            },
            head: Some(head.clone()),
            review: before.review,
            auto_merge: before.auto_merge,
            queue: before.queue,
            queue_position: before.queue_position,
            archived: before.archived,
            labels: before.labels,
            redone: before.redone,
            requested: before.requested,
            ..Self::default()
        };
        if before.head.as_ref() == Some(head) {
            return Self {
                checks: before.checks,
                checks_read: before.checks_read,
                mergeability: before.mergeability,
                merge_state: before.merge_state,
                ..fresh
            };
        }
        fresh
    }

    /// Takes a piece of news up; whether it was any.
    pub fn take(&mut self, news: &News) -> bool {
        let before = self.clone();
        match news.clone() {
            News::Details { title, base_branch, head, merge_state } => {
                (self.title, self.base_branch, self.head) = (title, base_branch, Some(head));
                self.merge_state = merge_state;
            }
            News::Draft(now) => self.draft = now,
            News::Checks(now) => (self.checks, self.checks_read) = (now, true),
            News::Review(now) => self.review = now,
            News::Mergeability(now) => self.mergeability = now,
            News::AutoMerge(now) => self.auto_merge = now,
            News::Queue(now) => self.queue = now,
            News::QueuePosition(now) => self.queue_position = now,
            News::Archived(now) => self.archived = now,
            News::Lost(reason) => self.lost = reason,
            News::Labels(now) => self.labels = Some(now),
            News::Base(said) => self.base = said,
            News::Requested(now) => self.requested = Some(now),
            // The repository's name is the changeset's own.
            News::Renamed(_) => {}
        }
        *self != before
    }

    /// Whether something is on its way that will be over soon: checks that run, or a place in the queue.
    pub fn is_pending(&self) -> bool {
        self.checks == Checks::Pending || self.queue.is_some() || self.mergeability == Mergeability::Unknown
    }
}
