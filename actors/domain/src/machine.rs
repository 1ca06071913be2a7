//! The shape that every state machine of the domain shares: an event is either applied, which yields the next
//! state and the effects owed, or passed over with the reason.
//!
//! Deliberately absent: a table macro. Each machine is one `match` over (state, event), readable as it stands.

/// What a machine decided about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<S, F> {
    /// The event holds: this is the next state and what has to be done now that it is so.
    Applied {
        /// The aggregate after the event.
        next: S,
        /// What the runtime has to do once the next state is durable.
        effects: Vec<F>,
    },
    /// The event changes nothing: it was applied before, belongs to an earlier attempt or generation, or the
    /// aggregate has reached an end.
    Ignored(Straggler),
}

/// Why an event changed nothing. Kept for logs and tests; nobody has to react to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Straggler {
    /// The same event, or one of the same meaning, has been applied already.
    AlreadyApplied,
    /// The event speaks of an attempt or generation that is no longer the current one.
    Superseded,
    /// The aggregate has reached an end; ends are final.
    Ended,
    /// The event does not belong to this state.
    OutOfPlace,
}

impl<S, F> Decision<S, F> {
    /// The event holds and owes these effects.
    pub fn applied(next: S, effects: Vec<F>) -> Self {
        Self::Applied { next, effects }
    }

    /// The next state and its effects, or `None` where the event changed nothing.
    pub fn into_applied(self) -> Option<(S, Vec<F>)> {
        match self {
            Self::Applied { next, effects } => Some((next, effects)),
            Self::Ignored(_) => None,
        }
    }

    /// Whether the event changed nothing.
    pub fn is_ignored(&self) -> bool {
        matches!(self, Self::Ignored(_))
    }
}
