//! Room: a changeset begins only once its pull request can be opened, so that neither a branch waits a day for its
//! pull request nor a campaign that is at its cap keeps the places of the others.
//!
//! Deliberately absent: taking permits (`perform::permits`). Room that was seen here may be gone by then, and then
//! the write waits.

use super::LimiterState;
use crate::{
    clock::StoreClock,
    ports::{Spending, StoreError},
    scope::Setback,
};
use campaigns_domain::{
    id::CampaignId,
    publish::budget::{Budget, CapScope, Counted, Opening, Room},
};
use std::time::Duration;
use tokio::time::Instant;

/// How long until room is looked for again that nobody can say the time of.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What is known of the room there is.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What counts, read for this turn.
    spending: Option<Spending>,
    /// Nobody may begin before this, by the store's clock, unless one that is being sent ends.
    closed: Option<Instant>,
}

/// Whether room has to be looked for at all.
fn is_needed(budget: &Budget) -> bool {
    budget.every_cap().any(|(scope, cap)| scope == CapScope::Campaign || cap.counted == Counted::PullRequests)
}

impl LimiterState {
    /// Reads what counts, where turns may be given in this one. `ended` says whether a place has become free.
    pub(super) async fn look(&mut self, ended: bool) -> Result<(), Setback> {
        let settings = &self.scope.world.settings;
        self.room.spending = None;
        if ended {
            self.room.closed = None;
        }
        let free = self.sending.len() < settings.publish_at_once;
        let idle = !free || self.scope.is_draining() || self.pace.stopped_for().is_some();
        if idle || self.no_room_for().is_some() || !is_needed(&settings.budget) {
            return Ok(());
        }
        let campaigns: Vec<CampaignId> = self.queue.heads().map(|(campaign, _)| campaign).collect();
        let store = &self.scope.world.ports.store;
        match store.spending(&self.organization, &campaigns, &settings.budget).await {
            Ok(spending) => self.room.spending = Some(spending),
            Err(error @ StoreError::Unavailable(_)) => {
                self.stumble(&error, "what counts in the windows");
                self.room.closed = self.resting().map(|wait| self.scope.world.clock.now() + wait);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
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
            (Room::new(budget, organization, &spending.writes(), spending.now, opening), spending.now)
        });
        Judge { room, refused: false, soonest: None }
    }

    /// Takes note of when it is worth looking again.
    pub(super) fn close(&mut self, until: Option<Instant>) {
        self.closed = until;
    }
}

/// Says who may begin.
pub(super) struct Judge<'a> {
    room: Option<(Room<'a>, chrono::DateTime<chrono::Utc>)>,
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
