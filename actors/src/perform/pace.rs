//! The pace at which one organisation is written to by this process: one write after the other where a distance is
//! kept between them, evenly inside the windows, and not while the organisation has asked for quiet.
//!
//! All of it by the store's clock. Deliberately absent: the windows themselves (`permits`).

use super::permits::Writes;
use crate::{
    clock::StoreClock,
    scope::{Closed, HEAR_AFTER},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use std::{
    num::NonZeroU32,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::OwnedMutexGuard, time::Instant};

/// How fast an organisation is written to, shared by whatever writes there.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Nothing is sent before this, by the store's clock.
    until: Mutex<Option<Instant>>,
    even: Option<RateLimiter<NotKeyed, InMemoryState, ByStore, NoOpMiddleware<Duration>>>,
    /// Whoever has it may take a permit and send by it; the others wait in the order they came.
    turn: Arc<tokio::sync::Mutex<()>>,
    clock: StoreClock,
}

/// The right to be the one that writes.
pub(super) type Turn = OwnedMutexGuard<()>;

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
        Self { until: Mutex::new(None), even, turn: Arc::default(), clock }
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

    /// Waits for the turn to write, and hears meanwhile that the run was cancelled. Without a distance between
    /// writes nobody has to wait for another's answer.
    pub(super) async fn turn(&self, writes: &Writes<'_>, spacing: u32) -> Result<Option<Turn>, Closed> {
        if spacing == 0 {
            return Ok(None);
        }
        let mut turn = pin!(Arc::clone(&self.turn).lock_owned());
        loop {
            tokio::select! {
                turn = &mut turn => return Ok(Some(turn)),
                closed = writes.scope.pause(HEAR_AFTER) => closed?,
            }
            writes.gate().await?;
        }
    }

    /// Waits until the organisation may be written to for this changeset.
    pub(super) async fn wait(&self, writes: &Writes<'_>) -> Result<(), Closed> {
        loop {
            if let Some(wait) = self.stopped_for() {
                writes.pause(wait).await?;
                continue;
            }
            let Some(even) = &self.even else { return Ok(()) };
            match even.check() {
                Ok(()) => return Ok(()),
                Err(not_yet) => {
                    let now = even.clock().now();
                    let wait: Duration = not_yet.earliest_possible().duration_since(now).into();
                    writes.pause(wait.max(Duration::from_millis(1))).await?;
                }
            }
        }
    }
}
