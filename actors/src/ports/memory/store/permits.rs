//! Permits in memory: exact sliding windows by the store's own clock, judged by the domain.
//!
//! Deliberately absent: forgetting old permits; a test ends before that matters.

use super::super::super::{
    CommitError, Counting, Fence, Permit, PermitAnswer, PermitRequest, Spending, Standing,
};
use super::rows::Rows;
use campaigns_domain::{
    id::{CampaignId, MessageId, Shard},
    publish::budget::{Budget, Cap, Charge, Counted, Spent},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use uuid::Uuid;

/// How long after its grant a permit's request may leave.
const LIFE: Duration = Duration::from_secs(2);
/// How long after leaving a request may still reach the host.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub(super) struct StoredPermit {
    pub(super) id: Uuid,
    organization: String,
    campaign: CampaignId,
    charge: Charge,
    pub(super) answered: bool,
    /// On the store's clock: it still counts for the length of a window after this.
    counts_from: DateTime<Utc>,
}

impl Rows {
    /// The time that has passed by the store's clock.
    pub(super) fn passed(&self) -> Duration {
        self.started.elapsed() + self.clock_moved
    }

    /// The time that permits go by.
    pub(super) fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::from_std(self.passed()).unwrap_or(TimeDelta::MAX)
    }

    pub(super) fn take_permit(
        &mut self,
        fence: Fence,
        request: PermitRequest,
    ) -> Result<PermitAnswer, CommitError> {
        let organization = request.organization.to_ascii_lowercase();
        if Shard::of_organization(&organization) != fence.shard {
            return Err(CommitError::Refused(format!(
                "`{organization}` does not live in shard {}",
                fence.shard
            )));
        }
        if self.epochs.get(&fence.shard).copied().unwrap_or_default() != fence.epoch.0 {
            return Err(CommitError::Fenced(fence));
        }
        let now = self.now();
        let history = self.spent();
        let charge = request.budget.charge(request.kind);
        if let Err(hold) = request.budget.fits(&history, &organization, request.campaign, charge, now) {
            let wait = (hold.until - now).to_std().unwrap_or_default();
            return Ok(PermitAnswer::Wait(wait.max(Duration::from_micros(1)), hold.by));
        }
        let permit = Permit::new(Uuid::new_v4(), LIFE);
        self.permits.push(StoredPermit {
            id: permit.id,
            organization,
            campaign: request.campaign,
            charge,
            answered: false,
            counts_from: now + LIFE + ANSWER_WITHIN,
        });
        Ok(PermitAnswer::Granted(permit))
    }

    fn spent(&self) -> Vec<Spent<'_>> {
        let spent = self.permits.iter().map(|permit| Spent {
            counts_from: permit.counts_from,
            organization: &permit.organization,
            campaign: permit.campaign,
            charge: permit.charge,
        });
        spent.collect()
    }

    pub(super) fn spending(&self, organization: &str, campaigns: &[CampaignId], budget: &Budget) -> Spending {
        let (now, organization) = (self.now(), organization.to_ascii_lowercase());
        let counts = |permit: &StoredPermit| {
            let inside = |caps: &[Cap]| {
                let counted = caps.iter().filter(|cap| {
                    (cap.counted != Counted::PullRequests || permit.charge.pull_request)
                        && permit.counts_from + cap.window.length() > now
                });
                counted.count() > 0
            };
            let apart = TimeDelta::milliseconds(i64::from(budget.spacing));
            let own = permit.organization == organization
                && (inside(&budget.organization) || permit.counts_from + apart > now);
            own || inside(&budget.global) || campaigns.contains(&permit.campaign) && inside(&budget.campaign)
        };
        let permits = self.permits.iter().filter(|permit| counts(permit)).map(|permit| Counting {
            counts_from: permit.counts_from,
            organization: permit.organization.clone(),
            campaign: permit.campaign,
            charge: permit.charge,
        });
        Spending { now, permits: permits.collect() }
    }

    pub(super) fn answer_permit(&mut self, permit: &Permit) {
        let now = self.now();
        for stored in &mut self.permits {
            if stored.id == permit.id && !stored.answered {
                stored.answered = true;
                stored.counts_from = now;
            }
        }
    }

    pub(super) fn standing(&self, organization: &str) -> Standing {
        let Some((until, standing)) = self.standings.get(&organization.to_ascii_lowercase()) else {
            return Standing::default();
        };
        let left = (*until - self.now()).to_std().unwrap_or_default();
        let quiet =
            standing.quiet.clone().map(|(_, reason)| (left, reason)).filter(|(left, _)| !left.is_zero());
        Standing { quiet, ..standing.clone() }
    }

    pub(super) fn set_standing(
        &mut self,
        fence: Fence,
        organization: &str,
        standing: &Standing,
        consumed: &[MessageId],
    ) -> Result<(), CommitError> {
        if self.epochs.get(&fence.shard).copied().unwrap_or_default() != fence.epoch.0 {
            return Err(CommitError::Fenced(fence));
        }
        let quiet = standing.quiet.as_ref().map_or(Duration::ZERO, |(left, _)| *left);
        self.standings.insert(organization.to_ascii_lowercase(), (self.now() + quiet, standing.clone()));
        for stored in self.inbox.values_mut().filter(|stored| consumed.contains(&stored.message.id)) {
            stored.consumed |= stored.message.to.shard() == fence.shard;
        }
        Ok(())
    }
}
