//! The transitions that a person's ask makes, and the ends of what was asked for.
//!
//! An ask makes a new generation, which goes through the limiter like any other: observed, acted on, recorded.
//! Deliberately absent: whether an ask fits (`Changeset::refuses`).

use super::{
    Aim, Ask, Back, Changeset, ChangesetEffect as Effect, ChangesetState as State, Done, Errand, OwedComment,
    Rerun,
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
        if matches!(ask, Ask::Prune { of, .. } if *of != self.wanted.run) {
            return Decision::Ignored(Straggler::Superseded);
        }
        if self.refuses(ask).is_some() {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        match ask {
            Ask::Rebase => return self.redo_asked(command, beyond),
            Ask::Pause => return self.pause_asked(Some(by), command),
            Ask::Resume => return self.pause_asked(None, command),
            _ => {}
        }
        let mut next = self.clone();
        next.version += 1;
        next.errand.command = Some(command);
        next.errand.beyond = beyond;
        if !matches!(ask, Ask::Comment { .. } | Ask::Ready | Ask::Merge { .. } | Ask::Rerun) {
            next.errand.back = None;
        }
        match ask {
            Ask::Comment { body } => {
                next.errand.comments.push(OwedComment { command, body: body.clone() });
                next.leaves_content();
            }
            Ask::Publish { draft } => {
                next.wanted.publication = if *draft { Publication::Draft } else { Publication::Ready };
            }
            Ask::Ready if self.pull_request.is_none() => next.wanted.publication = Publication::Ready,
            Ask::Ready => {
                next.errand.ready = true;
                next.leaves_content();
            }
            Ask::Prune { why, .. } => {
                next.errand.aim = Aim::Closed;
                next.errand.gentle = Some(command);
                next.errand.merge = None;
                next.by(&format!("{by}: {why}"));
                if self.state == State::Unpublished {
                    let reason = format!("closed by {}", next.errand.by);
                    return Decision::applied(next.at(State::Closed, reason), vec![]);
                }
                if self.pull_request.is_some() {
                    next.errand.comments.push(OwedComment { command, body: farewell(why) });
                }
            }
            Ask::Close | Ask::Cancel => {
                next.errand.aim = Aim::Closed;
                next.errand.merge = None;
                next.errand.gentle = None;
                if *ask == Ask::Cancel {
                    // What is left to be done is taking it back.
                    next.errand.paused = None;
                }
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
            Ask::Merge { .. } => {
                next.wants_merge(ask, by, beyond);
                next.leaves_content();
            }
            Ask::Rerun => {
                next.errand.rerun = Some(Rerun::Owed);
                next.leaves_content();
            }
            Ask::Takeover => next.errand.adopt = true,
            // Carrying out again and pausing are told apart above.
            Ask::Retry | Ask::Rebase | Ask::Pause | Ask::Resume => {}
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
    pub(super) fn errand_done(&self, generation: u32, done: &Done) -> Decision<Self, Effect> {
        if let Some(straggler) = self.unexpected(generation) {
            return Decision::Ignored(straggler);
        }
        if generation == self.generation && !self.is_on_errand() {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        let mut next = self.clone();
        next.version += 1;
        next.publishing = None;
        next.errand.comments.retain(|owed| !done.said.contains(&owed.command));
        if done.ready {
            next.is_ready_now();
        }
        next.has_asked(done.dressed.as_deref());
        if next.reruns(done.rerun.as_ref()) && generation == self.generation {
            // What was found is asked for as a generation of its own: this one's effect has had its outcome.
            next.generation += 1;
        }
        if generation < next.generation || !next.errand.comments.is_empty() {
            next.state = State::Scheduled;
            return Decision::applied(next, vec![Effect::Schedule]);
        }
        let back = next.errand.back.take();
        let back = back.unwrap_or(Back { state: State::Open, reason: String::new() });
        (next.state, next.reason) = (back.state, back.reason);
        Decision::applied(next, vec![])
    }

    /// Only what is asked for is owed, where nothing else was.
    fn leaves_content(&mut self) {
        if self.state.is_settled() {
            self.errand.back = Some(Back { state: self.state, reason: self.reason.clone() });
        }
    }

    /// Its draft was marked ready.
    fn is_ready_now(&mut self) {
        self.errand.ready = false;
        self.shown.ready = true;
        if let Some(seen) = &mut self.seen {
            seen.draft = false;
        }
        if let Some(back) = self.errand.back.as_mut().filter(|back| back.state == State::Draft) {
            *back = Back { state: State::Open, reason: String::new() };
        }
    }

    /// Everything that was asked for is over but a merge and a pause; which command it was stays known, and what is being
    /// carried out again.
    pub(super) fn without_errand(mut self) -> Self {
        let Errand { command, merge, redo, paused, .. } = self.errand;
        self.errand = Errand { command, merge, redo, paused, ..Errand::default() };
        self
    }

    /// What the campaign itself asked for is not to be done after all; what people asked for stays.
    pub(super) fn without_pruning(mut self) -> Self {
        if let Some(command) = self.errand.gentle.take() {
            self.errand.comments.retain(|owed| owed.command != command);
            self.errand.aim = Aim::Open;
            self.errand.by.clear();
        }
        self
    }

    fn at(self, state: State, reason: String) -> Self {
        Self { state, reason, publishing: None, ..self.without_errand() }
    }

    fn by(&mut self, by: &str) {
        by.clone_into(&mut self.errand.by);
    }
}

/// What is said where the campaign itself closes a pull request.
fn farewell(why: &str) -> String {
    format!(
        "This campaign does not need the pull request any more: {why}. It is closed, and its branch goes with it. \
         `campaigns reopen` brings it back."
    )
}
