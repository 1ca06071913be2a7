//! Every limit of the twin: the primary ones (`primary`), the secondary ones (`secondary`), their numbers
//! (`settings`) and how they are told (`told`). `--no-limits` lifts them all: then they are counted, and the same
//! headers are sent with a limit that nobody reaches. Deliberately absent: the search API's limits, as there is no
//! search.

pub mod asked;
pub mod primary;
pub mod secondary;
pub mod settings;
pub mod told;
pub mod window;

use crate::clock::Clock;
use chrono::{DateTime, Utc};
pub use primary::{Budget, graphql_subject};
pub use secondary::{Arrival, Asked, Flying, Reached};
pub use settings::{Creating, Settings, Wording};
use std::sync::{PoisonError, RwLock};
use told::Telling;

/// The limits of one twin.
#[derive(Debug)]
pub struct Limits {
    enforced: bool,
    settings: RwLock<Settings>,
    primary: primary::Primary,
    secondary: secondary::Secondary,
}

impl Limits {
    /// Limits that are enforced, or only counted.
    pub fn new(enforced: bool, settings: Settings) -> Self {
        let (primary, secondary) = (primary::Primary::default(), secondary::Secondary::default());
        Self { enforced, settings: RwLock::new(settings), primary, secondary }
    }

    /// The numbers.
    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the numbers; what was counted stays counted.
    pub fn set(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Changes the hourly limit of people and installations, to see a client run into it.
    pub fn set_core(&self, limit: u64) {
        self.settings.write().unwrap_or_else(PoisonError::into_inner).core = limit;
    }

    /// Are they enforced?
    pub fn enforced(&self) -> bool {
        self.enforced
    }

    /// The primary budget before this request, without charging it.
    pub fn look(&self, subject: &str, now: DateTime<Utc>) -> Budget {
        self.spend(subject, now, 0)
    }

    /// Charges a request, unless the limit is reached already: then nothing is charged and `exceeded` is set.
    pub fn charge(&self, subject: &str, now: DateTime<Utc>) -> Budget {
        self.spend(subject, now, 1)
    }

    /// Gives back what a request was charged that turned out to be free (an answer of 304).
    pub fn refund(&self, subject: &str) {
        self.primary.refund(subject);
    }

    fn spend(&self, subject: &str, now: DateTime<Utc>, cost: u64) -> Budget {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        self.primary.charge(subject, now, cost, self.enforced.then_some(&*settings))
    }

    /// Judges a request that has just arrived by the secondary limits. A subject whose primary limit is reached is
    /// refused by that one later, and by no other.
    pub fn arrive(&self, clock: &Clock, subject: &str, asked: Asked) -> (Arrival, Flying) {
        let budget = match asked.graphql {
            true => self.look(&graphql_subject(subject), clock.now()),
            false => self.look(subject, clock.now()),
        };
        let enforced = self.enforced && budget.remaining() > 0;
        self.secondary.arrive(clock, &self.settings(), enforced, subject, asked)
    }

    /// How a secondary limit is told; without a limit, as if a creation had reached one.
    pub fn telling(&self, graphql: bool, reached: Option<Reached>) -> Telling {
        Telling::new(&self.settings(), graphql, reached)
    }

    /// How many requests there are at this moment.
    pub fn flying(&self) -> u64 {
        self.secondary.flying()
    }
}
