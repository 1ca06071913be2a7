//! When a pull request is read the next time: soon where something is on its way, and less and less often the longer
//! nothing has happened to it.
//!
//! Deliberately absent: the clock. How long it has been quiet is passed in, and what comes out is a wait.

use crate::changeset::{Changeset, ChangesetState};
use std::time::Duration;

/// When a changeset's pull request is read the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// This long from now, by the database's clock.
    In(Duration),
    /// Not by itself any more.
    Never,
}

impl Due {
    /// The same, or this long from now where that is sooner, though never sooner than any read.
    #[must_use]
    pub fn no_later_than(self, wait: Option<Duration>) -> Self {
        match (self, wait.map(|wait| wait.max(SOONEST))) {
            (Self::In(due), Some(wait)) => Self::In(due.min(wait)),
            (due, _) => due,
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// No wait is shorter: a read costs everybody's points.
const SOONEST: Duration = MINUTE;
/// The longest wait while checks run or a queue moves.
const PENDING: Duration = Duration::from_secs(10 * 60);
/// The longest wait of all.
const LATEST: Duration = DAY;
/// The wait is this part of how long it has been quiet, so that what is missed is never late by more than that.
const PART: u32 = 4;
/// After a day of it, checks that never report are not something on its way.
const STALE: Duration = DAY;
/// A closed pull request may be opened again; after this long nobody is waited for.
const CLOSED_FOR: Duration = Duration::from_secs(30 * 86_400);

/// A repository that is out of reach may come back; after this long somebody has to ask.
const AWAY_FOR: Duration = Duration::from_secs(30 * 86_400);

/// When the pull request of a changeset is to be read, that nothing has happened to for `quiet`; where there
/// is none, the repository that it waits for.
pub fn due(changeset: &Changeset, quiet: Duration) -> Due {
    let wait = (quiet / PART).clamp(SOONEST, LATEST);
    if changeset.away.is_some() && quiet < AWAY_FOR {
        return Due::In(wait);
    }
    if changeset.pull_request.is_none() {
        return Due::Never;
    }
    match changeset.state {
        // Its branch is seen to when it is due.
        ChangesetState::Merged if changeset.errand.branch && quiet.is_zero() => Due::In(Duration::ZERO),
        ChangesetState::Merged if changeset.errand.branch => Due::In(wait),
        ChangesetState::Merged => Due::Never,
        ChangesetState::Closed if quiet >= CLOSED_FOR => Due::Never,
        ChangesetState::Closed => Due::In(wait.max(HOUR)),
        _ => {
            let pending = changeset.seen.as_ref().is_some_and(crate::publish::Seen::is_pending);
            Due::In(if pending && quiet < STALE { wait.min(PENDING) } else { wait })
        }
    }
}
