//! Where the organisation stands, kept in the store for every replica and for the next owner.
//!
//! Deliberately absent: what a refusal leads to (`perform::pace`).

use super::LimiterState;
use crate::{
    perform::pace::Pace,
    ports::{CommitError, Trouble},
    scope::Setback,
};
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
    pub(super) async fn keep(&self) -> Result<(), Setback> {
        let Some(standing) = self.pace.unrecorded() else { return Ok(()) };
        metrics::gauge!("campaigns_paused", "organization" => self.organization.clone())
            .set(f64::from(u8::from(standing.pause.is_some())));
        let store = &self.scope.world.ports.store;
        match store.set_standing(&self.scope.lease, &self.organization, &standing).await {
            Err(CommitError::Unavailable(reason)) => {
                // It is only slower to be heard of: the next turn tells it again.
                tracing::warn!(reason, "where the organisation stands was not recorded");
                self.pace.not_recorded();
                Ok(())
            }
            other => Ok(other?),
        }
    }
}
