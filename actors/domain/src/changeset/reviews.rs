//! Reviews are asked for once a pull request is out of draft, whoever took it there, and once code owners who had too
//! many open review requests have room.
//!
//! That is an errand, beside the content. Deliberately absent: who is asked (`publish::dress`, `publish::reviewers`).

use super::{
    Back, Changeset, ChangesetEffect as Effect, ChangesetEvent as Event, ChangesetState as State, Dressed,
};
use crate::machine::{Decision, Straggler};

impl Changeset {
    /// Whether somebody is to be asked for a review who was not.
    fn owes_reviews(&self) -> bool {
        let missing = self.wanted.dress.wanted(self.repository.owner()).without(&self.shown.worn);
        !missing.reviewers.is_empty() || !missing.teams.is_empty() || self.owes_owners()
    }

    /// What an event led to, with the reviews that are to be asked for once it took the pull request out of draft.
    pub(super) fn asks_reviews(
        &self,
        event: &Event,
        decided: Decision<Self, Effect>,
    ) -> Decision<Self, Effect> {
        let Decision::Applied { mut next, mut effects } = decided else { return decided };
        let seen = matches!(event, Event::SeenOpen { .. });
        let made_ready = !self.shown.ready && next.shown.ready && next.standing().is_open();
        if seen && made_ready && next.owes_reviews() {
            next.errand.reviews = true;
            next.goes_on_errand(&mut effects);
        }
        Decision::Applied { next, effects }
    }

    /// Somebody who is waited for has room.
    pub(super) fn reviews_due(&self) -> Decision<Self, Effect> {
        let waits = self.shown.owners.as_ref().is_some_and(super::OwnersAsked::waits);
        if self.state != State::Open || !waits {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        let (mut next, mut effects) = (self.clone(), vec![]);
        next.version += 1;
        next.errand.reviews = true;
        next.goes_on_errand(&mut effects);
        Decision::applied(next, effects)
    }

    /// How asking for reviews went; none where it was not owed, or not possible.
    pub(super) fn has_asked(&mut self, dressed: Option<&Dressed>) {
        self.errand.reviews = false;
        let Some(dressed) = dressed else { return };
        self.shown.worn = self.shown.worn.and(&dressed.worn);
        for note in &dressed.notes {
            if !self.shown.notes.contains(note) {
                self.shown.notes.push(note.clone());
            }
        }
        self.shown.owners = dressed.owners.clone().or_else(|| self.shown.owners.take());
        if let Some(seen) = &mut self.seen {
            seen.requested = dressed.requested.clone().or_else(|| seen.requested.take());
        }
    }

    /// Only what is owed beside the content is sent, and then it stands here again.
    fn goes_on_errand(&mut self, effects: &mut Vec<Effect>) {
        if self.state.is_settled() {
            self.errand.back = Some(Back { state: self.state, reason: std::mem::take(&mut self.reason) });
            self.generation += 1;
            self.state = State::Scheduled;
            effects.push(Effect::Schedule);
        }
    }
}
