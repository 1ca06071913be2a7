//! Publishing, as far as it is a decision: the words of a pull request, the commit that a result becomes, and
//! what an observation of branch and pull requests calls for.
//!
//! Deliberately absent: talking to GitHub, and the limits on how fast that may go.

pub mod budget;
mod closer;
pub mod code_owners;
pub mod commit;
pub mod dress;
pub mod installation;
mod merging;
mod neutral;
pub mod prune;
pub mod queue;
mod reading;
pub mod reviewers;
pub mod rollout;
pub mod standing;
mod words;

pub use closer::{Adopted, ComparedCommit, Comparison, Merged, is_off_record, merges_into_ours};
pub use commit::{TreeLimits, TreePlan};
pub use merging::{Bound, MergeRules, MergeStep, merge_step};
pub use reading::Reading;
pub use words::{comment, head_branch, place};

/// What was seen of a pull request belongs to its changeset, and is spoken of here.
pub use crate::changeset::{Checks, MergeMethod, MergeState, Mergeability, News, QueueState, Review, Seen};

use crate::{
    changeset::{Changeset, PullRequestRef, Words},
    id::CommitSha,
    spec::Publication,
};
use serde::{Deserialize, Serialize};

/// A branch's head as observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchHead {
    /// The commit.
    pub commit: CommitSha,
    /// Its tree's object id.
    pub tree: String,
    /// Its parents, in order.
    pub parents: Vec<CommitSha>,
    /// Its message.
    pub message: String,
}

/// A pull request as observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Its names.
    pub reference: PullRequestRef,
    /// Open, closed or merged.
    pub state: PullRequestState,
    /// Whether it is a draft.
    pub draft: bool,
    /// The head commit.
    pub head: CommitSha,
    /// The base branch.
    pub base_branch: String,
    /// The title as it stands.
    pub title: String,
    /// The text as it stands; none where the read left it out.
    #[serde(default)]
    pub body: Option<String>,
}

impl PullRequest {
    /// Its words, where they were read.
    pub fn words(&self) -> Option<Words> {
        Some(Words::new(&self.title, self.body.as_ref()?))
    }
}

/// What GitHub says of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestState {
    /// Open.
    Open,
    /// Closed without a merge.
    Closed,
    /// Merged.
    Merged,
}

/// What is at GitHub before publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The head branch, if it exists (a complete answer or a 404, never an error).
    pub branch: Option<BranchHead>,
    /// Every pull request from the head branch to the base branch, newest first, in any state.
    pub pull_requests: Vec<PullRequest>,
}

/// What is to be done about the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchStep {
    /// It carries the wanted commit already.
    Keep(CommitSha),
    /// It does not exist: create a commit on the base and the branch at it.
    Create,
    /// It carries our last head: append a commit to it, with these parents.
    Append(Vec<CommitSha>),
    /// Somebody else's commits are on it.
    HandsOff {
        /// What was seen, for people.
        reason: String,
    },
}

/// What is to be done about the pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullRequestStep {
    /// It is there: adopt it.
    Adopt(Box<PullRequest>),
    /// There is none: create it.
    Create {
        /// Whether as a draft.
        draft: bool,
    },
    /// There was one and it has ended.
    Ended(Box<PullRequest>),
}

/// Decides about the branch. `wanted_tree` is the tree that the current generation leads to; "" before the trees
/// have been written, which no branch carries.
pub fn branch_step(changeset: &Changeset, observed: &Observation, wanted_tree: &str) -> BranchStep {
    if let (true, Some(branch)) = (changeset.errand.adopt, &observed.branch) {
        // Somebody wants it taken as it is; the next version goes on top of it.
        return BranchStep::Keep(branch.commit.clone());
    }
    let Some(branch) = &observed.branch else {
        if changeset.errand.adopt {
            return BranchStep::Create;
        }
        // With a head of ours on record the branch was there, and somebody has taken it away.
        return match &changeset.head {
            None => BranchStep::Create,
            Some(_) => BranchStep::HandsOff {
                reason: format!("somebody deleted the branch `{}`", changeset.head_branch),
            },
        };
    };
    if branch.tree == wanted_tree && is_ours(changeset, branch) {
        return BranchStep::Keep(branch.commit.clone());
    }
    match &changeset.head {
        Some(head) if *head == branch.commit => BranchStep::Append(parents(changeset, head)),
        Some(_) => BranchStep::HandsOff {
            reason: format!(
                "the branch `{}` has commits that Campaigns did not make (head {})",
                changeset.head_branch, branch.commit
            ),
        },
        None => BranchStep::HandsOff {
            reason: format!(
                "the branch `{}` exists already and Campaigns did not make it (head {}): delete it or choose another \
                 branch in changesetTemplate",
                changeset.head_branch, branch.commit
            ),
        },
    }
}

/// Whether a branch head is a commit of ours that holds what it is to hold: our last head where its base is the wanted
/// one, or a commit whose answer may have been lost, which sits on what we built on.
fn is_ours(changeset: &Changeset, branch: &BranchHead) -> bool {
    match &changeset.head {
        // The result on a base that moved may be the very same files, and conflicts until that base is merged in.
        Some(head) => {
            let parents = parents(changeset, head);
            (branch.commit == *head && parents.len() == 1) || branch.parents == parents
        }
        None => branch.parents == [changeset.wanted.base.clone()],
    }
}

/// The parents of a commit that is appended to our head. Where the base has moved on since, it is the second one: a
/// commit on the head alone would show the base's own changes as ours, and leave a conflict as it is.
fn parents(changeset: &Changeset, head: &CommitSha) -> Vec<CommitSha> {
    let base = &changeset.wanted.base;
    match &changeset.shown.base {
        Some(held) if held != base => vec![head.clone(), base.clone()],
        _ => vec![head.clone()],
    }
}

/// What shows that a human has taken the pull request over, branch aside; none where nothing does.
pub fn human_hand(changeset: &Changeset, seen: &PullRequest) -> Option<String> {
    if changeset.errand.adopt || seen.state != PullRequestState::Open {
        return None;
    }
    let known = &changeset.shown.words;
    if let Some(words) = seen.words().filter(|words| !known.is_empty() && !known.contains(words)) {
        let title = known.iter().any(|known| known.title == words.title);
        return Some(match title {
            true => "somebody edited the pull request's text".to_owned(),
            false => format!("somebody edited the pull request's title, now \"{}\"", words.title),
        });
    }
    (seen.draft && changeset.shown.ready).then(|| "somebody converted the pull request to a draft".to_owned())
}

/// Whether the draft is to be marked ready: somebody asked for that, or the content that is sent is wanted so. What is
/// taken over stays as it is, and a human's conversion to a draft is told by [`human_hand`] before.
pub fn marks_ready(changeset: &Changeset, seen: &PullRequest) -> bool {
    let errand = &changeset.errand;
    let wanted = changeset.wanted.publication == Publication::Ready && !changeset.is_on_errand();
    seen.draft && !errand.adopt && (errand.ready || wanted)
}

/// Decides about the pull request, after the branch is as wanted.
pub fn pull_request_step(changeset: &Changeset, observed: &Observation) -> PullRequestStep {
    let ours = changeset.pull_request.as_ref();
    let known = observed
        .pull_requests
        .iter()
        .find(|seen| ours.is_some_and(|ours| ours.number == seen.reference.number))
        .or_else(|| observed.pull_requests.iter().find(|seen| seen.state == PullRequestState::Open))
        .or_else(|| observed.pull_requests.first());
    match known {
        Some(seen) if seen.state == PullRequestState::Open => PullRequestStep::Adopt(Box::new(seen.clone())),
        Some(seen) => PullRequestStep::Ended(Box::new(seen.clone())),
        None => PullRequestStep::Create { draft: changeset.wanted.publication == Publication::Draft },
    }
}
