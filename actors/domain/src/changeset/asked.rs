//! The transitions that a person's ask makes, and the ends of what was asked for.
//!
//! An ask makes a new generation, which goes through the limiter like any other: observed, acted on, recorded.
//! Deliberately absent: whether an ask fits (`Changeset::refuses`).

use super::{
    Aim, Ask, Back, Changeset, ChangesetEffect as Effect, ChangesetState as State, Errand, OwedComment,
};
use crate::{
    id::CommandId,
    machine::{Decision, Straggler},
    spec::Publication,
};

impl Changeset {
    /// `beyond`: the run had been cancelled when it was asked.
    pub(super) fn asked(
        &self,
        ask: &Ask,
        by: &str,
        command: CommandId,
        beyond: bool,
    ) -> Decision<Self, Effect> {
        if self.errand.command == Some(command) {
            return Decision::Ignored(Straggler::AlreadyApplied);
        }
        if self.refuses(ask).is_some() {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        let mut next = self.clone();
        next.version += 1;
        next.errand.command = Some(command);
        next.errand.beyond = beyond;
        if !matches!(ask, Ask::Comment { .. }) {
            next.errand.back = None;
        }
        match ask {
            Ask::Comment { body } => {
                next.errand.comments.push(OwedComment { command, body: body.clone() });
                if self.state.is_settled() {
                    next.errand.back = Some(Back { state: self.state, reason: self.reason.clone() });
                }
            }
            Ask::Publish { draft } => {
                next.wanted.publication = if *draft { Publication::Draft } else { Publication::Ready };
            }
            Ask::Ready => next.wanted.publication = Publication::Ready,
            Ask::Close => {
                next.errand.aim = Aim::Closed;
                next.by(by);
                if self.state == State::Unpublished {
                    // GitHub knows nothing of it.
                    return Decision::applied(next.at(State::Closed, format!("closed by {by}")), vec![]);
                }
            }
            Ask::Reopen if self.pull_request.is_none() => {
                next.errand = Errand { command: next.errand.command, beyond, ..Errand::default() };
                next.generation += 1;
                let (next, effects) = next.wanted_next();
                return Decision::applied(next, effects);
            }
            Ask::Reopen => {
                next.errand.aim = Aim::Reopened;
                next.by(by);
            }
            Ask::Merge => {
                next.errand.aim = Aim::Merged;
                next.by(by);
            }
            Ask::Takeover => next.errand.adopt = true,
            Ask::Retry | Ask::Rebase => {}
        }
        next.generation += 1;
        if self.state == State::Publishing {
            // The generation on its way is awaited first.
            return Decision::applied(next, vec![]);
        }
        next.state = State::Scheduled;
        Decision::applied(next, vec![Effect::Schedule])
    }

    /// The pull request was closed, or there was none, and what was ours of the branch is gone.
    pub(super) fn withdrawn(&self, generation: u32) -> Decision<Self, Effect> {
        if let Some(straggler) = self.unexpected(generation) {
            return Decision::Ignored(straggler);
        }
        if generation == self.generation && self.errand.aim != Aim::Closed {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        let reason = format!("closed by {}", self.errand.by);
        let (mut next, mut effects) = (self.clone(), vec![]);
        next.version += 1;
        if self.errand.aim != Aim::Closed {
            next.publishing = None;
            next.state = State::Scheduled;
            return Decision::applied(next, vec![Effect::Schedule]);
        }
        next.tell(&mut effects);
        Decision::applied(next.at(State::Closed, reason), effects)
    }

    /// An errand that leaves the content alone is over: these comments are there.
    pub(super) fn errand_done(&self, generation: u32, said: &[CommandId]) -> Decision<Self, Effect> {
        if let Some(straggler) = self.unexpected(generation) {
            return Decision::Ignored(straggler);
        }
        if generation == self.generation && !self.is_on_errand() {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        let mut next = self.clone();
        next.version += 1;
        next.publishing = None;
        next.errand.comments.retain(|owed| !said.contains(&owed.command));
        if generation < self.generation || !next.errand.comments.is_empty() {
            next.state = State::Scheduled;
            return Decision::applied(next, vec![Effect::Schedule]);
        }
        let back = next.errand.back.take();
        let back = back.unwrap_or(Back { state: State::Open, reason: String::new() });
        (next.state, next.reason) = (back.state, back.reason);
        Decision::applied(next, vec![])
    }

    /// Everything that was asked for is over; which command it was stays known.
    pub(super) fn without_errand(mut self) -> Self {
        self.errand = Errand { command: self.errand.command, ..Errand::default() };
        self
    }

    fn at(self, state: State, reason: String) -> Self {
        Self { state, reason, publishing: None, ..self.without_errand() }
    }

    fn by(&mut self, by: &str) {
        by.clone_into(&mut self.errand.by);
    }
}
