//! Why a round of observing and acting ended early, and what errors and refusals of permits mean for it.
//!
//! Deliberately absent: what is done then (`publish`).

use super::{
    permits::{Stopped, Writes},
    publish::Sent,
};
use crate::{ports::CodeHostError, scope::Closed};

/// Why a round of observing and acting ended early.
#[derive(Debug)]
pub(super) enum Halt {
    /// This is how it went.
    Sent(Sent),
    /// Observe again.
    Again(String),
    /// Something is not there, in these words; perhaps all of its repository.
    Missing(String),
}

impl Halt {
    pub(super) fn refused(reason: String) -> Self {
        Self::Sent(Sent::Refused(reason))
    }

    pub(super) fn deferred(reason: String) -> Self {
        Self::Sent(Sent::Deferred(reason))
    }

    /// Why the one thing that was asked for is not allowed, where the rest can go on without it.
    pub(super) fn into_refusal(self) -> Result<String, Self> {
        match self {
            Self::Sent(Sent::Refused(reason)) | Self::Missing(reason) => Ok(reason),
            other => Err(other),
        }
    }
}

impl From<CodeHostError> for Halt {
    fn from(error: CodeHostError) -> Self {
        use CodeHostError as E;
        let text = error.to_string();
        match error {
            E::Conflict(_) | E::Unknown(_) | E::Inconclusive(_) | E::PermitExpired => Self::Again(text),
            E::NotFound(_) => Self::Missing(text),
            E::Away(away) => Self::Sent(Sent::Away(away)),
            E::Refused(_) => Self::refused(text),
            E::Unauthorized(_) | E::Limited { .. } | E::Unavailable(_) => Self::deferred(text),
        }
    }
}

impl From<Stopped> for Halt {
    fn from(stopped: Stopped) -> Self {
        Self::Sent(match stopped {
            Stopped::Closed(closed) => closed.into(),
            Stopped::Fenced => Sent::Fenced,
        })
    }
}

impl From<Closed> for Sent {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::RunEnded => Self::RunEnded,
            Closed::Draining => Self::Draining,
        }
    }
}

/// An answer; one that asks for slowness, or says that nothing of ours is let in, stops the whole organisation.
pub(super) fn limits<T>(writes: &Writes<'_>, answer: Result<T, CodeHostError>) -> Result<T, Halt> {
    match &answer {
        Err(CodeHostError::Limited { wait, reason }) => {
            let wait = writes.pace.limited(*wait, reason);
            writes.reads.quiet_for(wait, reason);
        }
        Err(CodeHostError::Unauthorized(why)) => writes.pace.out_of_use(why),
        // Also a refusal is an answer that says that we are let in.
        Ok(_) | Err(CodeHostError::NotFound(_) | CodeHostError::Conflict(_) | CodeHostError::Away(_)) => {
            writes.pace.answered(false);
        }
        Err(_) => {}
    }
    answer.map_err(Halt::from)
}
