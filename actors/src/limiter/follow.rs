//! Following pull requests: the pages that are read of them, one at a time, and the patience with a store that does
//! not hand one out.
//!
//! Deliberately absent: reading the code host (`perform::sync`), and what a read means (`record`).

use super::{LimiterMessage, LimiterState};
use crate::{perform::sync, ports::StoreError};
use ractor::ActorRef;
use std::time::Duration;
use tokio::time::Instant;

impl LimiterState {
    /// The store did not hand out a page: it is asked again after a while that grows.
    pub(super) fn stumble(&mut self, error: &StoreError, what: &'static str) {
        let tries = self.stumbles.map_or(0, |(tries, _)| tries) + 1;
        let wait = self.scope.world.settings.patience.wait(tries);
        tracing::warn!(%error, what, wait = ?wait, "it could not be read from the database and is read again");
        self.stumbles = Some((tries, Instant::now() + wait));
    }

    /// How long the store is not asked for a page.
    pub(super) fn resting(&self) -> Option<Duration> {
        let (_, until) = self.stumbles?;
        Some(until.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }
}

/// Reads the next page of the sync under way.
pub(super) fn read_on(myself: &ActorRef<LimiterMessage>, state: &mut LimiterState) {
    let Some(sync) = state.syncs.front() else { return };
    if state.reading.is_some() || state.scope.is_draining() || state.resting().is_some() {
        return;
    }
    let work = sync::page(state.scope.clone(), sync.campaign, state.organization.clone(), sync.after);
    let ended = {
        let myself = myself.clone();
        move |outcome, busy| {
            let _ = myself.send_message(LimiterMessage::Read(outcome, busy));
        }
    };
    state.reading = Some(state.scope.tasks.perform(work, ended));
}
