//! Permits: before every content-creating write one is taken from the store, inside an even pace, and while the
//! organisation is not asked to wait.
//!
//! Deliberately absent: what is written (`publish`), and who goes first (`limiter`).

use crate::{
    clock::StoreClock,
    ports::{CodeHostError, CommitError, Permit, PermitAnswer, PermitRequest, ReadBudget},
    scope::{Closed, Scope},
};
use campaigns_domain::{
    changeset::Changeset,
    id::{CampaignId, RunId},
};
use futures::future::BoxFuture;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How fast an organisation is written to, shared by whatever writes there.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Nothing is sent before this, by the store's clock.
    until: Mutex<Option<Instant>>,
    even: Option<RateLimiter<NotKeyed, InMemoryState, ByStore, NoOpMiddleware<Duration>>>,
    clock: StoreClock,
}

/// The store's clock, counted from when the pace was made.
#[derive(Debug, Clone)]
struct ByStore(Instant, StoreClock);

impl Clock for ByStore {
    type Instant = Duration;
    fn now(&self) -> Duration {
        self.1.now().saturating_duration_since(self.0)
    }
}

impl Pace {
    pub(crate) fn new(writes_per_second: Option<NonZeroU32>, clock: StoreClock) -> Self {
        let by_store = ByStore(clock.now(), clock.clone());
        let even =
            writes_per_second.map(|rate| RateLimiter::direct_with_clock(Quota::per_second(rate), by_store));
        Self { until: Mutex::new(None), even, clock }
    }

    /// Nothing is sent to the organisation for this long.
    pub(crate) fn stop_for(&self, wait: Duration) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let then = self.clock.now() + wait;
        *until = Some(until.map_or(then, |until| until.max(then)));
    }

    /// How long nothing may be sent from now.
    pub(crate) fn stopped_for(&self) -> Option<Duration> {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map(|until| self.clock.until(until)).filter(|wait| !wait.is_zero())
    }

    /// Waits until the organisation may be written to for `run`.
    async fn wait(&self, writes: &Writes<'_>) -> Result<(), Closed> {
        loop {
            if let Some(wait) = self.stopped_for() {
                pause(writes, wait).await?;
                continue;
            }
            let Some(even) = &self.even else { return Ok(()) };
            match even.check() {
                Ok(()) => return Ok(()),
                Err(not_yet) => {
                    let now = even.clock().now();
                    let wait: Duration = not_yet.earliest_possible().duration_since(now).into();
                    pause(writes, wait.max(Duration::from_millis(1))).await?;
                }
            }
        }
    }
}

/// Why no permit was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It may not be done now.
    Closed(Closed),
    /// The shard has another owner.
    Fenced,
}

/// The writes of one changeset.
pub(crate) struct Writes<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) pace: &'a Pace,
    /// For what is read beside the writes.
    pub(crate) reads: ReadBudget,
    organization: String,
    campaign: CampaignId,
    run: RunId,
    beyond: bool,
}

impl<'a> Writes<'a> {
    pub(crate) fn new(scope: &'a Scope, pace: &'a Pace, changeset: &Changeset) -> Self {
        Self {
            scope,
            pace,
            reads: scope.world.reads_of(changeset.repository.owner()),
            organization: changeset.repository.owner().to_owned(),
            campaign: changeset.campaign,
            run: changeset.wanted.run,
            beyond: changeset.errand.beyond,
        }
    }

    /// Waits until something may be sent for the changeset.
    pub(crate) async fn gate(&self) -> Result<(), Closed> {
        self.scope.gate_of_changeset(self.run, self.beyond).await
    }

    /// Sends one write by one permit. A permit that was too old to be used is replaced: nothing had left. The
    /// write itself is sent once.
    pub(crate) async fn send<'c, T>(
        &self,
        opens_pull_request: bool,
        write: impl Fn(Permit) -> BoxFuture<'c, Result<T, CodeHostError>> + Send,
    ) -> Result<Result<T, CodeHostError>, Stopped> {
        loop {
            let permit = self.take(opens_pull_request).await?;
            let receipt = Permit { id: permit.id, expires: permit.expires };
            let answer = write(permit).await;
            match &answer {
                Err(CodeHostError::PermitExpired) => continue,
                // Counted as unanswered, which is longer.
                Err(CodeHostError::Unknown(_)) => {}
                _ => {
                    if let Err(error) = self.scope.world.ports.store.answer_permit(&receipt).await {
                        tracing::debug!(%error, "a permit stays without its answer and counts for longer");
                    }
                }
            }
            return Ok(answer);
        }
    }

    async fn take(&self, opens_pull_request: bool) -> Result<Permit, Stopped> {
        let mut tries = 0;
        loop {
            self.pace.wait(self).await.map_err(Stopped::Closed)?;
            self.gate().await.map_err(Stopped::Closed)?;
            let request = PermitRequest {
                organization: self.organization.clone(),
                campaign: self.campaign,
                run: self.run,
                opens_pull_request,
                budget: self.scope.world.settings.budget.clone(),
            };
            let wait = match self.scope.world.ports.store.take_permit(&self.scope.lease, request).await {
                Ok(PermitAnswer::Granted(permit)) if self.scope.lease.is_trusted() => return Ok(permit),
                Ok(PermitAnswer::Granted(_)) => continue,
                Ok(PermitAnswer::Wait(wait)) => {
                    metrics::counter!("campaigns_permit_waits_total", "organization" => self.organization.clone())
                        .increment(1);
                    wait.max(Duration::from_millis(1))
                }
                Err(CommitError::Fenced(_)) => return Err(Stopped::Fenced),
                Err(error) => {
                    tries += 1;
                    tracing::warn!(%error, "no permit could be taken: it is asked for again");
                    self.scope.world.settings.patience.wait(tries)
                }
            };
            pause(self, wait).await.map_err(Stopped::Closed)?;
        }
    }
}

/// Waits by the store's clock, for hours if need be, and hears meanwhile that nothing is to be sent any more.
async fn pause(writes: &Writes<'_>, wait: Duration) -> Result<(), Closed> {
    let clock = &writes.scope.world.clock;
    let then = clock.now() + wait;
    while !clock.until(then).is_zero() {
        writes.scope.rest(then).await?;
        writes.gate().await?;
    }
    Ok(())
}
