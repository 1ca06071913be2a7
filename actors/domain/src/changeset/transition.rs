//! The transitions of a changeset, one `match` over (state, event).
//!
//! Rules that stand behind it: a merged changeset stays merged; one that was closed is never reopened or
//! recreated unless somebody asks; after a human's hand nothing of ours is sent. Deliberately absent: what
//! people ask for (`asked`).

use super::{
    Aim, Back, Changeset, ChangesetEffect as Effect, ChangesetEvent as Event, ChangesetState as State,
    Checks, Errand, Mergeability, News, Proposal, Published, Seen, Shown, rerun::once_passed,
};
use crate::{
    id::{CampaignId, ChangesetId, CommitSha, RepositoryId, RepositoryName},
    machine::{Decision, Straggler},
    spec::Publication,
};

/// Why a changeset is conflicted, for people.
pub(crate) const CONFLICT: &str = "the base branch has moved over the same lines";

/// The state of an open pull request.
fn shown(draft: bool) -> State {
    if draft { State::Draft } else { State::Open }
}

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
        let mut new = Self {
            id: ChangesetId::of(place.campaign, place.repository_id, &place.head_branch),
            campaign: place.campaign,
            repository_id: place.repository_id,
            repository: place.repository,
            base_branch: place.base_branch,
            head_branch: place.head_branch,
            state: State::Unpublished,
            reason: String::new(),
            generation: 1,
            publishing: None,
            wanted: proposal,
            held: false,
            away: None,
            errand: Errand::default(),
            told: false,
            shown: Shown::default(),
            head: None,
            pull_request: None,
            seen: None,
            version: 1,
        };
        let gated = new.wanted.gated;
        new.wants_as_spec(new.wanted.auto_merge);
        let (mut new, mut effects) = new.wanted_next();
        new.held_while_sent(gated, &mut effects);
        (new, effects)
    }

    /// Applies one event.
    pub fn apply(&self, event: &Event) -> Decision<Self, Effect> {
        let followed = self.asks_reviews(event, self.arrange(event, self.follow(event)));
        Self::waits_for_repository(Self::keeps_pause(Self::hold(event, followed)))
    }

    fn follow(&self, event: &Event) -> Decision<Self, Effect> {
        match event {
            Event::Proposed { proposal } => self.proposed(proposal),
            Event::PublishStarted { generation } => self.publish_started(*generation),
            Event::Published { generation, published } => self.published(*generation, published),
            Event::PublishDeferred { generation, reason, head } => {
                self.not_published(*generation, State::Scheduled, reason, head.as_ref())
            }
            Event::PublishRefused { generation, reason, head } => {
                self.not_published(*generation, State::Blocked, reason, head.as_ref())
            }
            Event::RepositoryAway { .. } | Event::RepositoryBack { .. } | Event::Transferred { .. } => {
                self.repository_went(event)
            }
            Event::HandedOver { reason } => self.handed_over(reason),
            Event::SeenOpen { draft } => self.seen_open(*draft),
            Event::Noticed { news } => self.noticed(news),
            Event::SeenMerged => self.seen_end(State::Merged),
            Event::SeenClosed => self.seen_end(State::Closed),
            Event::HeadAdopted { head, base } => self.head_adopted(head, base),
            Event::ReviewsDue => self.reviews_due(),
            Event::BranchDeleted => self.branch_ended(""),
            Event::BranchLeft { reason } => self.branch_ended(reason),
            Event::RedoBegun { run, base, why, at } => self.redo_begun(*run, base, why, *at),
            Event::Redone { run, content, reason } => self.redone(*run, content.as_deref(), reason),
            Event::Released => self.released(),
            Event::Asked { ask, by, command, beyond } => self.asked(ask, by, *command, *beyond),
            Event::Withdrawn { generation } => self.withdrawn(*generation),
            Event::ErrandDone { generation, done } => self.errand_done(*generation, done),
        }
    }

    /// Why a proposal leaves the changeset as it is and what is at the code host untouched; its run only learns that
    /// nothing is to be sent. Asked before [`Event::Proposed`] is applied.
    pub fn declines(&self, place: &Place, proposal: &Proposal) -> Option<&'static str> {
        if proposal.publication == Publication::Unpublished && self.state != State::Unpublished {
            // A dry run's proposal is such a one: it must not take the place of what is sent, or on its way.
            return Some("it is not to be published, and there is a changeset that is");
        }
        if place.base_branch != self.base_branch {
            return Some("the changeset of this head branch goes into another base branch");
        }
        None
    }

    fn proposed(&self, proposal: &Proposal) -> Decision<Self, Effect> {
        if self.wanted.target == proposal.target && proposal.attempt <= self.wanted.attempt {
            return Decision::Ignored(Straggler::AlreadyApplied);
        }
        let mut next = self.clone();
        let mut effects = vec![];
        // What was proposed before and not sent yet is never sent: whoever waits for it is told.
        next.tell(&mut effects);
        next.wanted = proposal.clone();
        next.told = false;
        // It is wanted again.
        next = next.without_pruning();
        next.errand.beyond = false;
        next.errand.redo = None;
        next.version += 1;
        match self.standing() {
            // Ends and other people's work stay as they are; the run only learns that nothing is to be sent.
            State::Merged | State::Closed | State::HandedOver => next.tell(&mut effects),
            // The generation on its way is awaited first.
            _ if self.state == State::Publishing => {
                next.errand.back = None;
                next.generation += 1;
            }
            _ => {
                next.errand.back = None;
                next.generation += 1;
                let (wanted, more) = next.wanted_next();
                next = wanted;
                effects.extend(more);
            }
        }
        Decision::applied(next, effects)
    }

    fn publish_started(&self, generation: u32) -> Decision<Self, Effect> {
        match self.state {
            _ if generation != self.generation => Decision::Ignored(Straggler::Superseded),
            State::Scheduled if !self.waits_for_turn() => Decision::Ignored(Straggler::OutOfPlace),
            State::Scheduled => {
                let mut next = self.clone();
                next.publishing = Some(generation);
                next.sends_words();
                next.to(State::Publishing, "", vec![Effect::Publish { generation }])
            }
            State::Publishing => Decision::Ignored(Straggler::AlreadyApplied),
            _ => Decision::Ignored(Straggler::OutOfPlace),
        }
    }

    /// Where the current proposal takes it first.
    pub(super) fn wanted_next(mut self) -> (Self, Vec<Effect>) {
        self.reason = String::new();
        let kept_back = self.wanted.publication == Publication::Unpublished && self.pull_request.is_none();
        // Closing is found out about at GitHub, even where nothing is known to be there.
        if kept_back && self.errand.aim != Aim::Closed {
            self = self.without_errand();
            self.state = State::Unpublished;
            let mut effects = vec![];
            self.tell(&mut effects);
            (self, effects)
        } else {
            self.state = State::Scheduled;
            (self, vec![Effect::Schedule])
        }
    }

    /// What is at GitHub is recorded also where a newer generation waits: it is the head that the newer one builds
    /// on, and would take for somebody else's otherwise.
    fn published(&self, generation: u32, published: &Published) -> Decision<Self, Effect> {
        if let Some(straggler) = self.unexpected(generation) {
            return Decision::Ignored(straggler);
        }
        if generation == self.generation && (self.is_on_errand() || self.errand.aim == Aim::Closed) {
            return Decision::Ignored(Straggler::OutOfPlace);
        }
        let mut next = self.clone();
        next.head = Some(published.head.clone());
        next.pull_request = Some(published.pull_request.clone());
        let dressed = published.dressed.clone().map(|dressed| *dressed).unwrap_or_default();
        next.shown = Shown {
            words: published.words.iter().cloned().collect(),
            ready: !published.draft,
            base: published.base.as_ref().or(self.shown.base.as_ref()).cloned(),
            worn: self.shown.worn.and(&dressed.worn),
            notes: dressed.notes,
            owners: dressed.owners.or_else(|| self.shown.owners.clone()),
        };
        // What was taken as ours is on record now; what comes after it is somebody else's again.
        next.errand.adopt = false;
        next.errand.comments.retain(|owed| !published.said.contains(&owed.command));
        (next.errand.reviews, next.errand.rerun) = (false, None);
        let (wanted, base) = (&self.wanted.title, &self.base_branch);
        let mut seen = Seen::published(self.seen.as_ref(), published.draft, wanted, base, &published.head);
        let labels = published.dressed.as_ref().map(|dressed| dressed.labels.clone());
        seen.labels = labels.or(seen.labels);
        seen.requested = dressed.requested.or(seen.requested);
        next.seen = Some(seen);
        if generation < self.generation {
            return next.to(State::Scheduled, "", vec![Effect::Schedule]);
        }
        next.without_errand().ends_at(shown(published.draft), &published.note)
    }

    /// An attempt to send has ended without success, and the changeset goes to `state`; a newer generation that
    /// waited for it has its turn instead. A commit of ours that has got to the branch is on record from here on:
    /// whoever reads the pull request before the rest is sent would take it for somebody else's.
    pub(super) fn not_published(
        &self,
        generation: u32,
        state: State,
        reason: &str,
        head: Option<&CommitSha>,
    ) -> Decision<Self, Effect> {
        if let Some(straggler) = self.unexpected(generation) {
            return Decision::Ignored(straggler);
        }
        let mut next = self.clone();
        next.head = head.or(self.head.as_ref()).cloned();
        if generation == self.generation && state == State::Blocked {
            return match self.errand.back.as_ref() {
                // It stands as before; only the errand has come to nothing.
                Some(back) => next.without_errand().ends_at(back.state, reason),
                None => next.without_errand().ends_at(state, reason),
            };
        }
        next.to(State::Scheduled, reason, vec![Effect::Schedule])
    }

    /// Why no answer about this generation is awaited, if none is.
    pub(super) fn unexpected(&self, generation: u32) -> Option<Straggler> {
        match self.publishing {
            Some(sent) if sent == generation => None,
            None if generation == self.generation && self.state.is_settled() => {
                Some(Straggler::AlreadyApplied)
            }
            None if generation == self.generation => Some(Straggler::OutOfPlace),
            _ => Some(Straggler::Superseded),
        }
    }

    fn handed_over(&self, reason: &str) -> Decision<Self, Effect> {
        let now = self.clone().without_pruning();
        match self.standing() {
            State::Merged | State::Closed => Decision::Ignored(Straggler::Ended),
            State::HandedOver => Decision::Ignored(Straggler::AlreadyApplied),
            // Somebody takes it over just now, whatever is on the branch.
            _ if self.errand.adopt => Decision::Ignored(Straggler::OutOfPlace),
            // What somebody wants to be said is said all the same.
            _ if !self.state.is_settled() && !now.errand.comments.is_empty() => {
                let mut next = now;
                let back = Some(Back { state: State::HandedOver, reason: reason.to_owned() });
                next.errand = next.errand.clone().of_words_alone(back);
                let mut effects = vec![];
                next.tell(&mut effects);
                effects.push(Effect::Schedule);
                next.to(State::Scheduled, reason, effects)
            }
            _ => now.without_errand().ends_at(State::HandedOver, reason),
        }
    }

    /// A head of somebody else's that counts as ours. Found out while sending, it is on record before anything is put
    /// on top of it.
    fn head_adopted(&self, head: &CommitSha, base: &CommitSha) -> Decision<Self, Effect> {
        let mut next = self.clone();
        next.head = Some(head.clone());
        next.shown.base = Some(base.clone());
        match self.state {
            State::Merged | State::Closed => Decision::Ignored(Straggler::Ended),
            _ if self.head.is_none() || self.standing() == State::HandedOver => {
                Decision::Ignored(Straggler::OutOfPlace)
            }
            State::Publishing => {
                // Sent anew, as a generation of its own: this one's effect has had its outcome.
                next.generation += u32::from(self.publishing == Some(self.generation));
                next.to(State::Scheduled, "", vec![Effect::Schedule])
            }
            _ if self.head.as_ref() == Some(head) => Decision::Ignored(Straggler::AlreadyApplied),
            state => next.to(state, &self.reason, vec![]),
        }
    }

    fn seen_open(&self, draft: bool) -> Decision<Self, Effect> {
        let mut next = self.clone();
        if let Some(seen) = &mut next.seen {
            seen.draft = draft;
        }
        let conflicts = next.seen.as_ref().is_some_and(|seen| seen.mergeability == Mergeability::Conflicting);
        match self.state {
            // A human reopened it, or moved it between draft and ready.
            State::Draft | State::Open | State::Conflicted | State::Closed => {
                next.shown.ready = !draft;
                let state = if conflicts { State::Conflicted } else { shown(draft) };
                let reason = if conflicts { CONFLICT } else { "" };
                if state == self.state && next.seen == self.seen {
                    return Decision::Ignored(Straggler::AlreadyApplied);
                }
                next.to(state, reason, vec![])
            }
            _ => Decision::Ignored(Straggler::OutOfPlace),
        }
    }

    /// Something that a read told. It is kept whatever the state; the state changes only where it says just that the
    /// pull request is open.
    fn noticed(&self, news: &News) -> Decision<Self, Effect> {
        if matches!(self.state, State::Merged | State::Closed) {
            return Decision::Ignored(Straggler::Ended);
        }
        let (mut next, mut seen) = (self.clone(), self.seen.clone().unwrap_or_default());
        if let News::Renamed(name) = news {
            next.repository = name.clone();
        }
        let news_to_us = seen.take(news) || next.repository.to_string() != self.repository.to_string();
        if self.pull_request.is_none() || !news_to_us {
            return Decision::Ignored(Straggler::AlreadyApplied);
        }
        let draft = seen.draft;
        next.seen = Some(seen);
        let (state, reason) = match (self.state, news) {
            (State::Draft | State::Open, News::Mergeability(Mergeability::Conflicting)) => {
                (State::Conflicted, CONFLICT)
            }
            (State::Conflicted, News::Mergeability(Mergeability::Mergeable)) => (shown(draft), ""),
            (state, News::Lost(Some(reason))) if state.is_open() => (State::Blocked, reason.as_str()),
            (State::Blocked, News::Lost(None)) if self.is_blocked_as_lost() => (shown(draft), ""),
            (state, News::Checks(Checks::Passed)) if state.is_open() => (state, once_passed(&self.reason)),
            (state, _) => (state, self.reason.as_str()),
        };
        next.to(state, reason, vec![])
    }

    /// Whether nothing but that it could not be found stands in its way.
    fn is_blocked_as_lost(&self) -> bool {
        self.seen.as_ref().and_then(|seen| seen.lost.as_ref()).is_some_and(|reason| *reason == self.reason)
    }

    fn seen_end(&self, end: State) -> Decision<Self, Effect> {
        match self.state {
            State::Merged => Decision::Ignored(Straggler::Ended),
            state if state == end => Decision::Ignored(Straggler::AlreadyApplied),
            // Somebody asked for just that, or for its end: sending finds out.
            _ if end == State::Closed && matches!(self.errand.aim, Aim::Closed | Aim::Reopened) => {
                Decision::Ignored(Straggler::OutOfPlace)
            }
            _ => {
                let mut next = self.clone().without_errand();
                next.errand.branch = end == State::Merged && self.leaves_a_branch();
                next.ends_at(end, "")
            }
        }
    }

    /// The run that proposed it last learns, once, that there is nothing left to send.
    pub(super) fn tell(&mut self, effects: &mut Vec<Effect>) {
        if !self.told {
            self.told = true;
            effects.push(Effect::Settled { run: self.wanted.run });
        }
    }

    /// Goes to a state with nothing left to send.
    fn ends_at(mut self, state: State, reason: &str) -> Decision<Self, Effect> {
        let mut effects = vec![];
        self.tell(&mut effects);
        self.to(state, reason, effects)
    }

    pub(super) fn to(&self, state: State, reason: &str, effects: Vec<Effect>) -> Decision<Self, Effect> {
        let mut next = self.clone();
        next.state = state;
        next.publishing = self.publishing.filter(|_| state == State::Publishing);
        next.reason = reason.to_owned();
        next.version += 1;
        Decision::applied(next, effects)
    }
}
