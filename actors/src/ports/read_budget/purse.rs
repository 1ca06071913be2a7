//! The purse: what one process holds of an organisation's pool, when it asks for more, and what it allows itself while
//! the pool is silent.
//!
//! While the pool is silent a process keeps to its share of the cap, and for the length of a window to its share of
//! the room that it last heard of, since the others may have spent the rest. Deliberately absent: asking (`keeper`).

use super::spent::Spent;
use crate::ports::pool::{Account, Lent, USABLE, grain};
use campaigns_domain::publish::budget::Window;
use std::time::Duration;
use tokio::time::Instant;

/// How often a silent pool is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long a process only tells how it stands after the pool was silent: so long the others may take to say what
/// they have spent meanwhile.
const TELL_FIRST: Duration = Duration::from_secs(1);
/// How often a process says that it is there while anything that it spent still counts: a pool that has forgotten
/// hears it again.
const TELL_AT_LEAST: Duration = Duration::from_secs(1);
/// For how long the room that was heard of last is believed.
const BELIEVED: Duration = Duration::from_secs(2);

/// What a process holds of one counter's pool.
#[derive(Debug)]
pub(super) struct Purse {
    /// Lent and not used yet.
    free: u32,
    usable_until: Instant,
    /// Points that somebody waits for.
    pub(super) wanted: u32,
    /// Points used since the last exchange.
    used: u32,
    /// Nothing is asked for before this.
    ask_from: Instant,
    /// The last exchange that was begun, and what it said of us: held and answered.
    said: Option<(Instant, u32, u64)>,
    number: u64,
    /// When the pool was last heard, and what was left.
    heard: Option<(Instant, u32)>,
    /// It did not answer the last time.
    silent: bool,
    /// Points spent since then without having been lent.
    beyond: u32,
}

/// What is to be done next about the pool.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// An exchange in which we want so many points.
    Ask(u32),
    /// Nothing before this, unless somebody wants points.
    Wait(Instant),
    /// Nothing until somebody wants points.
    Rest,
}

impl Purse {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            free: 0,
            usable_until: now,
            wanted: 0,
            used: 0,
            ask_from: now,
            said: None,
            number: 0,
            heard: None,
            silent: false,
            beyond: 0,
        }
    }

    /// Takes points out of the purse where they are there.
    pub(super) fn take(&mut self, points: u32, now: Instant) -> bool {
        if self.free < points || now >= self.usable_until {
            return false;
        }
        self.free -= points;
        self.used += points;
        true
    }

    /// Takes points without the pool, where it is silent and the rest is ours to spend in any case.
    pub(super) fn take_alone(&mut self, points: u32, windows: &[Window], sharers: u32, now: Instant) -> bool {
        let Some((at, room)) = self.heard.filter(|_| self.silent) else { return false };
        if now < at + longest(windows) && self.beyond + points > room / sharers.max(1) {
            return false;
        }
        self.beyond += points;
        self.used += points;
        true
    }

    /// What is to be done now.
    pub(super) fn next(&mut self, spent: &Spent, windows: &[Window], clock: Instant, now: Instant) -> Next {
        if now >= self.usable_until {
            self.free = 0;
        }
        let grain = grain(windows);
        let last = self.said.map(|(at, ..)| at);
        let may = |wait: Duration| last.map_or(now, |at| at + wait);
        if self.silent && may(ASK_AGAIN) > now {
            return Next::Wait(may(ASK_AGAIN));
        }
        let short = self.wanted.saturating_sub(self.free);
        if short > 0 && self.ask_from <= now && !self.silent {
            let cap = windows.iter().map(|window| window.cap).min().unwrap_or_default();
            // Whoever reads much is lent a little ahead.
            return Next::Ask(short + self.used.min(cap / 50));
        }
        let held = self.held(spent);
        if self.wanted == 0 && held == 0 && spent.recent(longest(windows), clock) == 0 {
            return Next::Rest;
        }
        let as_said = self.said.is_some_and(|(_, before, total)| (before, total) == (held, spent.total));
        let unneeded = self.free > 0 && self.used == 0;
        let news = !as_said || self.silent || unneeded;
        let tell = may(if news { grain } else { TELL_AT_LEAST });
        let tell = if short > 0 && !self.silent { tell.min(self.ask_from) } else { tell };
        if tell > now {
            return Next::Wait(tell);
        }
        if unneeded {
            self.free = 0;
        }
        Next::Ask(0)
    }

    /// What is said in an exchange that begins now. Nothing is returned by it that can still be used.
    pub(super) fn say(
        &mut self,
        spent: &Spent,
        (owner, resource): (&str, crate::ports::Resource),
        windows: &[Window],
        want: u32,
        (clock, now): (Instant, Instant),
    ) -> Account {
        self.number += 1;
        self.used = 0;
        let held = self.held(spent);
        self.said = Some((now, held, spent.total));
        Account {
            owner: owner.to_owned(),
            resource,
            windows: windows.to_vec(),
            number: self.number,
            held,
            answered: spent.total,
            recent: spent.recent(longest(windows), clock),
            want,
        }
    }

    /// The pool's answer to an exchange that was begun at `asked` and wanted so many points. True where its silence has
    /// ended.
    pub(super) fn hear(
        &mut self,
        lent: Lent,
        want: u32,
        windows: &[Window],
        (asked, now): (Instant, Instant),
    ) -> bool {
        self.free += lent.points;
        self.usable_until = asked + USABLE;
        self.heard = Some((asked, lent.room));
        self.beyond = 0;
        if let Some((_, held, _)) = &mut self.said {
            *held += lent.points;
        }
        let was_silent = std::mem::take(&mut self.silent);
        if was_silent {
            self.ask_from = now + TELL_FIRST;
        } else if want > 0 && lent.points == 0 {
            // There was none, which an exchange that wants none does not show. Somebody may give back before a window
            // does.
            let grain = grain(windows);
            self.ask_from = now + lent.again.clamp(grain, grain * 2);
        }
        was_silent
    }

    /// No answer came to an exchange that was begun at `asked`. True where it is the first.
    pub(super) fn miss(&mut self, asked: Instant) -> bool {
        let first = !std::mem::replace(&mut self.silent, true);
        if first && self.heard.is_none_or(|(at, _)| at + BELIEVED < asked) {
            self.heard = Some((asked, 0));
        }
        // What was said may not have been heard.
        if let Some((_, _, total)) = &mut self.said {
            *total = u64::MAX;
        }
        first
    }

    fn held(&self, spent: &Spent) -> u32 {
        self.free + spent.under_way
    }
}

/// The longest of the windows.
pub(super) fn longest(windows: &[Window]) -> Duration {
    Duration::from_secs(windows.iter().map(|window| window.seconds).max().unwrap_or_default().into())
}
