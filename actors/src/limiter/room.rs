//! Room: a changeset begins only once its pull request can be opened, so that neither a branch waits a day for its
//! pull request nor a campaign that is at its cap keeps the places of the others.
//!
//! Deliberately absent: taking permits (`perform::permits`). Room that was seen here may be gone by then, and then
//! the write waits.

use super::{Input, LimiterState};
use crate::{
    clock::StoreClock,
    ports::{Message, MessageBody, Spending, StoreError},
    scope::Setback,
};
use campaigns_domain::{
    id::{CampaignId, RunId},
    publish::{
        budget::{Budget, CapScope, Counted, Opening, Own, OwnRules, Room},
        rollout::windows_of,
    },
};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

/// How long until room is looked for again that nobody can say the time of.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The same where a campaign has caps of its own, which people set.
const SETTABLE: Duration = Duration::from_secs(10);

/// What is known of the room there is.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What counts, read for this turn.
    spending: Option<Spending>,
    /// The caps of those whose turn comes next.
    own: OwnRules,
    /// Nobody may begin before this, by the store's clock, unless one that is being sent ends.
    closed: Option<Instant>,
}

/// Whether room has to be looked for at all.
fn is_needed(budget: &Budget) -> bool {
    budget.every_cap().any(|(scope, cap)| scope == CapScope::Campaign || cap.counted == Counted::PullRequests)
}

impl LimiterState {
    /// Reads what counts, where turns may be given in this one.
    pub(super) async fn look(&mut self, inputs: &[Input]) -> Result<(), Setback> {
        let settings = &self.scope.world.settings;
        self.room.spending = None;
        // A place has become free.
        if inputs.iter().any(|input| matches!(input, Input::Sent(..))) {
            self.room.closed = None;
        }
        let free = self.under_way().await < settings.publish_at_once;
        let idle = !free || self.scope.is_draining() || self.pace.stopped_for().is_some();
        if idle || self.no_room_for().is_some() {
            return Ok(());
        }
        let here = self.rows.values().map(|row| (row.campaign, row.wanted.run));
        let new = inputs.iter().filter_map(|input| match input {
            Input::Message(Message { body: MessageBody::Proposed { place, proposal }, .. }) => {
                Some((place.campaign, proposal.run))
            }
            _ => None,
        });
        let runs: BTreeSet<(CampaignId, RunId)> = here.chain(new).collect();
        let mut own = OwnRules::default();
        for (campaign, run) in &runs {
            let caps = windows_of(&self.scope.world.caps_of(*run).await);
            own.add(*campaign, Own { caps, ..Own::default() });
        }
        let needed = is_needed(&settings.budget) || own.has_caps();
        let budget = own.within(&settings.budget);
        self.room.own = own;
        if !needed {
            return Ok(());
        }
        let campaigns: BTreeSet<CampaignId> = runs.into_iter().map(|(campaign, _)| campaign).collect();
        let campaigns: Vec<CampaignId> = campaigns.into_iter().collect();
        let store = &self.scope.world.ports.store;
        match store.spending(&self.organization, &campaigns, &budget).await {
            Ok(spending) => self.room.spending = Some(spending),
            Err(error @ StoreError::Unavailable(_)) => {
                self.stumble(&error, "what counts in the windows");
                self.room.closed = self.resting().map(|wait| self.scope.world.clock.now() + wait);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// How many places are taken: what a pause, a closed window or its campaign's own cap holds before its next write
    /// keeps nobody else waiting.
    pub(super) async fn under_way(&self) -> usize {
        let mut under_way = 0;
        for id in self.sending.keys().filter(|id| !self.pace.is_capped(id)) {
            let rests = match self.rows.get(id) {
                Some(row) => self.scope.world.rests(row).await,
                None => false,
            };
            under_way += usize::from(!rests);
        }
        under_way
    }

    /// How long nobody may begin from now.
    pub(super) fn no_room_for(&self) -> Option<Duration> {
        self.room.closed_for(&self.scope.world.clock)
    }
}

impl Known {
    /// How long nobody may begin from now.
    pub(super) fn closed_for(&self, clock: &StoreClock) -> Option<Duration> {
        Some(clock.until(self.closed?)).filter(|wait| !wait.is_zero())
    }

    /// A judge of who may begin, beside those of `opening`.
    pub(super) fn judge<'a>(&'a self, budget: &'a Budget, organization: &str, opening: Opening) -> Judge<'a> {
        let room = self.spending.as_ref().map(|spending| {
            (
                Room::new(budget, &self.own, organization, &spending.writes(), spending.now, opening),
                spending.now,
            )
        });
        Judge { room, own: &self.own, refused: false, soonest: None }
    }

    /// Takes note of when it is worth looking again.
    pub(super) fn close(&mut self, until: Option<Instant>) {
        self.closed = until;
    }
}

/// Says who may begin.
pub(super) struct Judge<'a> {
    room: Option<(Room<'a>, chrono::DateTime<chrono::Utc>)>,
    own: &'a OwnRules,
    refused: bool,
    soonest: Option<Duration>,
}

impl Judge<'_> {
    pub(super) fn may_begin(&mut self, campaign: CampaignId, opens: bool) -> bool {
        let Some((room, now)) = &mut self.room else { return true };
        match room.begin(campaign, opens) {
            Ok(()) => true,
            Err(then) => {
                self.refused = true;
                let wait = then.and_then(|then| (then - *now).to_std().ok());
                // A person may have set another cap meanwhile.
                let settable = !self.own.caps(campaign).is_empty();
                let wait = if settable { Some(wait.unwrap_or(SETTABLE).min(SETTABLE)) } else { wait };
                self.soonest = self.soonest.into_iter().chain(wait).min();
                false
            }
        }
    }

    /// How long nobody may begin; none where nobody was refused.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        self.refused.then(|| self.soonest.unwrap_or(LOOK_AGAIN))
    }
}
