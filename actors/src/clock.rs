//! The store's clock as this process follows it: it passes as time does, and what a test moves it by is heard.
//!
//! Limits are counted by the store's clock, so whatever waits for them waits by it too. Deliberately absent: the
//! clock's reading. A moment here is only good for telling how far away another one is.

use crate::ports::Store;
use std::time::Duration;
use tokio::{sync::watch, time::Instant};

/// The store's clock.
#[derive(Debug, Clone)]
pub(crate) struct StoreClock {
    ahead: watch::Receiver<Duration>,
}

impl StoreClock {
    pub(crate) fn of(store: &dyn Store) -> Self {
        Self { ahead: store.moved_ahead() }
    }

    /// The present.
    pub(crate) fn now(&self) -> Instant {
        Instant::now() + *self.ahead.borrow()
    }

    /// How far away `then` is; nothing where it has come.
    pub(crate) fn until(&self, then: Instant) -> Duration {
        then.saturating_duration_since(self.now())
    }

    /// Waits until `then`, whether time passes or the clock is moved.
    pub(crate) async fn sleep_until(&self, then: Instant) {
        let mut ahead = self.ahead.clone();
        loop {
            ahead.mark_unchanged();
            let left = self.until(then);
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                // A store that is gone moves its clock no more.
                Ok(()) = ahead.changed() => {}
            }
        }
    }
}
