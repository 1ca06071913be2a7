//! A window of time: days of the week, from one time of day to another, in a time zone.
//!
//! It goes by the wall clock: `09:00-17:00` is from nine to five on a day of 23 hours too. Deliberately absent:
//! whether one is open at some moment (`publish::rollout`).

use chrono::Weekday;
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, str::FromStr};

/// A window of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hours {
    /// On which days; never empty.
    pub days: Days,
    /// From this time of day on.
    pub from: TimeOfDay,
    /// Until before this time of day, which is later.
    pub to: TimeOfDay,
    /// The time zone, by its name in the IANA database.
    pub time_zone: Tz,
}

impl Hours {
    /// Whether the wall clock shows a time within it.
    pub fn holds(&self, day: Weekday, minute: u32) -> bool {
        self.days.holds(day) && self.from.minutes <= minute && minute < self.to.minutes
    }

    /// Whether both are open at the same time of the same day of one zone.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.time_zone == other.time_zone
            && DAYS.iter().any(|(day, _)| self.days.holds(*day) && other.days.holds(*day))
            && self.from < other.to
            && other.from < self.to
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}-{} {}", self.days, self.from, self.to, self.time_zone)
    }
}

/// A time of day on the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// Minutes since midnight; 1440 is the day's end.
    pub minutes: u32,
}

/// A text that is no time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time of day is written as `09:00`, from `00:00` to `24:00`")]
pub struct NotATimeOfDay;

impl FromStr for TimeOfDay {
    type Err = NotATimeOfDay;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (hours, minutes) = text.split_once(':').ok_or(NotATimeOfDay)?;
        let two = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u32>().ok()).flatten().ok_or(NotATimeOfDay)
        };
        match (two(hours)?, two(minutes)?) {
            (hours @ 0..24, minutes @ 0..60) => Ok(Self { minutes: hours * 60 + minutes }),
            (24, 0) => Ok(Self { minutes: 24 * 60 }),
            _ => Err(NotATimeOfDay),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The days of a week, with the two letters they are written by.
const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Mon, "Mo"),
    (Weekday::Tue, "Tu"),
    (Weekday::Wed, "We"),
    (Weekday::Thu, "Th"),
    (Weekday::Fri, "Fr"),
    (Weekday::Sat, "Sa"),
    (Weekday::Sun, "Su"),
];

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Days([bool; 7]);

/// A text that is no day and no range of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("days are Mo, Tu, We, Th, Fr, Sa, Su, or a range as `Mo-Fr`")]
pub struct NotADay;

impl Days {
    /// Whether the day is one of them.
    pub fn holds(&self, day: Weekday) -> bool {
        self.0.iter().zip(DAYS).any(|(there, (each, _))| *there && each == day)
    }

    /// Adds the days of `other`; whether any was there already.
    pub(super) fn add(&mut self, other: Self) -> bool {
        let twice = self.0.iter().zip(other.0).any(|(one, other)| *one && other);
        self.0.iter_mut().zip(other.0).for_each(|(one, other)| *one |= other);
        twice
    }

    fn written(&self) -> impl Iterator<Item = &'static str> {
        DAYS.into_iter().zip(self.0).filter(|(_, there)| *there).map(|((_, name), _)| name)
    }
}

/// A day by its two letters, its three or its whole English name.
fn day(text: &str) -> Result<usize, NotADay> {
    let word = text.trim().to_ascii_lowercase();
    let fits = |(day, two): &(Weekday, &str)| {
        let long = match day {
            Weekday::Mon => "monday",
            Weekday::Tue => "tuesday",
            Weekday::Wed => "wednesday",
            Weekday::Thu => "thursday",
            Weekday::Fri => "friday",
            Weekday::Sat => "saturday",
            Weekday::Sun => "sunday",
        };
        word == two.to_ascii_lowercase() || word == long || (word.len() == 3 && long.starts_with(&word))
    };
    DAYS.iter().position(fits).ok_or(NotADay)
}

impl FromStr for Days {
    type Err = NotADay;
    /// One day, or a range, which may go over the week's end.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (day(first)?, day(last)?);
        let length = (last + 7 - first) % 7;
        let mut days = Self::default();
        for (index, there) in days.0.iter_mut().enumerate() {
            *there = (index + 7 - first) % 7 <= length;
        }
        Ok(days)
    }
}

impl fmt::Display for Days {
    /// Ranges of three and more are written as such.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.written().collect();
        let at: Vec<usize> = (0..7).filter(|index| self.0.get(*index) == Some(&true)).collect();
        let joined = at.windows(2).all(|pair| pair.first().map(|first| first + 1) == pair.last().copied());
        match (names.first(), names.last()) {
            (Some(first), Some(last)) if joined && names.len() > 2 => write!(f, "{first}-{last}"),
            _ => f.write_str(&names.join(", ")),
        }
    }
}

impl Serialize for Days {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.written())
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut days = Self::default();
        for name in Vec::<String>::deserialize(deserializer)? {
            days.add(name.parse().map_err(D::Error::custom)?);
        }
        Ok(days)
    }
}
