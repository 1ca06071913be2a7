//! Permits in memory: exact sliding windows by the store's own clock.
//!
//! Deliberately absent: forgetting old permits; a test ends before that matters.

use super::super::super::{CommitError, Fence, Permit, PermitAnswer, PermitRequest};
use super::rows::Rows;
use campaigns_domain::{id::Shard, publish::budget::Window};
use std::time::Duration;
use uuid::Uuid;

/// How long after its grant a permit's request may leave.
const LIFE: Duration = Duration::from_secs(2);
/// How long after leaving a request may still reach the host.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub(super) struct StoredPermit {
    id: Uuid,
    organization: String,
    opens_pull_request: bool,
    answered: bool,
    /// On the store's clock: it still counts for the length of a window after this.
    counts_from: Duration,
}

impl Rows {
    /// The time that permits go by, since the store was made.
    fn now(&self) -> Duration {
        self.started.elapsed() + self.clock_moved
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
        let writes = request.budget.writes.iter().map(|window| (window, false));
        let opened = request.budget.pull_requests.iter().filter(|_| request.opens_pull_request);
        let free = writes
            .chain(opened.map(|window| (window, true)))
            .filter_map(|(window, only)| self.free_at(&organization, window, only, now))
            .max();
        if let Some(free) = free {
            return Ok(PermitAnswer::Wait((free - now).max(Duration::from_micros(1))));
        }
        let permit = Permit::new(Uuid::new_v4(), LIFE);
        self.permits.push(StoredPermit {
            id: permit.id,
            organization,
            opens_pull_request: request.opens_pull_request,
            answered: false,
            counts_from: now + LIFE + ANSWER_WITHIN,
        });
        Ok(PermitAnswer::Granted(permit))
    }

    /// When a full window has room again; `None` where it has room now.
    fn free_at(
        &self,
        organization: &str,
        window: &Window,
        only_opened: bool,
        now: Duration,
    ) -> Option<Duration> {
        let length = Duration::from_secs(window.seconds.into());
        let Some(last_that_fits) = (window.cap as usize).checked_sub(1) else { return Some(now + length) };
        let mut leave: Vec<Duration> = self
            .permits
            .iter()
            .filter(|permit| {
                permit.organization == organization && (permit.opens_pull_request || !only_opened)
            })
            .map(|permit| permit.counts_from + length)
            .filter(|leaves| *leaves > now)
            .collect();
        leave.sort_by(|one, other| other.cmp(one));
        leave.get(last_that_fits).copied()
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
}
