//! That a pull request is wanted merged, how far that is, and what makes it worth another look.
//!
//! It is kept beside the rest of an errand, and outlives it: until the pull request is merged or closed, a human takes it
//! over, or GitHub or its rules do not let it. Deliberately absent: what is done about it (`publish::merging`).

use super::{
    Ask, Back, Changeset, ChangesetEffect as Effect, ChangesetEvent as Event, ChangesetState as State,
    Checks, MergeMethod, MergeState, Mergeability, News, QueueState, Review,
};
use crate::{id::CommitSha, machine::Decision, spec::AutoMerge};
use serde::{Deserialize, Serialize};

/// That a pull request is wanted merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// Who asked for it; empty where the spec did.
    pub by: String,
    /// How; none takes a way that the repository allows.
    #[serde(default)]
    pub method: Option<MergeMethod>,
    /// Whether it was asked for after the run had been cancelled, which then does not hold it up.
    #[serde(default)]
    pub beyond: bool,
    /// How far it is.
    pub stands: Stands,
}

/// How far a merge is that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stands")]
pub enum Stands {
    /// It is to be looked at what can be done.
    Owed,
    /// GitHub merges it by itself, once everything that the branch requires is there.
    Arranged {
        /// The head that it was arranged for.
        head: CommitSha,
        /// How it will be merged.
        method: MergeMethod,
    },
    /// It is in the merge queue.
    Queued {
        /// The head that was queued.
        head: CommitSha,
    },
    /// Not yet; it is looked at again when something of it changes.
    Waits {
        /// What is missing, and what to do about it.
        reason: String,
    },
    /// It is not tried again before somebody asks.
    Stopped {
        /// Why, and what to do about it.
        reason: String,
        /// Whether somebody at GitHub decided so, which a later version of the spec does not undo.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        theirs: bool,
    },
}

/// Why nothing more is done after somebody has turned it off.
const TURNED_OFF: &str =
    "auto-merge was turned off at GitHub, and is not turned on again: `merge` asks for it anew";
/// The same after it has left the queue.
const DEQUEUED: &str = "it was taken out of the merge queue at GitHub: `merge` asks for it anew";
/// Why a draft waits.
const DRAFT: &str = "it is a draft: `ready` marks it ready for review";

impl Merge {
    /// What the spec wants, if it does.
    fn by_spec(wanted: AutoMerge) -> Option<Self> {
        let method = match wanted {
            AutoMerge::Off => return None,
            AutoMerge::Any => None,
            AutoMerge::Merge => Some(MergeMethod::Merge),
            AutoMerge::Squash => Some(MergeMethod::Squash),
            AutoMerge::Rebase => Some(MergeMethod::Rebase),
        };
        Some(Self { by: String::new(), method, beyond: false, stands: Stands::Owed })
    }
}

impl Stands {
    /// It is not tried again before somebody asks, for this reason.
    pub fn stopped(reason: impl Into<String>) -> Self {
        Self::Stopped { reason: reason.into(), theirs: false }
    }

    /// Somebody has turned off what was arranged, and that is theirs.
    pub fn turned_off() -> Self {
        Self::Stopped { reason: TURNED_OFF.to_owned(), theirs: true }
    }

    /// How far it is, in words for people.
    pub fn words(&self) -> String {
        match self {
            Self::Owed => "is to be merged".to_owned(),
            Self::Arranged { method, .. } => {
                format!(
                    "GitHub merges it ({}) once everything that its branch requires is there",
                    method.as_str()
                )
            }
            Self::Queued { .. } => "in the merge queue".to_owned(),
            Self::Waits { reason } => format!("not merged yet: {reason}"),
            Self::Stopped { reason, .. } => format!("not merged: {reason}"),
        }
    }
}

impl Changeset {
    /// Whether it is to be looked at what can be done about the merge that is wanted: it is owed, or was arranged for
    /// another head.
    pub fn owes_merge(&self) -> bool {
        match self.errand.merge.as_ref().map(|merge| &merge.stands) {
            Some(Stands::Owed) => true,
            Some(Stands::Arranged { head, .. } | Stands::Queued { head }) => self.head.as_ref() != Some(head),
            Some(Stands::Waits { .. } | Stands::Stopped { .. }) | None => false,
        }
    }

    /// What an event led to, with what it means for a merge that is wanted.
    pub(super) fn arrange(&self, event: &Event, decided: Decision<Self, Effect>) -> Decision<Self, Effect> {
        let Decision::Applied { mut next, mut effects } = decided else { return decided };
        if matches!(next.standing(), State::Merged | State::Closed | State::HandedOver) {
            next.errand.merge = None;
        }
        if let Event::Proposed { proposal } = event {
            next.wants_as_spec(proposal.auto_merge);
        }
        let was_on_errand = self.is_on_errand();
        let ready = next.state == State::Open && self.standing() == State::Draft;
        let Some(merge) = next.errand.merge.as_mut() else { return Decision::Applied { next, effects } };
        let look = match event {
            Event::ErrandDone { done, .. } => {
                if let Some(stands) = &done.merging {
                    merge.stands = stands.clone();
                    next.sees_arranged();
                }
                ready
            }
            Event::PublishRefused { reason, .. } if was_on_errand && self.owes_merge() => {
                merge.stands = Stands::stopped(reason);
                false
            }
            Event::Noticed { news } => {
                next.hears(news);
                next.is_worth_a_look(news)
            }
            Event::SeenOpen { .. } => ready,
            Event::Published { .. } | Event::HeadAdopted { .. } => true,
            _ => false,
        };
        if look && next.state.is_open() {
            next.looks_again(&mut effects);
        }
        Decision::Applied { next, effects }
    }

    /// Has what can be done looked at, where that is owed or was waited for.
    fn looks_again(&mut self, effects: &mut Vec<Effect>) {
        let Some(merge) = self.errand.merge.as_mut() else { return };
        if matches!(merge.stands, Stands::Waits { .. }) {
            merge.stands = Stands::Owed;
        }
        if self.state == State::Draft {
            merge.stands = Stands::Waits { reason: DRAFT.to_owned() };
        }
        let beyond = merge.beyond;
        if self.owes_merge() {
            self.errand.back = Some(Back { state: self.state, reason: std::mem::take(&mut self.reason) });
            self.errand.beyond = beyond;
            self.generation += 1;
            self.state = State::Scheduled;
            effects.push(Effect::Schedule);
        }
    }

    /// What was arranged is known before anybody reads it, so that its end is news.
    fn sees_arranged(&mut self) {
        let (Some(merge), Some(seen)) = (&self.errand.merge, self.seen.as_mut()) else { return };
        match &merge.stands {
            Stands::Arranged { method, .. } => seen.auto_merge = Some(*method),
            Stands::Queued { .. } => seen.queue = seen.queue.or(Some(QueueState::Queued)),
            _ => {}
        }
    }

    /// Auto-merge and the queue may be changed by people at GitHub, and that is theirs.
    fn hears(&mut self, news: &News) {
        let (auto_merge, queued) =
            self.seen.as_ref().map_or((None, false), |seen| (seen.auto_merge, seen.queue.is_some()));
        let (head, Some(merge)) = (self.head.clone(), self.errand.merge.as_mut()) else { return };
        let Some(head) = head else { return };
        match (news, &merge.stands) {
            (News::AutoMerge(Some(method)), _) => merge.stands = Stands::Arranged { head, method: *method },
            (News::Queue(Some(_)), Stands::Queued { .. }) => {}
            (News::Queue(Some(_)), _) => merge.stands = Stands::Queued { head },
            (News::AutoMerge(None), Stands::Arranged { .. }) if !queued => {
                merge.stands = Stands::turned_off();
            }
            (News::Queue(None), Stands::Queued { .. }) if auto_merge.is_none() => {
                merge.stands = Stands::Stopped { reason: DEQUEUED.to_owned(), theirs: true };
            }
            _ => {}
        }
    }

    /// Whether news may be what was waited for.
    fn is_worth_a_look(&self, news: &News) -> bool {
        match news {
            News::Checks(checks) => matches!(checks, Checks::Passed | Checks::None),
            News::Review(review) => matches!(review, Review::Approved | Review::None),
            News::Mergeability(now) => *now == Mergeability::Mergeable,
            News::Details { merge_state, .. } => {
                !matches!(merge_state, MergeState::Dirty | MergeState::Draft)
            }
            _ => false,
        }
    }

    /// The spec wants it merged, or does not any more. What somebody asked for or turned off stays as it is, and so does
    /// what is arranged already.
    pub(super) fn wants_as_spec(&mut self, wanted: AutoMerge) {
        let wanted = Merge::by_spec(wanted);
        match &self.errand.merge {
            None => self.errand.merge = wanted,
            Some(merge) if !merge.by.is_empty() => {}
            Some(Merge { stands: Stands::Stopped { theirs: true, .. }, .. }) => {}
            Some(Merge { stands: Stands::Arranged { .. } | Stands::Queued { .. }, .. }) => {}
            Some(_) => self.errand.merge = wanted,
        }
    }

    /// Somebody wants it merged.
    pub(super) fn wants_merge(&mut self, ask: &Ask, by: &str, beyond: bool) {
        if let Ask::Merge { method } = ask {
            let merge = Merge { by: by.to_owned(), method: *method, beyond, stands: Stands::Owed };
            self.errand.merge = Some(merge);
        }
    }
}
