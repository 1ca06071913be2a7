//! A timer of an organisation's actor: it goes by the store's clock, and ends with its owner.

use super::LimiterMessage;
use crate::clock::StoreClock;
use ractor::ActorRef;
use std::time::Duration;
use tokio::task::AbortHandle;

/// A timer that ends with its owner.
pub(super) struct Timer(AbortHandle);

impl Timer {
    /// Tells the actor after `wait` by the store's clock.
    pub(super) fn by_store(
        clock: &StoreClock,
        wait: Duration,
        actor: &ActorRef<LimiterMessage>,
        message: LimiterMessage,
    ) -> Self {
        let (clock, then, actor) = (clock.clone(), clock.now() + wait, actor.clone());
        let waiting = tokio::spawn(async move {
            clock.sleep_until(then).await;
            // An actor that is gone waits for nothing.
            let _ = actor.send_message(message);
        });
        Self(waiting.abort_handle())
    }

    /// Tells the actor after `wait` of passing time.
    pub(super) fn passing(
        wait: Duration,
        actor: &ActorRef<LimiterMessage>,
        message: impl FnOnce() -> LimiterMessage + Send + 'static,
    ) -> Self {
        Self(actor.send_after(wait, message).abort_handle())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}
