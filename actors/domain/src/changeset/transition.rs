//! The transitions of a changeset, one `match` over (state, event).
//!
//! Rules that stand behind it: a merged changeset stays merged; one that was closed is never reopened or
//! recreated unless somebody asks; after a human's hand nothing of ours is sent. Deliberately absent: commands
//! by people (take over, retry, close), which come with the bulk verbs.

use super::{Changeset, ChangesetEffect as Effect, ChangesetEvent as Event, ChangesetState as State, Proposal, Published};
use crate::{
    id::{CampaignId, ChangesetId, RepositoryId, RepositoryName},
    machine::{Decision, Straggler},
    spec::Publication,
};

/// Where a changeset belongs; what its id is made of, and its base.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The campaign.
    pub campaign: CampaignId,
    /// GitHub's id of the repository.
    pub repository_id: RepositoryId,
    /// The repository's name.
    pub repository: RepositoryName,
    /// The branch that the pull request goes into.
    pub base_branch: String,
    /// The branch that carries the commit.
    pub head_branch: String,
}

impl Changeset {
    /// A changeset's first proposal, and what it owes.
    pub fn propose(place: Place, proposal: Proposal) -> (Self, Vec<Effect>) {
        let new = Self {
            id: ChangesetId::of(place.campaign, place.repository_id, &place.head_branch),
            campaign: place.campaign,
            repository_id: place.repository_id,
            repository: place.repository,
            base_branch: place.base_branch,
            head_branch: place.head_branch,
            state: State::Unpublished,
            reason: String::new(),
            generation: 1,
            wanted: proposal,
            head: None,
            pull_request: None,
            version: 1,
        };
        new.wanted_next()
    }

    /// Applies one event.
    pub fn apply(&self, event: &Event) -> Decision<Self, Effect> {
        match event {
            Event::Proposed { proposal } => self.proposed(proposal),
            Event::PublishStarted { generation } => match self.current(*generation, State::Scheduled) {
                Ok(()) => self.to(State::Publishing, "", vec![Effect::Publish { generation: *generation }]),
                Err(straggler) => Decision::Ignored(straggler),
            },
            Event::Published { generation, published } => match self.current(*generation, State::Publishing) {
                Ok(()) => self.published(published),
                Err(straggler) => Decision::Ignored(straggler),
            },
            Event::PublishDeferred { generation, reason } => match self.current(*generation, State::Publishing) {
                Ok(()) => self.to(State::Scheduled, reason, vec![Effect::Schedule]),
                Err(straggler) => Decision::Ignored(straggler),
            },
            Event::PublishRefused { generation, reason } => match self.current(*generation, State::Publishing) {
                Ok(()) => self.to(State::Blocked, reason, vec![self.settled()]),
                Err(straggler) => Decision::Ignored(straggler),
            },
            Event::HandedOver { reason } => self.handed_over(reason),
            Event::SeenOpen { draft } => self.seen_open(*draft),
            Event::SeenMerged => self.seen_end(State::Merged),
            Event::SeenClosed => self.seen_end(State::Closed),
        }
    }

    fn proposed(&self, proposal: &Proposal) -> Decision<Self, Effect> {
        if self.wanted.target == proposal.target && proposal.attempt <= self.wanted.attempt {
            return Decision::Ignored(Straggler::AlreadyApplied);
        }
        let mut next = self.clone();
        next.wanted = proposal.clone();
        match self.state {
            // Ends and other people's work stay as they are; the run only learns that nothing is to be sent.
            State::Merged | State::Closed | State::HandedOver => {
                next.version += 1;
                let effects = vec![next.settled()];
                Decision::applied(next, effects)
            }
            _ => {
                next.generation += 1;
                next.version += 1;
                let (next, effects) = next.wanted_next();
                Decision::applied(next, effects)
            }
        }
    }

    /// Where the current proposal takes it first.
    fn wanted_next(mut self) -> (Self, Vec<Effect>) {
        self.reason = String::new();
        if self.wanted.publication == Publication::Unpublished && self.pull_request.is_none() {
            self.state = State::Unpublished;
            let settled = self.settled();
            (self, vec![settled])
        } else {
            self.state = State::Scheduled;
            (self, vec![Effect::Schedule])
        }
    }

    fn published(&self, published: &Published) -> Decision<Self, Effect> {
        let mut next = self.clone();
        next.head = Some(published.head.clone());
        next.pull_request = Some(published.pull_request.clone());
        let state = if published.draft { State::Draft } else { State::Open };
        next.to(state, "", vec![self.settled()])
    }

    fn handed_over(&self, reason: &str) -> Decision<Self, Effect> {
        match self.state {
            State::Merged | State::Closed => Decision::Ignored(Straggler::Ended),
            State::HandedOver => Decision::Ignored(Straggler::AlreadyApplied),
            state if state.is_settled() => self.to(State::HandedOver, reason, vec![]),
            _ => self.to(State::HandedOver, reason, vec![self.settled()]),
        }
    }

    fn seen_open(&self, draft: bool) -> Decision<Self, Effect> {
        let seen = if draft { State::Draft } else { State::Open };
        match self.state {
            state if state == seen => Decision::Ignored(Straggler::AlreadyApplied),
            // A human reopened it, or moved it between draft and ready.
            State::Draft | State::Open | State::Closed => self.to(seen, "", vec![]),
            _ => Decision::Ignored(Straggler::OutOfPlace),
        }
    }

    fn seen_end(&self, end: State) -> Decision<Self, Effect> {
        match self.state {
            State::Merged => Decision::Ignored(Straggler::Ended),
            state if state == end => Decision::Ignored(Straggler::AlreadyApplied),
            state if state.is_settled() => self.to(end, "", vec![]),
            _ => self.to(end, "", vec![self.settled()]),
        }
    }

    fn current(&self, generation: u32, state: State) -> Result<(), Straggler> {
        if generation != self.generation {
            Err(Straggler::Superseded)
        } else if self.state == state {
            Ok(())
        } else if self.state.is_settled() {
            Err(Straggler::AlreadyApplied)
        } else {
            Err(Straggler::OutOfPlace)
        }
    }

    fn settled(&self) -> Effect {
        Effect::Settled { run: self.wanted.run }
    }

    fn to(&self, state: State, reason: &str, effects: Vec<Effect>) -> Decision<Self, Effect> {
        let mut next = self.clone();
        next.state = state;
        next.reason = reason.to_owned();
        next.version += 1;
        Decision::applied(next, effects)
    }
}
