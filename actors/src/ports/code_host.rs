//! The code host: what is read there, within a read budget, and the few writes that publishing needs, each by one
//! permit.
//!
//! Deliberately absent: deciding. What to do about a branch or pull request is `campaigns_domain::publish`'s; this
//! port observes and acts. No implementation sends a POST again by itself.

use super::{Merging, Opting, Permit, ReadBudget, Rerunning, Whereabouts};
use async_trait::async_trait;
use bytes::Bytes;
use campaigns_domain::{
    changeset::Away,
    id::{CommitSha, RepositoryId, RepositoryName},
    publish::{
        BranchHead, Comparison, PullRequest, Reading, commit::TreeEntry, dress::Wearer, standing::OutOfUse,
    },
    selection::{Answer, Base, Query},
    spec::Author,
};
use std::{path::Path, time::Duration};

/// A repository by id and by the name it was last seen under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RepositoryRef {
    /// The id, which survives renames.
    pub id: RepositoryId,
    /// The name.
    pub name: RepositoryName,
}

/// A commit to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitDraft {
    /// Its parents: one, or for a merge the branch's own and the base.
    pub parents: Vec<CommitSha>,
    /// Its tree.
    pub tree: String,
    /// Its message.
    pub message: String,
    /// Its author; none takes the caller, which lets GitHub sign an App's commits.
    pub author: Option<Author>,
}

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPullRequest {
    /// The title.
    pub title: String,
    /// The text.
    pub body: String,
    /// The branch that carries the commit.
    pub head: String,
    /// The branch it goes into.
    pub base: String,
    /// Whether it is a draft.
    pub draft: bool,
}

/// How many pull requests may be read at once. GitHub takes a hundred ids and gives a query 10 s; half of that leaves
/// room for both.
pub const MOST_READ_AT_ONCE: usize = 50;

/// The code host as the actors see it.
#[async_trait]
pub trait CodeHost: Merging + Opting + Rerunning + Whereabouts {
    /// The complete answer to a selection's query.
    async fn repositories(&self, query: &Query, budget: &ReadBudget) -> Result<Answer, CodeHostError>;

    /// A branch's head, or `None` where the branch does not exist.
    async fn base(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Option<Base>, CodeHostError>;

    /// The heads of these branches of one owner's repositories, in their order; at most [`MOST_READ_AT_ONCE`]. What it
    /// cannot tell plainly is `None`, which says nothing: [`CodeHost::base`] does.
    async fn bases(
        &self,
        _owner: &str,
        branches: &[(RepositoryRef, String)],
        _budget: &ReadBudget,
    ) -> Result<Vec<Option<Base>>, CodeHostError> {
        Ok(vec![None; branches.len()])
    }

    /// Writes the commit's tree to `file` as an uncompressed tar, every path at its exact bytes and mode (an
    /// archive that leaves out or rewrites files is mended blob by blob), submodules left out.
    async fn snapshot(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        file: &Path,
        budget: &ReadBudget,
    ) -> Result<(), CodeHostError>;

    /// A branch's head commit, or `None` where the branch does not exist.
    async fn branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Option<BranchHead>, CodeHostError>;

    /// Writes a blob; its object id.
    async fn create_blob(
        &self,
        repository: &RepositoryRef,
        content: Bytes,
        permit: Permit,
    ) -> Result<String, CodeHostError>;

    /// Writes a tree on top of `base` (a tree's or commit's object id); its object id. Content-addressed, so
    /// doing it twice does it once.
    async fn create_tree(
        &self,
        repository: &RepositoryRef,
        base: &str,
        entries: &[TreeEntry],
        permit: Permit,
    ) -> Result<String, CodeHostError>;

    /// Writes a commit; its object id.
    async fn create_commit(
        &self,
        repository: &RepositoryRef,
        draft: &CommitDraft,
        permit: Permit,
    ) -> Result<CommitSha, CodeHostError>;

    /// Makes a branch at a commit.
    ///
    /// # Errors
    /// [`CodeHostError::Conflict`] where it exists.
    async fn create_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError>;

    /// Moves a branch forward to a commit, never by force.
    ///
    /// # Errors
    /// [`CodeHostError::Conflict`] where that would lose commits: somebody else pushed.
    async fn advance_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError>;

    /// Every pull request from `head` to `base` in any state, newest first; complete, or an error.
    async fn pull_requests(
        &self,
        repository: &RepositoryRef,
        head: &str,
        base: &str,
        budget: &ReadBudget,
    ) -> Result<Vec<PullRequest>, CodeHostError>;

    /// Opens a pull request.
    ///
    /// # Errors
    /// [`CodeHostError::Conflict`] where one from the same head is open already.
    async fn create_pull_request(
        &self,
        repository: &RepositoryRef,
        new: &NewPullRequest,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError>;

    /// Brings the title and text of a pull request to what is wanted.
    async fn update_pull_request(
        &self,
        repository: &RepositoryRef,
        number: u64,
        title: &str,
        body: &str,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError>;

    /// Opens a closed pull request again, or closes an open one.
    ///
    /// # Errors
    /// [`CodeHostError::Refused`] where it cannot be opened again: its branch is gone or was moved by force, or it
    /// is merged.
    async fn set_pull_request_open(
        &self,
        repository: &RepositoryRef,
        number: u64,
        open: bool,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError>;

    /// The texts of a pull request's comments, oldest first; complete, or an error.
    async fn comments(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Vec<String>, CodeHostError>;

    /// Writes a comment. Nothing makes it one of its kind: whoever repeats it looks for it first.
    async fn create_comment(
        &self,
        repository: &RepositoryRef,
        number: u64,
        body: &str,
        permit: Permit,
    ) -> Result<(), CodeHostError>;

    /// Who opened a pull request, and its labels, assignees and requested reviewers; complete, or an error.
    async fn wearer(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Wearer, CodeHostError>;

    /// Puts labels on a pull request beside those that it has; all that it has then. One that the repository does
    /// not know is made by using it.
    async fn add_labels(
        &self,
        repository: &RepositoryRef,
        number: u64,
        labels: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError>;

    /// Assigns people beside those who are; all who are then. Whoever cannot be is passed over without a word.
    async fn add_assignees(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError>;

    /// Asks people and teams for a review.
    ///
    /// # Errors
    /// [`CodeHostError::Refused`], and nobody was asked, where one of them cannot be: the author, or whoever may not
    /// see the repository.
    async fn request_reviews(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        teams: &[String],
        permit: Permit,
    ) -> Result<(), CodeHostError>;

    /// The text of a repository's CODEOWNERS file at a commit, from the first of the places where it may be; none where
    /// there is none, or one that is too large for the code host to read.
    async fn code_owners(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<Option<String>, CodeHostError>;

    /// Deletes a branch whose head is `at`; compared by the code host itself, in the same moment.
    ///
    /// # Errors
    /// [`CodeHostError::Conflict`] where it does not exist or has another head: observe again. A code host may say the
    /// same where it does not want it deleted.
    async fn delete_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        at: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError>;

    /// Many pull requests by node id, each with what became of reading it, in their order; at most
    /// [`MOST_READ_AT_ONCE`]. `owner` is who their repositories belong to.
    ///
    /// # Errors
    /// For one of them: [`CodeHostError::NotFound`] only where the code host names it as not there, and any other
    /// where it was not read whole. For all: nothing was read; after [`CodeHostError::Unavailable`] fewer at once may
    /// be.
    async fn read_pull_requests(
        &self,
        owner: &str,
        node_ids: &[String],
        budget: &ReadBudget,
    ) -> Result<Vec<Result<Reading, CodeHostError>>, CodeHostError>;

    /// What lies between two commits or branches: what GitHub shows as `base...head`.
    async fn compare(
        &self,
        repository: &RepositoryRef,
        base: &str,
        head: &str,
        budget: &ReadBudget,
    ) -> Result<Comparison, CodeHostError>;

    /// A pull request as it stands.
    async fn pull_request(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<PullRequest, CodeHostError>;
}

/// What an answer that is no success means for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeHostError {
    /// It is not there, or not for this token. Nothing is concluded from it beyond the thing asked for.
    #[error("{0} does not exist, or the token may not see it")]
    NotFound(String),
    /// The whole repository is out of reach.
    #[error("{0}")]
    Away(Away),
    /// It exists already, or moved meanwhile: observe again.
    #[error("{0}")]
    Conflict(String),
    /// It will not be allowed until somebody changes something: the text says what.
    #[error("{0}")]
    Refused(String),
    /// The whole installation or token is out of use: the organisation pauses.
    #[error("{0}")]
    Unauthorized(OutOfUse),
    /// Too fast: nothing is sent to this organisation for this long.
    #[error("GitHub asks to wait {} s: {reason}", .wait.as_secs())]
    Limited {
        /// How long.
        wait: Duration,
        /// GitHub's words.
        reason: String,
    },
    /// The permit was too old to be used; nothing was sent.
    #[error("the permit had expired before the request could leave")]
    PermitExpired,
    /// No answer: observe before sending it again.
    #[error("GitHub's answer was lost ({0})")]
    Unknown(String),
    /// An answer that does not say whether it was done: observe before sending it again. It has arrived by then, so
    /// that it counts in the limits from the answer.
    #[error("GitHub's answer does not say whether it was done ({0})")]
    Inconclusive(String),
    /// It was certainly not done, for a reason that passes by itself.
    #[error("GitHub is not answering: {0}")]
    Unavailable(String),
}
