//! What is owed to the branch of a pull request that was merged: it is deleted where it still holds our last head.
//!
//! Owed beside the state, which is an end. Deliberately absent: deleting it, and branches of what somebody closed, which
//! go with the closing.

use super::{Changeset, ChangesetEffect as Effect, ChangesetState as State};
use crate::machine::{Decision, Straggler};

impl Changeset {
    /// Whether its branch is to be deleted once its pull request is merged. What a human has taken over is theirs to
    /// the end.
    pub(super) fn leaves_a_branch(&self) -> bool {
        let ours = self.head.is_some() && self.pull_request.is_some();
        ours && !self.wanted.keep_branch && self.standing() != State::HandedOver
    }

    /// Nothing more is owed to the branch.
    pub(super) fn branch_ended(&self, reason: &str) -> Decision<Self, Effect> {
        if !self.errand.branch {
            return Decision::Ignored(Straggler::AlreadyApplied);
        }
        let mut next = self.clone();
        next.errand.branch = false;
        next.to(self.state, reason, vec![])
    }
}
