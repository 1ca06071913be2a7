//! Holding a changeset back until its run's rollout lets it through.
//!
//! Being held is beside the state: a held changeset is scheduled and in no queue, or it is being sent in an earlier
//! generation while the next is held. Deliberately absent: when it is let through (`publish::rollout`).

use super::{Ask, Changeset, ChangesetEffect as Effect, ChangesetEvent as Event, ChangesetState as State};
use crate::machine::{Decision, Straggler};

impl Changeset {
    /// What an event led to, with the hold that follows: a proposal of a rollout is held, and what a person asks for
    /// is not.
    pub(super) fn hold(event: &Event, decided: Decision<Self, Effect>) -> Decision<Self, Effect> {
        let Decision::Applied { mut next, mut effects } = decided else { return decided };
        let held = match event {
            Event::Proposed { proposal } => proposal.gated,
            Event::Asked { ask, .. } => {
                let beside = matches!(ask, Ask::Comment { .. } | Ask::Ready | Ask::Merge { .. });
                next.held && (beside || matches!(ask, Ask::Pause | Ask::Resume))
            }
            // Only what was asked for besides the content is still to be sent.
            Event::HandedOver { .. } => false,
            _ => next.held,
        };
        next.held_while_sent(held, &mut effects);
        Decision::applied(next, effects)
    }

    /// Holds it as long as there is something to send.
    pub(super) fn held_while_sent(&mut self, held: bool, effects: &mut Vec<Effect>) {
        self.held = held && matches!(self.state, State::Scheduled | State::Publishing);
        if self.held {
            effects.retain(|effect| *effect != Effect::Schedule);
        }
    }

    /// The run lets it through.
    pub(super) fn released(&self) -> Decision<Self, Effect> {
        if !self.held {
            return Decision::Ignored(Straggler::AlreadyApplied);
        }
        let mut next = self.clone();
        next.held = false;
        next.version += 1;
        // One that is being sent is scheduled by its end.
        let effects = if self.state == State::Scheduled { vec![Effect::Schedule] } else { vec![] };
        Decision::applied(next, effects)
    }
}
