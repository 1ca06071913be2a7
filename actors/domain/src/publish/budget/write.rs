//! Kinds of writes, and what each costs.
//!
//! Deliberately absent: how much there is to spend (`mod`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// GitHub counts 5 points for a write and 1 for a read ("Rate limits for the REST API", secondary limits).
pub const POINTS_OF_A_WRITE: u32 = 5;

/// GitHub's points for one installation in a minute, for reads and writes together (the same source).
pub const POINTS_A_MINUTE: u32 = 900;

/// Divides so many points a minute into those for writes and those for reads, so that either holds without asking
/// the other: 400 and 500 of the 900.
pub fn split_points(points: u32) -> (u32, u32) {
    let writes = (u64::from(points) * 4).div_ceil(9);
    let writes = u32::try_from(writes).unwrap_or(points).max(POINTS_OF_A_WRITE).min(points);
    (writes, points - writes)
}

/// What a write to the code host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteKind {
    /// A blob.
    Blob,
    /// A tree.
    Tree,
    /// A commit.
    Commit,
    /// A branch is made.
    Branch,
    /// A branch is moved forward.
    BranchUpdate,
    /// A branch is deleted.
    BranchDeletion,
    /// A pull request is opened.
    PullRequest,
    /// Title, text, state or draft of a pull request is changed.
    PullRequestUpdate,
    /// A comment.
    Comment,
    /// Labels are put on.
    Labels,
    /// People are assigned.
    Assignees,
    /// Reviewers are asked.
    Reviewers,
    /// A pull request is merged, or its merging is arranged.
    Merge,
    /// Failed checks are run again.
    Rerun,
}

impl WriteKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Blob,
        Self::Tree,
        Self::Commit,
        Self::Branch,
        Self::BranchUpdate,
        Self::BranchDeletion,
        Self::PullRequest,
        Self::PullRequestUpdate,
        Self::Comment,
        Self::Labels,
        Self::Assignees,
        Self::Reviewers,
        Self::Merge,
        Self::Rerun,
    ];

    /// Its name, as settings and the API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
            Self::Branch => "branch",
            Self::BranchUpdate => "branch-update",
            Self::BranchDeletion => "branch-deletion",
            Self::PullRequest => "pull-request",
            Self::PullRequestUpdate => "pull-request-update",
            Self::Comment => "comment",
            Self::Labels => "labels",
            Self::Assignees => "assignees",
            Self::Reviewers => "reviewers",
            Self::Merge => "merge",
            Self::Rerun => "rerun",
        }
    }
}

/// Which writes count as content-creating.
///
/// GitHub limits them without saying which they are, so by default all of them do. What does not count still costs
/// points and keeps its distance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentWrites(BTreeSet<WriteKind>);

impl Default for ContentWrites {
    fn default() -> Self {
        Self(WriteKind::ALL.into())
    }
}

impl ContentWrites {
    /// Reads a setting: `all`, `none`, or names of [`WriteKind`] with commas between them.
    ///
    /// # Errors
    /// The word that is no name, with those that are.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => return Ok(Self::default()),
            "none" => return Ok(Self(BTreeSet::new())),
            _ => {}
        }
        let one = |word: &str| {
            let named = WriteKind::ALL.into_iter().find(|kind| kind.as_str() == word.trim());
            named.ok_or_else(|| {
                let known: Vec<_> = WriteKind::ALL.iter().map(|kind| kind.as_str()).collect();
                format!("`{word}` is no kind of write: give `all`, `none`, or some of {}", known.join(", "))
            })
        };
        Ok(Self(text.split(',').map(one).collect::<Result<_, _>>()?))
    }

    /// Whether a write of this kind counts.
    pub fn has(&self, kind: WriteKind) -> bool {
        self.0.contains(&kind)
    }

    /// The kinds that count.
    pub fn kinds(&self) -> impl Iterator<Item = WriteKind> + '_ {
        self.0.iter().copied()
    }
}

/// What one write costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Whether it counts as content-creating.
    pub content: bool,
    /// Whether it opens a pull request.
    pub pull_request: bool,
    /// Points.
    pub points: u32,
}
