//! Whether a window of time is open at some moment, and when that changes next.
//!
//! A window goes by the wall clock of its zone. A moment has exactly one wall clock time, so that being open needs
//! no rule for days of 23 or 25 hours: a time that is skipped is not waited for, and one that comes twice is open
//! twice. Deliberately absent: the clock.

use crate::spec::Hours;
use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc, Weekday,
};
use chrono_tz::Tz;
use std::collections::{BTreeSet, HashSet};

/// How far ahead a change is looked for, in days: two weeks, since the one hour of a week may be the one that is skipped,
/// and a day for each end.
const AHEAD: usize = 16;

/// Whether one of the windows is open; without any, it always is.
pub fn is_open(windows: &[Hours], at: DateTime<Utc>) -> bool {
    windows.is_empty() || windows.iter().any(|hours| holds(hours, at))
}

fn holds(hours: &Hours, at: DateTime<Utc>) -> bool {
    let wall = at.with_timezone(&hours.time_zone);
    hours.holds(wall.weekday(), wall.hour() * 60 + wall.minute())
}

/// The first moment after `now` at which they open or close; none where they never do.
pub fn next_change(windows: &[Hours], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let open = is_open(windows, now);
    let zones: HashSet<Tz> = windows.iter().map(|hours| hours.time_zone).collect();
    let turns = zones.into_iter().flat_map(|zone| turns(zone, now));
    let edges = windows.iter().flat_map(|hours| edges(hours, now));
    let moments: BTreeSet<DateTime<Utc>> = turns.chain(edges).filter(|at| *at > now).collect();
    moments.into_iter().find(|at| is_open(windows, *at) != open)
}

/// Why nothing is sent now: which windows there are, and when one opens, by the clock on its own wall.
pub fn closed(windows: &[Hours], now: DateTime<Utc>) -> String {
    let names: Vec<String> = windows.iter().map(Hours::to_string).collect();
    let which = if names.len() == 1 { "window" } else { "windows" };
    let opens = next_change(windows, now).and_then(|at| {
        let wall = at.with_timezone(&windows.iter().find(|hours| holds(hours, at))?.time_zone);
        Some(format!(": opens on {} {}", weekday(wall.weekday()), wall.format("%H:%M")))
    });
    format!("outside the {which} {}{}", names.join("; "), opens.unwrap_or_default())
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

/// The moments at which the wall clock shows one of a window's ends, on the days ahead. A time that is skipped has
/// none, and one that comes twice has two.
fn edges(hours: &Hours, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let zone = hours.time_zone;
    let ends = [hours.from.minutes, hours.to.minutes];
    let days = days(zone, now);
    let each = days.flat_map(|day| {
        ends.map(|minutes| day.and_time(NaiveTime::MIN) + TimeDelta::minutes(minutes.into()))
    });
    each.flat_map(|wall| {
        let found = zone.from_local_datetime(&wall);
        [found.earliest(), found.latest()]
    })
    .flatten()
    .map(|at| at.to_utc())
    .collect()
}

/// The moments at which a zone's wall clock is put forward or back, in the days ahead.
fn turns(zone: Tz, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let mut found = vec![];
    let mut from = now;
    for _ in 0..AHEAD {
        let to = from + TimeDelta::days(1);
        if offset(from) != offset(to) {
            // No zone turns its clock twice within a day.
            let (mut before, mut after) = (from, to);
            while after - before > TimeDelta::seconds(1) {
                let middle = before + (after - before) / 2;
                if offset(middle) == offset(from) {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            // Clocks are turned on whole seconds; the search may have ended within one.
            found.extend(after.with_nanosecond(0));
        }
        from = to;
    }
    found
}

fn days(zone: Tz, now: DateTime<Utc>) -> impl Iterator<Item = NaiveDate> {
    let today = now.with_timezone(&zone).date_naive();
    let first = today.checked_sub_days(Days::new(1)).unwrap_or(today);
    first.iter_days().take(AHEAD + 1)
}
