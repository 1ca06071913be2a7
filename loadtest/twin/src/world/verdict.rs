//! What others say of a commit or a pull request: statuses, check runs and reviews. Records only; what they come
//! to together is `standing`'s.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The state of a commit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusState {
    /// The check itself broke.
    Error,
    /// It failed.
    Failure,
    /// It is not done.
    Pending,
    /// It passed.
    Success,
}

/// A commit status. The newest of a context counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Numeric id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// Its name.
    pub context: String,
    /// What it says.
    pub state: StatusState,
    /// A line about it.
    pub description: Option<String>,
    /// Where more is to be read.
    pub target_url: Option<String>,
    /// Who set it.
    pub creator: u64,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// How far a check run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Waiting.
    Queued,
    /// Running.
    InProgress,
    /// Done.
    Completed,
}

/// How a check run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Somebody must do something.
    ActionRequired,
    /// Stopped.
    Cancelled,
    /// Failed.
    Failure,
    /// Neither good nor bad; counts as passed.
    Neutral,
    /// Passed.
    Success,
    /// Not run; counts as passed.
    Skipped,
    /// Took too long.
    TimedOut,
}

impl Conclusion {
    /// Does a required check count as passed with it?
    pub fn passes(self) -> bool {
        matches!(self, Self::Neutral | Self::Success | Self::Skipped)
    }
}

/// A check run. The newest of a name counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckRun {
    /// Numeric id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// Its name.
    pub name: String,
    /// How far it is.
    pub status: CheckStatus,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// What its maker calls it.
    pub external_id: Option<String>,
    /// Where more is to be read.
    pub details_url: Option<String>,
    /// Title of its output.
    pub title: Option<String>,
    /// Summary of its output.
    pub summary: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// The workflow whose job it is; none for a check of the app's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Workflow>,
}

/// A run of a GitHub Actions workflow, which has one job here, named like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// Numeric id, the same for every attempt; also that of its check suite.
    pub run: u64,
    /// Which attempt, from 1.
    pub attempt: u32,
}

/// What a review says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReviewState {
    /// Good.
    Approved,
    /// Not like this.
    ChangesRequested,
    /// Neither.
    Commented,
    /// Taken back by somebody.
    Dismissed,
}

impl ReviewState {
    /// GitHub's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Commented => "COMMENTED",
            Self::Dismissed => "DISMISSED",
        }
    }
}

/// A review of a pull request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Review {
    /// Numeric id.
    pub id: u64,
    /// The pull request's number.
    pub pull: u64,
    /// Who reviewed.
    pub author: u64,
    /// What it says.
    pub state: ReviewState,
    /// Markdown.
    pub body: String,
    /// The head that was reviewed.
    pub commit: String,
    /// When.
    pub submitted_at: DateTime<Utc>,
}

/// One of the three, as it is now.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// A commit status was set.
    Status(Status),
    /// A check run was made or changed.
    CheckRun(CheckRun),
    /// A review was submitted or dismissed.
    Review(Review),
}
