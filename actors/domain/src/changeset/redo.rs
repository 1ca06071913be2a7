//! Carrying a changeset out again on the base as it is now: by a run of its own, whose result takes the place of the
//! content and of nothing else.
//!
//! The changeset stays its run's: rollout, caps, pause and publication are what they were. Deliberately absent: when
//! that is worth it (`reconcile`), and the merge commit that the result becomes (`publish::branch_step`).

use super::{Changeset, ChangesetEffect as Effect, ChangesetState as State, Proposal};
use crate::{
    id::{CommandId, ExecutionId, RunId, TargetId},
    machine::{Decision, Straggler},
};
use serde::{Deserialize, Serialize};

/// The attempt whose result a changeset's content is, where its own target's was carried out again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeBy {
    /// The target.
    pub target: TargetId,
    /// The attempt.
    pub attempt: u32,
}

impl Proposal {
    /// The execution whose manifest and contents it is.
    pub fn execution(&self) -> ExecutionId {
        match &self.made_by {
            Some(made_by) => ExecutionId::of(made_by.target, made_by.attempt),
            None => ExecutionId::of(self.target, self.attempt),
        }
    }
}

impl Changeset {
    /// A person wants it carried out again; the run of that command does it.
    pub(super) fn redo_asked(&self, command: CommandId, beyond: bool) -> Decision<Self, Effect> {
        let mut next = self.clone();
        next.version += 1;
        next.errand.command = Some(command);
        next.errand.beyond = beyond;
        next.errand.redo = Some(RunId::of_command(command));
        Decision::applied(next, vec![])
    }

    /// The run that carries it out again has a result: new content, or none, for this reason. What a later one or a
    /// newer version has taken the place of changes nothing.
    pub(super) fn redone(
        &self,
        run: RunId,
        content: Option<&Proposal>,
        reason: &str,
    ) -> Decision<Self, Effect> {
        if self.errand.redo != Some(run) {
            return Decision::Ignored(Straggler::Superseded);
        }
        if matches!(self.standing(), State::Merged | State::Closed | State::HandedOver | State::Unpublished) {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        let mut next = self.clone();
        next.version += 1;
        next.errand.redo = None;
        // What was said of its base was why it was begun, and it is over.
        if let Some(seen) = &mut next.seen {
            seen.base = None;
        }
        let Some(content) = content else {
            match &mut next.errand.back {
                Some(back) => reason.clone_into(&mut back.reason),
                None if self.state.is_settled() => reason.clone_into(&mut next.reason),
                None => {}
            }
            return Decision::applied(next, vec![]);
        };
        let made_by = Some(MadeBy { target: content.target, attempt: content.attempt });
        let Proposal { base, title, body, message, author, .. } = content.clone();
        next.wanted = Proposal { made_by, base, title, body, message, author, ..self.wanted.clone() };
        next.errand.back = None;
        next.generation += 1;
        if self.state == State::Publishing {
            // The generation on its way is awaited first.
            return Decision::applied(next, vec![]);
        }
        next.state = State::Scheduled;
        next.reason = String::new();
        Decision::applied(next, vec![Effect::Schedule])
    }
}
