//! What happened in runs, as live events and their pages are read.
//!
//! Deliberately absent: what people read beside it (`reads`).

use super::{EventRow, Positions, Progress, StoreError};
use async_trait::async_trait;
use campaigns_domain::id::RunId;

/// The events of runs.
#[async_trait]
pub trait Events: Send + Sync + 'static {
    /// How far a run is, read in one snapshot.
    async fn progress(&self, run: RunId) -> Result<Option<Progress>, StoreError>;

    /// The events of a run behind `after`, up to and with `upto`, at most `limit`: in order within each part and
    /// without gaps, by time across parts.
    async fn events(
        &self,
        run: RunId,
        after: &Positions,
        upto: &Positions,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError>;
}
