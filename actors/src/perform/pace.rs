//! The pace at which one organisation is written to: one write after the other where a distance is kept between them,
//! evenly inside the windows, further apart after refusals, and not while the organisation has asked for quiet or
//! something has to be mended.
//!
//! All of it by the store's clock. What other replicas have to know is recorded by the limiter. Deliberately absent:
//! the windows themselves (`permits`).

use super::permits::Writes;
use crate::{
    clock::StoreClock,
    ports::Standing,
    scope::{Closed, HEAR_AFTER},
};
use campaigns_domain::{
    id::ChangesetId,
    publish::standing::{AdaptivePace, OutOfUse, Pause},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use std::{
    collections::HashSet,
    num::NonZeroU32,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::OwnedMutexGuard, time::Instant};

/// How fast an organisation is written to, shared by whatever writes there.
#[derive(Debug)]
pub(crate) struct Pace {
    known: Mutex<Known>,
    even: Option<RateLimiter<NotKeyed, InMemoryState, ByStore, NoOpMiddleware<Duration>>>,
    /// How far apart the settings keep writes, in milliseconds.
    spacing: u32,
    /// Those that wait for a cap of their campaign's own.
    capped: Mutex<HashSet<ChangesetId>>,
    /// Whoever has it may take a permit and send by it; the others wait in the order they came.
    turn: Arc<tokio::sync::Mutex<()>>,
    clock: StoreClock,
}

/// Where the organisation stands, as its owner knows it.
#[derive(Debug, Default)]
struct Known {
    /// Nothing is sent before this, by the store's clock, and why.
    quiet: Option<(Instant, String)>,
    pause: Option<Pause>,
    adaptive: AdaptivePace,
    /// Whether the store holds something older.
    unrecorded: bool,
}

impl Known {
    fn quiet_until(&mut self, then: Instant, reason: &str) {
        if self.quiet.as_ref().is_none_or(|(until, _)| *until < then) {
            self.quiet = Some((then, reason.to_owned()));
        }
    }
}

/// A changeset that waits for a cap of its campaign's own.
pub(super) struct Capped<'a> {
    pace: &'a Pace,
    changeset: ChangesetId,
}

impl Drop for Capped<'_> {
    fn drop(&mut self) {
        self.pace.capped.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.changeset);
    }
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
    /// `spacing`: how far apart the settings keep writes, in milliseconds.
    pub(crate) fn new(writes_per_second: Option<NonZeroU32>, spacing: u32, clock: StoreClock) -> Self {
        let by_store = ByStore(clock.now(), clock.clone());
        let even =
            writes_per_second.map(|rate| RateLimiter::direct_with_clock(Quota::per_second(rate), by_store));
        let capped = Mutex::default();
        Self { known: Mutex::default(), even, spacing, capped, turn: Arc::default(), clock }
    }

    /// Goes on from where an earlier owner left the organisation.
    pub(crate) fn restore(&self, standing: Standing) {
        let now = self.clock.now();
        let mut known = self.lock();
        if let Some((left, reason)) = standing.quiet {
            known.quiet_until(now + left, &reason);
        }
        known.pause = standing.pause;
        known.adaptive = standing.pace;
    }

    /// Nothing is sent to the organisation for this long, for a reason of our own.
    pub(crate) fn stop_for(&self, wait: Duration) {
        let then = self.clock.now() + wait;
        self.lock().quiet_until(then, "several in a row could not be sent");
    }

    /// GitHub asked to wait; how long nothing is sent. What only repeats a quiet that is kept already is no further
    /// refusal.
    pub(crate) fn limited(&self, wait: Duration, reason: &str) -> Duration {
        let now = self.clock.now();
        let mut known = self.lock();
        let kept = known.quiet.as_ref().map(|(until, _)| until.saturating_duration_since(now));
        if let Some(kept) = kept.filter(|kept| *kept + Duration::from_secs(1) >= wait) {
            return kept;
        }
        let (adaptive, wait) = known.adaptive.refused(wait, self.spacing);
        known.adaptive = adaptive;
        known.quiet_until(now + wait, reason);
        known.unrecorded = true;
        wait
    }

    /// The credential is out of use: nothing is sent but a probe from time to time, until it is mended.
    pub(crate) fn out_of_use(&self, why: &OutOfUse) {
        let now = self.clock.now();
        let mut known = self.lock();
        // Several that were under way together are one refusal.
        let repeated = known.pause.as_ref().is_some_and(|pause| pause.why.cause == why.cause);
        if repeated && known.quiet.as_ref().is_some_and(|(until, _)| *until > now) {
            return;
        }
        let pause = Pause::after(known.pause.as_ref(), why.clone());
        known.quiet_until(now + pause.next_probe(), &why.reason);
        known.pause = Some(pause);
        known.unrecorded = true;
    }

    /// What was to be mended is mended: whatever waits may go.
    pub(crate) fn mended(&self) {
        let mut known = self.lock();
        if known.pause.take().is_some() {
            known.quiet = None;
            known.unrecorded = true;
        }
    }

    /// What was to be mended may be mended: one probe may go at once.
    pub(crate) fn probe(&self) {
        let mut known = self.lock();
        if known.pause.is_some() && known.quiet.take().is_some() {
            known.unrecorded = true;
        }
    }

    /// What has to be mended, if anything.
    pub(crate) fn pause(&self) -> Option<Pause> {
        self.lock().pause.clone()
    }

    /// Something was answered: a read, or a write.
    pub(crate) fn answered(&self, write: bool) {
        let mut known = self.lock();
        if known.pause.as_ref().is_some_and(|pause| write || pause.why.cause.is_mended_by_a_read()) {
            known.pause = None;
            known.quiet = None;
            known.unrecorded = true;
        }
        if write {
            let next = known.adaptive.succeeded(self.spacing);
            // Not every single success is a row written; what is lost of them costs a little speed.
            known.unrecorded |= next.extra != known.adaptive.extra
                || next.refusals != known.adaptive.refusals
                || next.is_wide();
            known.adaptive = next;
        }
    }

    /// How far apart writes are kept beyond the settings, in milliseconds.
    pub(super) fn extra(&self) -> u32 {
        self.lock().adaptive.extra
    }

    /// Whether something has to be mended: then one at a time is tried, as a probe.
    pub(crate) fn is_paused(&self) -> bool {
        self.lock().pause.is_some()
    }

    /// How long nothing may be sent from now.
    pub(crate) fn stopped_for(&self) -> Option<Duration> {
        let until = self.lock().quiet.as_ref().map(|(until, _)| *until)?;
        Some(self.clock.until(until)).filter(|wait| !wait.is_zero())
    }

    /// What the store is to be told; none where it holds it already.
    pub(crate) fn unrecorded(&self) -> Option<Standing> {
        let unrecorded = std::mem::take(&mut self.lock().unrecorded);
        unrecorded.then(|| self.standing())
    }

    /// Where the organisation stands now.
    pub(crate) fn standing(&self) -> Standing {
        let now = self.clock.now();
        let known = self.lock();
        let quiet = known
            .quiet
            .as_ref()
            .map(|(until, reason)| (until.saturating_duration_since(now), reason.clone()));
        let quiet = quiet.filter(|(left, _)| !left.is_zero());
        Standing { quiet, pause: known.pause.clone(), pace: known.adaptive }
    }

    /// The store was not told after all.
    pub(crate) fn not_recorded(&self) {
        self.lock().unrecorded = true;
    }

    /// Waits for the turn to write, and hears meanwhile that nothing is to be sent any more. Without a distance
    /// between writes nobody has to wait for another's answer.
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

    /// Whether a changeset waits for a cap of its campaign's own, and so for nothing that others wait for.
    pub(crate) fn is_capped(&self, changeset: &ChangesetId) -> bool {
        self.capped.lock().unwrap_or_else(PoisonError::into_inner).contains(changeset)
    }

    /// Notes that a changeset waits for such a cap, until what is given back is dropped.
    pub(super) fn capped(&self, changeset: ChangesetId) -> Capped<'_> {
        self.capped.lock().unwrap_or_else(PoisonError::into_inner).insert(changeset);
        Capped { pace: self, changeset }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
