//! What a fresh read of a pull request means for its changeset.
//!
//! Deliberately absent: reading, schedules and webhooks. An error is not an observation and never comes here.

use crate::{
    changeset::{Changeset, ChangesetEvent, ChangesetState},
    publish::{PullRequest, PullRequestState, human_hand},
};

/// The event that an observation amounts to, if any. Applying it twice is applying it once.
///
/// The read must have begun after the changeset came to be as it is given here: an older one shows the head that
/// our own last commit replaced. While a generation is being sent or waits for its turn, a head that is not on
/// record may be ours, its answer lost, and nothing is concluded from it: sending observes the branch by itself.
pub fn observed(changeset: &Changeset, seen: &PullRequest) -> Option<ChangesetEvent> {
    let event = match seen.state {
        PullRequestState::Merged => ChangesetEvent::SeenMerged,
        PullRequestState::Closed => ChangesetEvent::SeenClosed,
        PullRequestState::Open if changeset.publishing.is_some() => return None,
        PullRequestState::Open if changeset.head.as_ref().is_some_and(|head| *head != seen.head) => {
            if changeset.state == ChangesetState::Scheduled {
                return None;
            }
            ChangesetEvent::HandedOver {
                reason: format!("somebody pushed to `{}` (head {})", changeset.head_branch, seen.head),
            }
        }
        PullRequestState::Open => match human_hand(changeset, seen).filter(|_| changeset.state.is_open()) {
            Some(reason) => ChangesetEvent::HandedOver { reason },
            None => ChangesetEvent::SeenOpen { draft: seen.draft },
        },
    };
    (!changeset.apply(&event).is_ignored()).then_some(event)
}
