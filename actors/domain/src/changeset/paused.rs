//! Pausing one changeset: a person holds it back, and lets it go on.
//!
//! Being paused is beside the state, as being held is: what a generation on its way is sending is finished, and nothing
//! more is begun until it is resumed, whatever is asked or proposed meanwhile. Deliberately absent: the pause of a run
//! or a campaign, which the limiter asks for before each write.

use super::{Ask, Changeset, ChangesetEffect as Effect, ChangesetState as State, Errand};
use crate::{execution::run, id::CommandId, machine::Decision};

impl Ask {
    /// Why there is nothing to do for a changeset that is paused, or is not; none where there is.
    pub fn idle(&self, paused: bool) -> Option<&'static str> {
        match self {
            Self::Pause if paused => Some("it is paused already"),
            Self::Resume if !paused => Some("it is not paused by itself"),
            _ => None,
        }
    }
}

impl Errand {
    /// What its own pause is called wherever something waits for its end.
    pub fn pause(&self) -> Option<String> {
        self.paused.as_deref().map(|by| run::paused(by, ""))
    }
}

impl Changeset {
    /// Whether it waits for a turn, as far as it and its rollout say: it is to be sent, and neither held nor paused.
    pub fn waits_for_turn(&self) -> bool {
        self.state == State::Scheduled && !self.held && self.errand.paused.is_none()
    }

    /// A person pauses it (`by`), or resumes it.
    pub(super) fn pause_asked(&self, by: Option<&str>, command: CommandId) -> Decision<Self, Effect> {
        let mut next = self.clone();
        next.version += 1;
        next.errand.command = Some(command);
        next.errand.paused = by.map(str::to_owned);
        // One that is being sent is scheduled by its end.
        let effects = if next.waits_for_turn() { vec![Effect::Schedule] } else { vec![] };
        Decision::applied(next, effects)
    }

    /// What an event led to, with the pause: it takes no turn while it is paused, and the pause ends where there is
    /// nothing that could be sent any more.
    pub(super) fn keeps_pause(decided: Decision<Self, Effect>) -> Decision<Self, Effect> {
        let Decision::Applied { mut next, mut effects } = decided else { return decided };
        if matches!(next.state, State::Merged | State::Closed) {
            next.errand.paused = None;
        }
        if next.errand.paused.is_some() {
            effects.retain(|effect| *effect != Effect::Schedule);
        }
        Decision::applied(next, effects)
    }
}
