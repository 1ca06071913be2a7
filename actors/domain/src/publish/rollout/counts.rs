//! What happened to the targets and changesets of one wave, as numbers.
//!
//! Deliberately absent: counting them, which is the store's.

use crate::{
    changeset::{self, ChangesetState},
    execution::{rollout::Tally, target::TargetState},
};
use std::time::Duration;

/// How long a pull request has to have shown no checks at all until it counts as having none: those that are
/// reported from outside may take a while to come.
pub const NO_CHECKS_AFTER: Duration = Duration::from_secs(10 * 60);

/// What happened to one wave. Every changeset of it is in exactly one of the first group, from `waiting` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WaveCounts {
    /// Targets that take part.
    pub targets: u32,
    /// Those of them that have not reached an end, or whose changes have not become a changeset yet.
    pub unfinished: u32,
    /// Those of them that failed.
    pub failed: u32,

    /// Changesets without a pull request that have not been let through.
    pub waiting: u32,
    /// Changesets with an open pull request, of which an update has not been let through.
    pub updates: u32,
    /// Changesets without a pull request that were let through: one is on its way.
    pub coming: u32,
    /// Changesets with an open pull request, of which an update is on its way.
    pub updating: u32,
    /// Changesets with an open pull request, and nothing to send.
    pub open: u32,
    /// Merged ones.
    pub merged: u32,
    /// Those closed without a merge.
    pub closed: u32,
    /// Those that GitHub does not let us publish.
    pub blocked: u32,
    /// Those that are kept here, or that people took over before there was a pull request.
    pub kept: u32,

    /// Pull requests, open or merged, whose checks have passed or that have none.
    pub passed: u32,
    /// Open pull requests whose checks have failed.
    pub checks_failed: u32,
    /// Open pull requests whose checks have not ended, or have not been looked at.
    pub pending: u32,
}

/// A kind of changeset, as far as a rollout tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Where it stands.
    pub state: ChangesetState,
    /// Whether it has a pull request.
    pub opened: bool,
    /// Whether it waits to be let through.
    pub held: bool,
    /// What its checks say; none where nobody knows yet.
    pub checks: Option<Checks>,
}

/// What the checks of a pull request say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// All have passed, or there are none.
    Passed,
    /// One has failed.
    Failed,
    /// Some have not ended.
    Pending,
}

impl Checks {
    /// What they say for a rollout, where so much was seen of them; none where that was not read yet. `long` says
    /// whether they have stood so for [`NO_CHECKS_AFTER`]: only then does a pull request without any count as one
    /// that has none.
    pub fn of(seen: Option<changeset::Checks>, long: bool) -> Option<Self> {
        match seen? {
            changeset::Checks::None => long.then_some(Self::Passed),
            changeset::Checks::Pending => Some(Self::Pending),
            changeset::Checks::Passed => Some(Self::Passed),
            changeset::Checks::Failed => Some(Self::Failed),
        }
    }
}

impl WaveCounts {
    /// Counts so many targets that take part and are in this state.
    pub fn add_targets(&mut self, state: TargetState, count: u32) {
        self.targets += count;
        self.unfinished += if state.is_end() { 0 } else { count };
        self.failed += if state == TargetState::Failed { count } else { 0 };
    }

    /// Counts so many targets that have ended and whose changes are on their way to becoming a changeset: until then it
    /// cannot be said that there was nothing to change.
    pub fn add_proposed(&mut self, count: u32) {
        self.unfinished += count;
    }

    /// Counts so many changesets of a kind.
    pub fn add_changesets(&mut self, kind: Kind, count: u32) {
        let Kind { state, opened, held, checks } = kind;
        let place = match state {
            // One that is being sent is on its way, whatever is held behind it.
            ChangesetState::Publishing if opened => &mut self.updating,
            ChangesetState::Publishing => &mut self.coming,
            ChangesetState::Scheduled => match (held, opened) {
                (true, false) => &mut self.waiting,
                (true, true) => &mut self.updates,
                (false, false) => &mut self.coming,
                (false, true) => &mut self.updating,
            },
            ChangesetState::Draft | ChangesetState::Open | ChangesetState::Conflicted => &mut self.open,
            ChangesetState::Merged => &mut self.merged,
            ChangesetState::Closed => &mut self.closed,
            // What was opened stays open at GitHub, whatever keeps us from it.
            ChangesetState::Unpublished | ChangesetState::HandedOver | ChangesetState::Blocked if opened => {
                &mut self.open
            }
            ChangesetState::Blocked => &mut self.blocked,
            ChangesetState::Unpublished | ChangesetState::HandedOver => &mut self.kept,
        };
        *place += count;
        let open = opened && !matches!(state, ChangesetState::Merged | ChangesetState::Closed);
        match checks {
            // What was merged has passed what it had to, unless somebody saw it fail.
            Some(Checks::Passed) if open || state == ChangesetState::Merged => self.passed += count,
            None | Some(Checks::Pending) if state == ChangesetState::Merged => self.passed += count,
            Some(Checks::Failed) if open => self.checks_failed += count,
            None | Some(Checks::Pending) if open => self.pending += count,
            _ => {}
        }
    }

    /// All changesets.
    pub fn changesets(&self) -> u32 {
        self.waiting + self.coming + self.blocked + self.kept + self.merged + self.closed + self.open_now()
    }

    /// Pull requests that are open.
    pub fn open_now(&self) -> u32 {
        self.updates + self.updating + self.open
    }

    /// Pull requests that were opened.
    pub fn opened(&self) -> u32 {
        self.open_now() + self.merged + self.closed
    }

    /// Whether nothing is left to execute or to send.
    pub fn is_sent(&self) -> bool {
        self.unfinished + self.waiting + self.updates + self.coming + self.updating == 0
    }

    /// What has gone wrong.
    pub fn tally(&self) -> Tally {
        Tally { failed: self.failed + self.blocked, closed: self.closed, checks_failed: self.checks_failed }
    }
}

impl std::iter::Sum for WaveCounts {
    fn sum<I: Iterator<Item = Self>>(waves: I) -> Self {
        waves.fold(Self::default(), |sum, wave| Self {
            targets: sum.targets + wave.targets,
            unfinished: sum.unfinished + wave.unfinished,
            failed: sum.failed + wave.failed,
            waiting: sum.waiting + wave.waiting,
            updates: sum.updates + wave.updates,
            coming: sum.coming + wave.coming,
            updating: sum.updating + wave.updating,
            open: sum.open + wave.open,
            merged: sum.merged + wave.merged,
            closed: sum.closed + wave.closed,
            blocked: sum.blocked + wave.blocked,
            kept: sum.kept + wave.kept,
            passed: sum.passed + wave.passed,
            checks_failed: sum.checks_failed + wave.checks_failed,
            pending: sum.pending + wave.pending,
        })
    }
}
