//! Measures that a spec is written in: an amount (`7`, or `90%`) and a span of time (`4h`).
//!
//! Deliberately absent: what they measure.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, str::FromStr};

/// A number, or a share of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// This many.
    Count(u32),
    /// This many of a hundred; at most 100.
    Share(u32),
}

impl Amount {
    /// The least number that is at least this amount of `whole`.
    ///
    /// ```
    /// use campaigns_domain::spec::Amount;
    /// assert_eq!(Amount::Share(90).at_least(11), 10);
    /// assert_eq!(Amount::Share(20).at_most(11), 2);
    /// ```
    pub fn at_least(self, whole: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Share(percent) => part(whole, percent, true),
        }
    }

    /// The largest number that is not more than this amount of `whole`.
    pub fn at_most(self, whole: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Share(percent) => part(whole, percent, false),
        }
    }
}

/// `percent` of `whole`, rounded up or down.
fn part(whole: u32, percent: u32, up: bool) -> u32 {
    let product = u64::from(whole) * u64::from(percent);
    let part = if up { product.div_ceil(100) } else { product / 100 };
    u32::try_from(part).unwrap_or(u32::MAX)
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Share(percent) => write!(f, "{percent} %"),
        }
    }
}

/// A text that is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is a number, as `7`, or a share, as `90%`")]
pub struct NotAnAmount;

impl FromStr for Amount {
    type Err = NotAnAmount;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| whole_number(text).ok_or(NotAnAmount);
        match text.strip_suffix('%') {
            Some(share) => match number(share.trim_end())? {
                percent @ 0..=100 => Ok(Self::Share(percent)),
                _ => Err(NotAnAmount),
            },
            None => number(text).map(Self::Count),
        }
    }
}

/// Digits alone, at most a billion.
pub(super) fn whole_number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| *number <= 1_000_000_000)
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u32),
    Text(String),
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => Written::Number(*count),
            Self::Share(percent) => Written::Text(format!("{percent}%")),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Number(count) => Ok(Self::Count(count)),
            Written::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

/// A length of time in whole minutes, at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The minutes; at least 1.
    pub minutes: u32,
}

/// The units, with their minutes, largest first.
const UNITS: [(char, u32); 4] = [('w', 7 * 24 * 60), ('d', 24 * 60), ('h', 60), ('m', 1)];

/// The longest span: a year.
const LONGEST: u32 = 366 * 24 * 60;

/// A text that is no span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a span is a number with `m`, `h`, `d` or `w` behind it, as `4h`, at most a year")]
pub struct NotASpan;

impl FromStr for Span {
    type Err = NotASpan;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let split = |(unit, minutes): (char, u32)| Some((text.strip_suffix(unit)?, minutes));
        let (digits, unit) = UNITS.into_iter().find_map(split).ok_or(NotASpan)?;
        let number = whole_number(digits.trim_end()).and_then(|number| number.checked_mul(unit));
        match number {
            Some(minutes @ 1..=LONGEST) => Ok(Self { minutes }),
            _ => Err(NotASpan),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.into_iter().find(|(_, minutes)| self.minutes.is_multiple_of(*minutes));
        let (unit, minutes) = exact.unwrap_or(('m', 1));
        write!(f, "{}{unit}", self.minutes / minutes)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
