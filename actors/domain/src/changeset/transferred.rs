//! A changeset whose repository was transferred to another owner: it is that owner's from then on, with its limits and its
//! pace, and goes on there where it stood.
//!
//! Deliberately absent: an owner without access to whom nothing can be sent (`away`), and a new name under the same owner.

use super::{Changeset, ChangesetEffect as Effect, ChangesetEvent as Event, ChangesetState as State};
use crate::{
    id::{CommitSha, RepositoryName},
    machine::{Decision, Straggler},
};

impl Changeset {
    /// What became of its repository.
    pub(super) fn repository_went(&self, event: &Event) -> Decision<Self, Effect> {
        match event {
            Event::RepositoryAway { generation, away, head } => {
                self.repository_away(*generation, away, head.as_ref())
            }
            Event::RepositoryBack { repository } => self.repository_back(repository),
            Event::Transferred { generation, repository, head } => {
                self.transferred(*generation, repository, head.as_ref())
            }
            _ => Decision::Ignored(Straggler::OutOfPlace),
        }
    }

    /// Its repository has another owner: found out while a generation was sent, or by a look.
    pub(super) fn transferred(
        &self,
        generation: Option<u32>,
        repository: &RepositoryName,
        head: Option<&CommitSha>,
    ) -> Decision<Self, Effect> {
        let decided = match generation {
            Some(generation) => self.not_published(generation, State::Scheduled, "", head),
            None if matches!(self.state, State::Merged | State::Closed) => {
                return Decision::Ignored(Straggler::Ended);
            }
            None if self.publishing.is_some() => return Decision::Ignored(Straggler::OutOfPlace),
            None if self.is_of(repository.owner()) => return Decision::Ignored(Straggler::AlreadyApplied),
            None => Decision::applied(Self { version: self.version + 1, ..self.clone() }, vec![]),
        };
        let Decision::Applied { mut next, effects } = decided else { return decided };
        next.repository = repository.clone();
        // What was sent from there is over: what is sent from here is another effect.
        next.generation += u32::from(next.state == State::Scheduled);
        Decision::applied(next, effects)
    }

    /// Whether this owner's limits are those that it keeps to.
    pub fn is_of(&self, owner: &str) -> bool {
        self.repository.owner().eq_ignore_ascii_case(owner)
    }
}
