//! Turns: whoever waits is served campaign by campaign, oldest first within each, so that a campaign of
//! thousands does not keep one of ten waiting; those that are urgent take their turns before the others.
//!
//! Deliberately absent: how fast (the permits' matter).

use campaigns_domain::id::{CampaignId, ChangesetId};
use std::collections::{HashMap, HashSet, VecDeque};

/// Changesets that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Campaigns with somebody waiting, in the order of their turns.
    turns: VecDeque<CampaignId>,
    waiting: HashMap<CampaignId, VecDeque<ChangesetId>>,
    here: HashSet<ChangesetId>,
}

impl Queue {
    /// Puts a changeset behind those of its campaign; one that waits already keeps its place.
    pub(super) fn push(&mut self, campaign: CampaignId, changeset: ChangesetId) {
        if !self.here.insert(changeset) {
            return;
        }
        let waiting = self.waiting.entry(campaign).or_default();
        if waiting.is_empty() {
            self.turns.push_back(campaign);
        }
        waiting.push_back(changeset);
    }

    /// Each campaign with the one of it that is next.
    pub(super) fn fronts(&self) -> impl Iterator<Item = (CampaignId, ChangesetId)> {
        self.waiting.iter().filter_map(|(campaign, waiting)| Some((*campaign, *waiting.front()?)))
    }

    /// The next one; first of a campaign that is urgent.
    pub(super) fn pop(&mut self, urgent: &HashSet<CampaignId>) -> Option<ChangesetId> {
        let first = self.turns.iter().position(|campaign| urgent.contains(campaign));
        let campaign = self.turns.remove(first.unwrap_or_default())?;
        let waiting = self.waiting.get_mut(&campaign)?;
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&campaign);
        } else {
            self.turns.push_back(campaign);
        }
        if let Some(next) = &next {
            self.here.remove(next);
        }
        next
    }

    pub(super) fn len(&self) -> usize {
        self.here.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.here.is_empty()
    }

    pub(super) fn contains(&self, changeset: &ChangesetId) -> bool {
        self.here.contains(changeset)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn campaign(n: u128) -> CampaignId {
        CampaignId(Uuid::from_u128(n))
    }

    fn changeset(n: u128) -> ChangesetId {
        ChangesetId(Uuid::from_u128(n))
    }

    #[test]
    fn campaigns_take_turns_and_keep_their_order() {
        let mut queue = Queue::default();
        for n in 0..4 {
            queue.push(campaign(1), changeset(n));
        }
        queue.push(campaign(2), changeset(100));
        queue.push(campaign(2), changeset(101));
        queue.push(campaign(2), changeset(101));
        let none = HashSet::new();
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(&none)).map(|id| id.0.as_u128()).collect();
        assert_eq!(order, [0, 100, 1, 101, 2, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_newcomer_waits_one_turn() {
        let mut queue = Queue::default();
        (0..1_000).for_each(|n| queue.push(campaign(1), changeset(n)));
        let none = HashSet::new();
        assert_eq!(queue.pop(&none), Some(changeset(0)));
        queue.push(campaign(2), changeset(5_000));
        assert_eq!(queue.pop(&none), Some(changeset(1)));
        assert_eq!(queue.pop(&none), Some(changeset(5_000)));
        assert_eq!(queue.len(), 998);
    }

    #[test]
    fn who_is_urgent_goes_first_and_the_others_keep_their_places() {
        let mut queue = Queue::default();
        for n in 0..3 {
            queue.push(campaign(1), changeset(n));
            queue.push(campaign(2), changeset(10 + n));
            queue.push(campaign(3), changeset(20 + n));
        }
        let urgent = HashSet::from([campaign(3)]);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(&urgent)).map(|id| id.0.as_u128()).collect();
        assert_eq!(order, [20, 21, 22, 0, 10, 1, 11, 2, 12]);
    }
}
