//! The secondary limits: points a minute, requests at the same time, content creation a minute and an hour, and the
//! undocumented one of so many creations in a row. A request is judged when it arrives, by the twin's clock, and
//! counts from then on unless a limit refuses it. Deliberately absent: how a refusal is told (`told`).

use super::settings::{Creating, Settings};
use super::window::Window;
use crate::clock::Clock;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

/// What arrives, as far as limits care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Is it GraphQL?
    pub graphql: bool,
    /// Does it write (any method but GET, HEAD and OPTIONS; a mutation)?
    pub writes: bool,
    /// Does it open a pull request?
    pub opens_pull: bool,
}

impl Asked {
    fn points(self) -> u64 {
        if self.writes { 5 } else { 1 }
    }
}

/// A limit that is reached, by the word that the log has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Too many at the same time.
    Concurrent,
    /// Too many points in a minute.
    Points,
    /// Too many creations in a minute.
    CreationsPerMinute,
    /// Too many creations in an hour.
    CreationsPerHour,
    /// Too many creations in a row.
    Row,
}

impl Reached {
    /// The word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Concurrent => "concurrent",
            Self::Points => "points",
            Self::CreationsPerMinute => "creations_per_minute",
            Self::CreationsPerHour => "creations_per_hour",
            Self::Row => "row",
        }
    }

    /// Is it one of content creation?
    pub fn is_creation(self) -> bool {
        matches!(self, Self::CreationsPerMinute | Self::CreationsPerHour | Self::Row)
    }
}

/// What the twin knows of a request from its arrival on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it arrived, by the twin's clock.
    pub at: DateTime<Utc>,
    /// What it costs of the points of a minute; 0 where no points are counted.
    pub points: u64,
    /// Does it write?
    pub writes: bool,
    /// Does it count as creating content?
    pub creates: bool,
    /// How many requests of the same subject there were at that moment, with this one.
    pub concurrent: u64,
    /// The limit that refuses it.
    pub refused: Option<Reached>,
}

impl Arrival {
    /// An arrival that no limit is about: git, archives, pages.
    pub fn apart(at: DateTime<Utc>) -> Self {
        Self { at, points: 0, writes: false, creates: false, concurrent: 1, refused: None }
    }
}

#[derive(Debug, Default)]
struct Subject {
    rest: Window,
    graphql: Window,
    creations: Window,
    flying: u64,
    row: u64,
    last_creation: Option<i64>,
}

impl Subject {
    fn judge(&mut self, settings: &Settings, asked: Asked, creates: bool, now: i64) -> Option<Reached> {
        let (points, most) = if asked.graphql {
            (&mut self.graphql, settings.graphql_points)
        } else {
            (&mut self.rest, settings.rest_points)
        };
        points.forget(now, MINUTE);
        let minute = i64::from(settings.creation_minute) * SECOND;
        let hour = i64::from(settings.creation_hour) * SECOND;
        self.creations.forget(now, hour.max(minute));
        let pause = i64::try_from(settings.row_pause).unwrap_or(i64::MAX / SECOND).saturating_mul(SECOND);
        if self.last_creation.is_some_and(|last| now - last >= pause) {
            self.row = 0;
        }
        if self.flying > settings.concurrent {
            return Some(Reached::Concurrent);
        }
        if points.sum(now, MINUTE) + asked.points() > most {
            return Some(Reached::Points);
        }
        if creates {
            if self.creations.sum(now, hour) >= settings.creations_per_hour {
                return Some(Reached::CreationsPerHour);
            }
            if self.creations.sum(now, minute) >= settings.creations_per_minute {
                return Some(Reached::CreationsPerMinute);
            }
            if settings.row > 0 && self.row >= settings.row {
                return Some(Reached::Row);
            }
            self.creations.count(now, 1);
            self.row += 1;
            self.last_creation = Some(now);
        }
        points.count(now, asked.points());
        None
    }
}

/// Every subject's windows.
#[derive(Debug, Default)]
pub struct Secondary {
    subjects: Arc<Mutex<HashMap<String, Subject>>>,
}

/// Holds a request's place among those at the same time until it is dropped.
#[derive(Debug)]
pub struct Flying {
    subjects: Arc<Mutex<HashMap<String, Subject>>>,
    subject: String,
}

impl Drop for Flying {
    fn drop(&mut self) {
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(subject) = subjects.get_mut(&self.subject) {
            subject.flying = subject.flying.saturating_sub(1);
        }
    }
}

impl Secondary {
    /// Judges a request that has just arrived. Without `enforced` it is only counted.
    pub fn arrive(
        &self,
        clock: &Clock,
        settings: &Settings,
        enforced: bool,
        whose: &str,
        asked: Asked,
    ) -> (Arrival, Flying) {
        let creates = asked.writes
            && match settings.creating {
                Creating::Writes => true,
                Creating::Pulls => asked.opens_pull,
            };
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        let subject = subjects.entry(whose.to_owned()).or_default();
        subject.flying += 1;
        // Read under the lock: whoever is judged later has arrived later.
        let at = clock.now();
        let refused = match enforced {
            true => subject.judge(settings, asked, creates, at.timestamp_micros()),
            false => None,
        };
        let concurrent = subject.flying;
        let arrival =
            Arrival { at, points: asked.points(), writes: asked.writes, creates, concurrent, refused };
        drop(subjects);
        (arrival, Flying { subjects: Arc::clone(&self.subjects), subject: whose.to_owned() })
    }

    /// How many requests there are at this moment.
    pub fn flying(&self) -> u64 {
        self.subjects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(|subject| subject.flying)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const READ: Asked = Asked { graphql: false, writes: false, opens_pull: false };
    const WRITE: Asked = Asked { graphql: false, writes: true, opens_pull: false };
    const OPEN: Asked = Asked { graphql: false, writes: true, opens_pull: true };
    const MUTATION: Asked = Asked { graphql: true, writes: true, opens_pull: false };

    struct Bench {
        clock: Clock,
        secondary: Secondary,
        settings: Settings,
    }

    impl Bench {
        fn new(settings: Settings) -> Self {
            Self { clock: Clock::held(DateTime::UNIX_EPOCH), secondary: Secondary::default(), settings }
        }

        fn ask(&self, asked: Asked) -> Option<Reached> {
            self.secondary.arrive(&self.clock, &self.settings, true, "user:1", asked).0.refused
        }

        fn wait(&self, millis: u64) {
            self.clock.advance(Duration::from_millis(millis));
        }
    }

    #[test]
    fn a_minute_of_content_may_be_shorter_than_one_of_points() {
        let bench = Bench::new(Settings { creation_minute: 20, creation_hour: 300, ..Settings::default() });
        for _ in 0..80 {
            assert_eq!(bench.ask(WRITE), None);
        }
        assert_eq!(bench.ask(WRITE), Some(Reached::CreationsPerMinute));
        bench.wait(20_000);
        assert_eq!(bench.ask(WRITE), None);
    }

    #[test]
    fn a_window_slides_to_the_microsecond_and_refusals_do_not_count() {
        let bench = Bench::new(Settings::default());
        for _ in 0..80 {
            assert_eq!(bench.ask(WRITE), None);
        }
        assert_eq!(bench.ask(WRITE), Some(Reached::CreationsPerMinute));
        assert_eq!(bench.ask(READ), None);
        bench.wait(59_999);
        assert_eq!(bench.ask(WRITE), Some(Reached::CreationsPerMinute));
        bench.wait(1);
        for _ in 0..80 {
            assert_eq!(bench.ask(MUTATION), None, "REST and GraphQL create under one limit");
        }
        assert_eq!(bench.ask(WRITE), Some(Reached::CreationsPerMinute));
    }

    #[test]
    fn an_hour_has_a_limit_of_its_own() {
        let bench =
            Bench::new(Settings { creations_per_minute: 1_000, rest_points: 10_000, ..Settings::default() });
        for _ in 0..500 {
            assert_eq!(bench.ask(WRITE), None);
        }
        bench.wait(3_599_999);
        assert_eq!(bench.ask(WRITE), Some(Reached::CreationsPerHour));
        bench.wait(1);
        assert_eq!(bench.ask(WRITE), None);
    }

    #[test]
    fn reads_cost_one_point_and_writes_five() {
        let bench = Bench::new(Settings { creating: Creating::Pulls, ..Settings::default() });
        for _ in 0..179 {
            assert_eq!(bench.ask(WRITE), None);
        }
        for _ in 0..5 {
            assert_eq!(bench.ask(READ), None);
        }
        assert_eq!(bench.ask(READ), Some(Reached::Points));
        assert_eq!(bench.ask(MUTATION), None, "GraphQL has points of its own");
        bench.wait(60_000);
        for _ in 0..80 {
            assert_eq!(bench.ask(OPEN), None);
        }
        assert_eq!(bench.ask(OPEN), Some(Reached::CreationsPerMinute));
        assert_eq!(bench.ask(WRITE), None, "only the opening of pull requests counts here");
    }

    #[test]
    fn a_row_ends_with_a_pause() {
        let bench = Bench::new(Settings { row: 3, row_pause: 10, ..Settings::default() });
        for _ in 0..3 {
            assert_eq!(bench.ask(WRITE), None);
            bench.wait(9_000);
        }
        assert_eq!(bench.ask(WRITE), Some(Reached::Row));
        bench.wait(1_000);
        assert_eq!(bench.ask(WRITE), None);
    }

    #[test]
    fn those_at_the_same_time_are_counted_until_they_are_answered() {
        let bench = Bench::new(Settings { concurrent: 2, ..Settings::default() });
        let arrive = |whose| bench.secondary.arrive(&bench.clock, &bench.settings, true, whose, READ);
        let (first, held) = arrive("user:1");
        let (second, _held_too) = arrive("user:1");
        assert_eq!((first.concurrent, second.concurrent), (1, 2));
        assert_eq!(arrive("user:1").0.refused, Some(Reached::Concurrent));
        assert_eq!(arrive("user:2").0.refused, None);
        assert_eq!(bench.secondary.flying(), 2);
        drop(held);
        assert_eq!(arrive("user:1").0.refused, None);
    }

    #[test]
    fn what_is_not_enforced_is_counted_all_the_same() {
        let bench = Bench::new(Settings { creations_per_minute: 0, ..Settings::default() });
        let (arrival, _) = bench.secondary.arrive(&bench.clock, &bench.settings, false, "user:1", WRITE);
        assert_eq!((arrival.refused, arrival.creates, arrival.points), (None, true, 5));
    }
}
