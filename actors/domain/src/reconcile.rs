//! What a fresh read of a pull request means for its changeset, and when it is read the next time.
//!
//! Deliberately absent: reading, clocks and webhooks. An error is not an observation and never comes here.

mod moved;
mod schedule;

pub use moved::{Moved, moved, not_before, touched};
pub use schedule::{Due, due};

use crate::{
    changeset::{Away, Changeset, ChangesetEvent, ChangesetState},
    id::RepositoryName,
    publish::{Adopted, News, PullRequest, PullRequestState, Reading, human_hand},
    selection::{OPT_OUT_LABEL, opts_out},
};

/// The event that an observation amounts to, if any. Applying it twice is applying it once.
///
/// The read must have begun after the changeset came to be as it is given here: an older one shows the head that
/// our own last commit replaced. While a generation is being sent or waits for its turn, a head that is not on
/// record may be ours, its answer lost, and nothing is concluded from it: sending observes the branch by itself.
/// `adopted`: what a closer look at such a head has shown to be ours all the same.
pub fn observed(
    changeset: &Changeset,
    seen: &PullRequest,
    adopted: Option<&Adopted>,
) -> Option<ChangesetEvent> {
    let event = match seen.state {
        PullRequestState::Merged => ChangesetEvent::SeenMerged,
        PullRequestState::Closed => ChangesetEvent::SeenClosed,
        PullRequestState::Open if changeset.publishing.is_some() => return None,
        PullRequestState::Open if changeset.head.as_ref().is_some_and(|head| *head != seen.head) => {
            match changeset.state {
                ChangesetState::Scheduled => return None,
                // It is open again; whose it is, is told by the same read once that is recorded.
                ChangesetState::Closed => ChangesetEvent::SeenOpen { draft: seen.draft },
                _ => match adopted.filter(|adopted| adopted.head == seen.head) {
                    Some(Adopted { head, base }) => {
                        ChangesetEvent::HeadAdopted { head: head.clone(), base: base.clone() }
                    }
                    None => ChangesetEvent::HandedOver {
                        reason: format!(
                            "somebody pushed to `{}` (head {})",
                            changeset.head_branch, seen.head
                        ),
                    },
                },
            }
        }
        PullRequestState::Open => match human_hand(changeset, seen).filter(|_| changeset.state.is_open()) {
            Some(reason) => ChangesetEvent::HandedOver { reason },
            None => ChangesetEvent::SeenOpen { draft: seen.draft },
        },
    };
    (!changeset.apply(&event).is_ignored()).then_some(event)
}

/// What else a complete read tells of a pull request, once [`observed`] has been applied: checks, review,
/// mergeability and the like, one event for each that changed and none where nothing did.
pub fn noticed(changeset: &Changeset, fresh: &Reading) -> Vec<ChangesetEvent> {
    if fresh.pull_request.state != PullRequestState::Open || changeset.publishing.is_some() {
        return vec![];
    }
    let seen = changeset.seen.clone().unwrap_or_default();
    let renamed = fresh.repository.to_string() != changeset.repository.to_string()
        // One under another owner is looked for before anything is said (`whereabouts`): the App may not be installed there.
        && fresh.repository.owner().eq_ignore_ascii_case(changeset.repository.owner());
    let name = renamed.then(|| News::Renamed(fresh.repository.clone()));
    let news = name.into_iter().chain(fresh.news(&seen));
    let label = (changeset.state.is_open() && opts_out(&fresh.labels)).then(|| ChangesetEvent::HandedOver {
        reason: format!("somebody put the label `{OPT_OUT_LABEL}` on the pull request"),
    });
    news.map(|news| ChangesetEvent::Noticed { news })
        .chain(label)
        .filter(|event| !changeset.apply(event).is_ignored())
        .collect()
}

/// The event for what a look shows of a repository that a changeset waits for, or that has another owner by now.
pub fn whereabouts(changeset: &Changeset, found: &Result<RepositoryName, Away>) -> Option<ChangesetEvent> {
    let event = match found {
        Ok(repository) if changeset.away.is_none() => {
            ChangesetEvent::Transferred { generation: None, repository: repository.clone(), head: None }
        }
        Ok(repository) => ChangesetEvent::RepositoryBack { repository: repository.clone() },
        Err(away) => ChangesetEvent::RepositoryAway { generation: None, away: away.clone(), head: None },
    };
    (!changeset.apply(&event).is_ignored()).then_some(event)
}

/// The event for a pull request that a complete answer does not know any more.
pub fn lost(changeset: &Changeset, reason: &str) -> Option<ChangesetEvent> {
    let event = ChangesetEvent::Noticed { news: News::Lost(Some(reason.to_owned())) };
    (!changeset.apply(&event).is_ignored()).then_some(event)
}
