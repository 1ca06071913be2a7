//! A changeset that is carried out again by itself, because its base branch has moved: that it has begun, and how soon
//! it may be done again.
//!
//! A base that moves all the time would otherwise have every pull request executed, committed and checked all the
//! time. Deliberately absent: whether a base that moved calls for it (`reconcile::moved`), and its result (`redo`).

use super::{Changeset, ChangesetEffect as Effect, ChangesetState as State};
use crate::{
    id::{CommitSha, RunId},
    machine::{Decision, Straggler},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The last time that a changeset was carried out again by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redone {
    /// The head of the base branch that called for it. It is done at most once for one head.
    pub on: CommitSha,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How often in a row, each soon after the one before.
    pub times: u32,
}

/// How long nothing is done after the first time; doubled with every further one.
const FIRST_REST: TimeDelta = TimeDelta::minutes(10);
/// The longest rest.
const LONGEST_REST: TimeDelta = TimeDelta::days(1);
/// After this long without one, counting begins anew.
const FORGOTTEN: TimeDelta = TimeDelta::days(7);

impl Redone {
    /// This time, after that one.
    #[must_use]
    pub fn after(before: Option<&Self>, on: &CommitSha, at: DateTime<Utc>) -> Self {
        let row = before.filter(|before| at - before.at < FORGOTTEN).map_or(0, |before| before.times);
        Self { on: on.clone(), at, times: row.saturating_add(1) }
    }

    /// The soonest that it is done again.
    pub fn not_before(&self) -> DateTime<Utc> {
        let doublings = self.times.saturating_sub(1).min(16);
        let rest = FIRST_REST.checked_mul(1_i32 << doublings).unwrap_or(LONGEST_REST);
        self.at + rest.min(LONGEST_REST)
    }
}

impl Changeset {
    /// A run carries it out again by itself: never while another does, and never twice for one head of the base.
    pub(super) fn redo_begun(
        &self,
        run: RunId,
        base: &CommitSha,
        why: &str,
        at: DateTime<Utc>,
    ) -> Decision<Self, Effect> {
        let before = self.seen.as_ref().and_then(|seen| seen.redone.as_ref());
        if before.is_some_and(|before| before.on == *base) {
            return Decision::Ignored(Straggler::AlreadyApplied);
        }
        if !self.state.is_open() || self.errand.redo.is_some() {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        let redone = Redone::after(before, base, at);
        let mut next = self.clone();
        next.version += 1;
        next.errand.redo = Some(run);
        let seen = next.seen.get_or_insert_default();
        seen.redone = Some(redone);
        // Where it conflicts, its reason says so already.
        seen.base = (self.state != State::Conflicted).then(|| why.to_owned());
        Decision::applied(next, vec![])
    }
}
