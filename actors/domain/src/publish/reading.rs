//! A complete fresh read of a pull request, and what of it is news.
//!
//! Deliberately absent: reading, and what the news mean for a changeset (`reconcile`).

use super::PullRequest;
use crate::{
    changeset::{Checks, MergeMethod, MergeState, Mergeability, News, QueueState, Review, Seen},
    id::{CommitSha, RepositoryName},
};

/// A complete fresh read of one pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The pull request.
    pub pull_request: PullRequest,
    /// What its repository is called now.
    pub repository: RepositoryName,
    /// Whether the repository is read-only.
    pub archived: bool,
    /// Its head's checks.
    pub checks: Checks,
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
    /// Its labels, in order of their names.
    pub labels: Vec<String>,
    /// Who is asked for a review and has not given one, in order of their names: logins, and teams with their organisation.
    pub requested: Vec<String>,
    /// Its place in the merge queue, from 1, if it is in it.
    pub queue_position: Option<u32>,
    /// The head of the branch that it goes into; none where that branch is gone.
    pub base_head: Option<CommitSha>,
}

impl Reading {
    /// What it tells that was not known.
    pub fn news(&self, seen: &Seen) -> Vec<News> {
        let (pull, fresh) = (&self.pull_request, self);
        // Worked out in the background: while it is not, what it was stands.
        let known = |now, unknown, before| if now == unknown { before } else { now };
        let merge_state = known(fresh.merge_state, MergeState::Unknown, seen.merge_state);
        let mut news = vec![];
        if seen.lost.is_some() {
            news.push(News::Lost(None));
        }
        let details = (pull.title.as_str(), pull.base_branch.as_str(), Some(&pull.head), merge_state);
        if details != (&seen.title, &seen.base_branch, seen.head.as_ref(), seen.merge_state) {
            news.push(News::Details {
                title: pull.title.clone(),
                base_branch: pull.base_branch.clone(),
                head: pull.head.clone(),
                merge_state,
            });
        }
        let fresh_only = [
            (seen.draft != pull.draft).then_some(News::Draft(pull.draft)),
            (seen.archived != fresh.archived).then_some(News::Archived(fresh.archived)),
            (seen.checks != fresh.checks || !seen.checks_read).then_some(News::Checks(fresh.checks)),
            (seen.review != fresh.review).then_some(News::Review(fresh.review)),
            (fresh.mergeability != Mergeability::Unknown && seen.mergeability != fresh.mergeability)
                .then_some(News::Mergeability(fresh.mergeability)),
            // Whoever enters the queue has auto-merge turned off by that.
            (seen.queue != fresh.queue).then_some(News::Queue(fresh.queue)),
            (seen.labels.as_deref().unwrap_or_default() != fresh.labels)
                .then(|| News::Labels(fresh.labels.clone())),
            (seen.requested.as_deref().unwrap_or_default() != fresh.requested)
                .then(|| News::Requested(fresh.requested.clone())),
            (seen.queue_position != fresh.queue_position)
                .then_some(News::QueuePosition(fresh.queue_position)),
            (seen.auto_merge != fresh.auto_merge).then_some(News::AutoMerge(fresh.auto_merge)),
        ];
        news.extend(fresh_only.into_iter().flatten());
        news
    }
}
