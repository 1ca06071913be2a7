//! Where the organisation stands, kept in the store for every replica and for the next owner.
//!
//! Deliberately absent: what a refusal leads to (`perform::pace`).

use super::LimiterState;
use crate::{
    perform::pace::Pace,
    ports::{CommitError, Trouble},
    scope::Setback,
};
use campaigns_domain::publish::installation::{Consequence, InstallationState};
use std::time::Duration;

/// Somebody else met a limit or a refusal here.
pub(super) fn told(pace: &Pace, trouble: &Trouble) {
    match trouble {
        Trouble::Limited { seconds, reason } => {
            pace.limited(Duration::from_secs(*seconds), reason);
        }
        Trouble::OutOfUse(why) => pace.out_of_use(why),
    }
}

/// GitHub says this of the App's installation here.
pub(super) fn installed(pace: &Pace, organization: &str, state: InstallationState) {
    match state.consequence(organization, pace.pause().as_ref()) {
        Some(Consequence::Paused(why)) => {
            tracing::warn!(organization, state = state.as_str(), "nothing is sent until that is mended");
            pace.out_of_use(&why);
        }
        Some(Consequence::Mended) => {
            tracing::info!(organization, "the installation works again: what waits goes on");
            pace.mended();
        }
        Some(Consequence::Probe) => pace.probe(),
        None => {}
    }
}

impl LimiterState {
    /// Goes on from where an earlier owner left it, once.
    pub(super) async fn restore(&mut self) -> Result<(), Setback> {
        if !self.restored {
            self.pace.restore(self.scope.world.ports.store.standing(&self.organization).await?);
            self.restored = true;
        }
        Ok(())
    }

    /// Records what the store does not know yet.
    pub(super) async fn keep(&mut self) -> Result<(), Setback> {
        let unrecorded = self.pace.unrecorded();
        let heard = std::mem::take(&mut self.heard);
        if unrecorded.is_none() && heard.is_empty() {
            return Ok(());
        }
        let standing = unrecorded.unwrap_or_else(|| self.pace.standing());
        metrics::gauge!("campaigns_paused", "organization" => self.organization.clone())
            .set(f64::from(u8::from(standing.pause.is_some())));
        let store = &self.scope.world.ports.store;
        match store.set_standing(&self.scope.lease, &self.organization, &standing, &heard).await {
            // Messages that led to it are read again with everything else.
            Err(CommitError::Unavailable(reason)) if heard.is_empty() => {
                // It is only slower to be heard of: the next turn tells it again.
                tracing::warn!(reason, "where the organisation stands was not recorded");
                self.pace.not_recorded();
                Ok(())
            }
            other => {
                other?;
                self.scope.world.inbox.consumed(&heard);
                Ok(())
            }
        }
    }
}
