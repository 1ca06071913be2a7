//! Reading the code host with patience: what passes by itself is waited for, what does not is told.
//!
//! Reads may be repeated freely; writes never come through here. Deliberately absent: concluding anything from an
//! error.

use crate::{
    ports::{CodeHostError, ReadBudget, Trouble},
    scope::{Closed, HEAR_AFTER, Scope},
};
use campaigns_domain::{id::RunId, publish::standing::PauseCause};
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
/// asks to wait, for as long as the organisation is paused, and with growing waits, so many times, where GitHub does not
/// answer.
pub(crate) async fn patiently<T, F>(
    scope: &Scope,
    run: RunId,
    owner: &str,
    read: impl FnMut(ReadBudget) -> F + Send,
) -> Result<T, NotRead>
where
    F: Future<Output = Result<T, CodeHostError>> + Send,
{
    reading(scope, run, owner, false, read).await
}

/// The same, where a paused organisation is not waited for: what has to be mended is the answer then.
pub(crate) async fn briefly<T, F>(
    scope: &Scope,
    run: RunId,
    owner: &str,
    read: impl FnMut(ReadBudget) -> F + Send,
) -> Result<T, NotRead>
where
    F: Future<Output = Result<T, CodeHostError>> + Send,
{
    reading(scope, run, owner, true, read).await
}

async fn reading<T, F>(
    scope: &Scope,
    run: RunId,
    owner: &str,
    brief: bool,
    mut read: impl FnMut(ReadBudget) -> F + Send,
) -> Result<T, NotRead>
where
    F: Future<Output = Result<T, CodeHostError>> + Send,
{
    let patience = scope.world.settings.patience;
    let mut tries = 0;
    loop {
        scope.gate(run).await.map_err(NotRead::Closed)?;
        let (budget, paused) = scope.world.reading(owner).await;
        if let Some(why) = paused {
            if brief {
                return Err(NotRead::Answer(CodeHostError::Unauthorized(why)));
            }
            // Its end is not foreseen: it is looked for.
            scope.pause(HEAR_AFTER).await.map_err(NotRead::Closed)?;
            continue;
        }
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
                // A name that a spec gets wrong is no organisation to keep a pause for.
                if why.cause != PauseCause::NotInstalled || brief {
                    scope.report(run, owner, Trouble::OutOfUse(why.clone())).await;
                }
                // Where nobody waits for it, what is not suspended may well be a slip in the settings, and nothing has
                // begun that could be lost.
                if brief || why.cause != PauseCause::Suspended {
                    return Err(NotRead::Answer(error));
                }
                HEAR_AFTER
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
