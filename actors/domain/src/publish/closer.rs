//! A head that is not on record, looked at closely: GitHub's "Update branch" button and commits by those whom the
//! spec trusts are no human's hand.
//!
//! A merge of the base counts as the button's where it shows exactly the files that we changed, with our contents,
//! and the base left those files alone: that is the automatic merge. Where the base changed them too, or a listing is
//! not complete, it counts as a human's, which is the careful side. Deliberately absent: reading.

use crate::{
    changeset::Changeset,
    id::CommitSha,
    publish::{BranchHead, PullRequest, PullRequestState},
};
use std::collections::BTreeMap;

/// What lies between two commits, as GitHub shows it: from their common ancestor to the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Their common ancestor.
    pub common: CommitSha,
    /// How many commits the second has that the first has not.
    pub ahead: u64,
    /// How many the first has that the second has not.
    pub behind: u64,
    /// Those that the second has on top, oldest first.
    pub commits: Vec<ComparedCommit>,
    /// What their common ancestor and the second differ in: path, and what became of it (status and object id).
    pub files: BTreeMap<String, (String, String)>,
    /// Whether all commits are listed.
    pub all_commits: bool,
    /// Whether all files are listed.
    pub all_files: bool,
}

/// A commit as a comparison shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedCommit {
    /// Its id.
    pub commit: CommitSha,
    /// Its parents, in order.
    pub parents: Vec<CommitSha>,
    /// The login of whoever GitHub takes for its author.
    pub author: Option<String>,
    /// The login of whoever GitHub takes for its committer; `web-flow` where it was made on GitHub's pages.
    pub committer: Option<String>,
    /// Whether its signature was verified: without one, anybody may write any author.
    pub verified: bool,
}

/// A head that is ours although we did not make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The head.
    pub head: CommitSha,
    /// The base that it holds.
    pub base: CommitSha,
}

/// The committer of commits that are made on GitHub's pages.
const WEB_FLOW: &str = "web-flow";

/// What has to be compared to tell whether a merge is the button's.
#[derive(Debug)]
pub struct Merged {
    /// The base branch with the commit that was merged.
    pub branch: Comparison,
    /// The base that our head held with our head: what we changed.
    pub ours: Comparison,
    /// The base that our head held with the commit that was merged: what the base changed.
    pub base: Comparison,
    /// The commit that was merged with the merge: what the pull request shows now.
    pub merge: Comparison,
}

/// Whether a read shows an open pull request with a head that is not on record and that nothing of ours explains, so
/// that it is to be looked at closely.
pub fn is_off_record(changeset: &Changeset, seen: &PullRequest) -> bool {
    use crate::changeset::ChangesetState as State;
    let followed = changeset.state.is_open() || matches!(changeset.state, State::Blocked | State::Closed);
    seen.state == PullRequestState::Open
        && followed
        && changeset.head.as_ref().is_some_and(|head| *head != seen.head)
}

/// What a head merges into ours, if that is what it does: the button's merge of this commit, perhaps.
pub fn merges_into_ours<'a>(changeset: &Changeset, theirs: &'a BranchHead) -> Option<&'a CommitSha> {
    match theirs.parents.as_slice() {
        [first, second] if changeset.head.as_ref() == Some(first) => Some(second),
        _ => None,
    }
}

impl Merged {
    /// Whether it is the automatic merge of a commit of the base branch, and nothing else.
    pub fn is_automatic(&self) -> bool {
        let listed = self.ours.all_files && self.base.all_files && self.merge.all_files;
        let forward = self.branch.ahead == 0 && self.base.behind == 0;
        listed && forward && !self.base.touches(self.ours.paths()) && self.ours.files == self.merge.files
    }
}

impl Comparison {
    /// The paths that differ.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether every commit on top is by somebody with one of these logins, and there is one.
    pub fn is_by(&self, trusted: &[String]) -> bool {
        let all = self.all_commits && self.behind == 0 && !self.commits.is_empty();
        all && self.commits.iter().all(|commit| commit.is_by(trusted))
    }

    /// Whether one of these paths differs.
    pub fn touches<'a>(&self, mut paths: impl Iterator<Item = &'a str>) -> bool {
        paths.any(|path| self.files.contains_key(path))
    }
}

impl ComparedCommit {
    fn is_by(&self, trusted: &[String]) -> bool {
        let is_trusted = |login: &Option<String>| {
            login.as_ref().is_some_and(|login| trusted.iter().any(|one| one.eq_ignore_ascii_case(login)))
        };
        let on_a_page = self.committer.as_deref() == Some(WEB_FLOW);
        self.verified && (is_trusted(&self.committer) || (on_a_page && is_trusted(&self.author)))
    }
}
