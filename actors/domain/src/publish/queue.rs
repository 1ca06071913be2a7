//! Turns: whoever waits is served campaign by campaign, oldest first within each, so that a campaign of
//! thousands does not keep one of ten waiting; those that are urgent take their turns before the others.
//!
//! Deliberately absent: how fast (the permits' matter).

use crate::id::{CampaignId, ChangesetId};
use std::collections::{HashMap, HashSet, VecDeque};

/// Changesets that wait for their turn.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// Campaigns with somebody waiting, in the order of their turns.
    turns: VecDeque<CampaignId>,
    waiting: HashMap<CampaignId, VecDeque<ChangesetId>>,
    here: HashSet<ChangesetId>,
}

impl Queue {
    /// Puts a changeset behind those of its campaign; one that waits already keeps its place.
    pub fn push(&mut self, campaign: CampaignId, changeset: ChangesetId) {
        if !self.here.insert(changeset) {
            return;
        }
        let waiting = self.waiting.entry(campaign).or_default();
        if waiting.is_empty() {
            self.turns.push_back(campaign);
        }
        waiting.push_back(changeset);
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<ChangesetId> {
        self.pop_where(&HashSet::new(), |_, _| true)
    }

    /// The next one of a campaign whose oldest may go; first of a campaign that is urgent. The others keep their turns.
    pub fn pop_where(
        &mut self,
        urgent: &HashSet<CampaignId>,
        mut may_go: impl FnMut(CampaignId, ChangesetId) -> bool,
    ) -> Option<ChangesetId> {
        let mut next = |first: bool| {
            self.turns.iter().position(|campaign| {
                let oldest = self.waiting.get(campaign).and_then(|waiting| waiting.front());
                urgent.contains(campaign) == first
                    && oldest.is_some_and(|changeset| may_go(*campaign, *changeset))
            })
        };
        let at = next(true).or_else(|| next(false))?;
        let campaign = self.turns.remove(at)?;
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

    /// Every campaign with somebody waiting and its oldest, in the order of their turns.
    pub fn heads(&self) -> impl Iterator<Item = (CampaignId, ChangesetId)> + '_ {
        self.turns.iter().filter_map(|campaign| Some((*campaign, *self.waiting.get(campaign)?.front()?)))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.here.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.here.is_empty()
    }

    /// Whether this one waits.
    pub fn contains(&self, changeset: &ChangesetId) -> bool {
        self.here.contains(changeset)
    }

    /// Whether somebody of this campaign waits.
    pub fn has(&self, campaign: &CampaignId) -> bool {
        self.waiting.contains_key(campaign)
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
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
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|id| id.0.as_u128()).collect();
        assert_eq!(order, [0, 100, 1, 101, 2, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_newcomer_waits_one_turn() {
        let mut queue = Queue::default();
        (0..1_000).for_each(|n| queue.push(campaign(1), changeset(n)));
        assert_eq!(queue.pop(), Some(changeset(0)));
        queue.push(campaign(2), changeset(5_000));
        assert_eq!(queue.pop(), Some(changeset(1)));
        assert_eq!(queue.pop(), Some(changeset(5_000)));
        assert_eq!(queue.len(), 998);
    }

    #[test]
    fn a_campaign_that_may_not_go_keeps_its_turn() {
        let mut queue = Queue::default();
        for n in 0..2 {
            queue.push(campaign(1), changeset(n));
            queue.push(campaign(2), changeset(100 + n));
        }
        assert_eq!(queue.pop_where(&HashSet::new(), |of, _| of == campaign(2)), Some(changeset(100)));
        assert_eq!(queue.pop_where(&HashSet::new(), |_, _| false), None);
        assert_eq!(queue.pop(), Some(changeset(0)));
        assert_eq!(
            queue.heads().map(|(_, oldest)| oldest).collect::<Vec<_>>(),
            [changeset(101), changeset(1)]
        );
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
        let order: Vec<_> =
            std::iter::from_fn(|| queue.pop_where(&urgent, |_, _| true)).map(|id| id.0.as_u128()).collect();
        assert_eq!(order, [20, 21, 22, 0, 10, 1, 11, 2, 12]);
    }
}
