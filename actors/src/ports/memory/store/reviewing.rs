//! Places for review requests in memory, judged by the domain.
//!
//! Deliberately absent: forgetting places that count no longer; a test ends before that matters.

use super::{
    super::super::{CommitError, Fence, Lease, ReviewRequest, Reviewing, StoreError},
    MemoryStore,
    rows::Rows,
};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    id::{CampaignId, ChangesetId, Shard},
    publish::reviewers::{Load, choose},
};
use std::collections::{BTreeMap, BTreeSet};

/// By changeset and name in lower case: the generation that took the place.
pub(super) type Places = BTreeMap<(ChangesetId, String), u32>;

impl Rows {
    /// Who has an open request on which changeset of a campaign.
    fn requests(&self, campaign: CampaignId) -> BTreeSet<(String, ChangesetId)> {
        let of = || {
            self.changesets.values().map(|stored| &stored.changeset).filter(|one| one.campaign == campaign)
        };
        let ended = |one: &Changeset| matches!(one.state, ChangesetState::Merged | ChangesetState::Closed);
        let seen = of().filter(|one| one.pull_request.is_some() && !ended(one)).flat_map(|one| {
            let names = one.seen.as_ref().and_then(|seen| seen.requested.as_deref()).unwrap_or_default();
            names.iter().map(|name| (name.to_ascii_lowercase(), one.id))
        });
        let taken = of().flat_map(|one| self.places_of(one).into_iter().map(|name| (name, one.id)));
        seen.chain(taken).collect()
    }

    /// Whom a changeset has taken a place with whose outcome is not on record.
    fn places_of(&self, changeset: &Changeset) -> Vec<String> {
        let known = changeset.shown.owners.as_ref().map_or(0, |owners| owners.generation);
        let of =
            self.places.iter().filter(|((id, _), generation)| *id == changeset.id && **generation > known);
        let under_way = !changeset.state.is_settled();
        of.filter(|_| under_way).map(|((_, name), _)| name.clone()).collect()
    }

    fn take_reviews(&mut self, fence: Fence, request: &ReviewRequest) -> Result<Vec<String>, CommitError> {
        if Shard::of_organization(&request.organization) != fence.shard {
            let message = format!("`{}` does not live in shard {}", request.organization, fence.shard);
            return Err(CommitError::Refused(message));
        }
        if self.epochs.get(&fence.shard).copied().unwrap_or_default() != fence.epoch.0 {
            return Err(CommitError::Fenced(fence));
        }
        let others: Vec<String> = self
            .requests(request.campaign)
            .into_iter()
            .filter(|(_, changeset)| *changeset != request.changeset)
            .map(|(name, _)| name)
            .collect();
        let own = match self.changesets.get(&request.changeset) {
            Some(stored) => self.places_of(&stored.changeset),
            None => vec![],
        };
        let loads = request.candidates.iter().map(|name| {
            let name = name.to_ascii_lowercase();
            let open = others.iter().filter(|other| **other == name).count();
            Load { open: u32::try_from(open).unwrap_or(u32::MAX), own: own.contains(&name) }
        });
        let chosen = choose(&loads.collect::<Vec<_>>(), request.at_most, request.max_open_each);
        let names: Vec<String> = chosen.into_iter().map(|at| request.candidates[at].clone()).collect();
        for name in &names {
            self.places.insert((request.changeset, name.to_ascii_lowercase()), request.generation);
        }
        Ok(names)
    }
}

#[async_trait]
impl Reviewing for MemoryStore {
    async fn take_reviews(&self, lease: &Lease, request: ReviewRequest) -> Result<Vec<String>, CommitError> {
        self.lock().take_reviews(lease.fence(), &request)
    }

    async fn open_reviews(&self, campaign: CampaignId) -> Result<BTreeMap<String, u32>, StoreError> {
        let mut open = BTreeMap::new();
        for (name, _) in self.lock().requests(campaign) {
            *open.entry(name).or_default() += 1;
        }
        Ok(open)
    }
}
