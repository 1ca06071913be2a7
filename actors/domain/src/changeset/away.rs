//! A changeset whose repository is out of reach: blocked with the exact reason, and taken up again by itself once the
//! repository is back.
//!
//! Deliberately absent: finding out where a repository is, and how often that is looked at (`reconcile`).

use super::{Aim, Changeset, ChangesetEffect as Effect, ChangesetState as State};
use crate::{
    id::{CommitSha, RepositoryName},
    machine::{Decision, Straggler},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a repository is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwayCause {
    /// Neither its name nor its id leads anywhere: deleted, or closed to us, which GitHub answers alike.
    Gone,
    /// It is there, and not among the repositories that the App's installation may write to.
    Closed,
    /// It belongs to somebody else now, where the App is not installed.
    Moved,
    /// Another repository has its name, and its id leads nowhere.
    Replaced,
    /// It is read-only.
    Archived,
}

impl AwayCause {
    /// Every cause.
    pub const ALL: [Self; 5] = [Self::Gone, Self::Closed, Self::Moved, Self::Replaced, Self::Archived];

    /// Its name in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Closed => "closed",
            Self::Moved => "moved",
            Self::Replaced => "replaced",
            Self::Archived => "archived",
        }
    }

    /// The name of its event.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::Gone => "changeset.repository_gone",
            Self::Closed => "changeset.repository_closed",
            Self::Moved => "changeset.repository_moved",
            Self::Replaced => "changeset.repository_replaced",
            Self::Archived => "changeset.repository_archived",
        }
    }

    /// Whether GitHub says it outright; otherwise it is concluded from what is missing, which takes a second look.
    pub fn is_said(self) -> bool {
        !matches!(self, Self::Gone | Self::Replaced)
    }
}

/// A repository that is out of reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Away {
    /// Why.
    pub cause: AwayCause,
    /// What happened, and what to do.
    pub reason: String,
}

impl fmt::Display for Away {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.reason)
    }
}

impl Changeset {
    /// What an event led to; whatever is not blocked waits for no repository.
    pub(super) fn waits_for_repository(decided: Decision<Self, Effect>) -> Decision<Self, Effect> {
        let Decision::Applied { mut next, effects } = decided else { return decided };
        next.away = next.away.filter(|_| next.state == State::Blocked);
        Decision::applied(next, effects)
    }

    /// Its repository is out of reach: found out while a generation was sent, or by a look.
    pub(super) fn repository_away(
        &self,
        generation: Option<u32>,
        away: &Away,
        head: Option<&CommitSha>,
    ) -> Decision<Self, Effect> {
        let Some(generation) = generation else {
            // A look tells another cause than the one on record; only what waits for its repository is looked at.
            if self.away.is_none() {
                return Decision::Ignored(Straggler::OutOfPlace);
            }
            if self.away == Some(away.cause) && self.reason == away.reason {
                return Decision::Ignored(Straggler::AlreadyApplied);
            }
            let mut next = self.clone();
            next.away = Some(away.cause);
            return next.to(State::Blocked, &away.reason, vec![]);
        };
        let decided = self.not_published(generation, State::Blocked, &away.reason, head);
        let Decision::Applied { mut next, effects } = decided else { return decided };
        // What a person asked for is told to be refused and is not done later, behind their back.
        if next.state == State::Blocked && self.errand.aim == Aim::Open {
            next.away = Some(away.cause);
        }
        Decision::applied(next, effects)
    }

    /// Its repository is in reach again: what was wanted goes on, under the name that the repository has now, and with the owner.
    pub(super) fn repository_back(&self, repository: &RepositoryName) -> Decision<Self, Effect> {
        if self.away.is_none() || self.state != State::Blocked {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        let mut next = self.clone();
        next.repository = repository.clone();
        next.generation += 1;
        next.to(State::Scheduled, "", vec![Effect::Schedule])
    }
}
