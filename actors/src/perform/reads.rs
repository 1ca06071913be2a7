//! Reading the code host with patience: what passes by itself is waited for, what does not is told.
//!
//! Reads may be repeated freely; writes never come through here. Deliberately absent: concluding anything from an
//! error.

use crate::{
    ports::{CodeHostError, ReadBudget, Trouble},
    scope::{Closed, Scope},
};
use campaigns_domain::id::RunId;
use std::future::Future;

/// Why something could not be read.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// It may not be done now.
    Closed(Closed),
    /// This answer stands, or did not change over all tries.
    Answer(CodeHostError),
}

/// Reads of `owner` by `read`, again and again while the answer is one that passes by itself: as long as asked where GitHub
/// asks to wait, and with growing waits, so many times, where it does not answer.
pub(crate) async fn patiently<T, F>(
    scope: &Scope,
    run: RunId,
    owner: &str,
    mut read: impl FnMut(ReadBudget) -> F + Send,
) -> Result<T, NotRead>
where
    F: Future<Output = Result<T, CodeHostError>> + Send,
{
    let patience = scope.world.settings.patience;
    let mut tries = 0;
    loop {
        scope.gate(run).await.map_err(NotRead::Closed)?;
        let budget = scope.world.reading(owner).await;
        let error = match read(budget.clone()).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let wait = match &error {
            CodeHostError::Limited { wait, reason } => {
                // A quiet that is kept already is no news for the owner.
                if budget.quiet().is_none() {
                    let seconds = wait.as_secs().max(1);
                    scope.report(run, owner, Trouble::Limited { seconds, reason: reason.clone() }).await;
                    budget.quiet_for(*wait, reason);
                }
                (*wait).max(patience.first)
            }
            CodeHostError::Unauthorized(why) => {
                scope.report(run, owner, Trouble::OutOfUse(why.clone())).await;
                return Err(NotRead::Answer(error));
            }
            CodeHostError::Unavailable(_) | CodeHostError::Unknown(_) | CodeHostError::Inconclusive(_)
                if tries < patience.tries =>
            {
                tries += 1;
                patience.wait(tries)
            }
            _ => return Err(NotRead::Answer(error)),
        };
        tracing::debug!(%error, wait = ?wait, "a read is tried again");
        scope.wait_for(run, wait).await.map_err(NotRead::Closed)?;
    }
}
