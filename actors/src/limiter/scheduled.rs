//! What is scheduled, read from the store page by page. What a pause holds is not among it: it keeps its place there, and
//! is looked for again.
//!
//! Deliberately absent: whose turn it is (`queue`).

use super::LimiterState;
use crate::{ports::StoreError, scope::Setback};
use std::time::Duration;

/// How soon it is looked whether what a pause held may go on.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Reads the next page of what is scheduled, once the last one is used up.
pub(super) async fn refill(state: &mut LimiterState) -> Result<(), Setback> {
    let page = state.scope.world.settings.scheduled_page.max(1);
    let idle = state.queue.is_empty() && state.put_off.len() < page && !state.scope.is_draining();
    if !state.more || !idle || state.resting().is_some() {
        return Ok(());
    }
    // The oldest may all be here already, being sent or put off.
    let limit = page + state.put_off.len() + state.sending.len();
    let asked = u32::try_from(limit).unwrap_or(u32::MAX);
    let scheduled = match state.scope.world.ports.store.scheduled(&state.organization, asked).await {
        Ok(scheduled) => scheduled,
        Err(error @ StoreError::Unavailable(_)) => {
            state.stumble(&error, "the queue of changesets");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    state.stumbles = None;
    state.more = scheduled.len() >= limit;
    state.held |= !state.more && state.scope.world.ports.store.holds(&state.organization).await?;
    for row in scheduled {
        if !state.is_held(&row.id) {
            state.queue.push(row.campaign, row.id);
            state.rows.entry(row.id).or_insert(row);
        }
    }
    Ok(())
}
