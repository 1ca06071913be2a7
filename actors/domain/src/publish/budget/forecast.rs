//! The forecast: when each waiting changeset will be open, if nothing comes between.
//!
//! It plays through what the limiter does: turns campaign by campaign, so many changesets at once, their writes one
//! after the other in the order they came, each as early as every window and the distance allow. Whoever opens a pull
//! request begins only once there is room for it, so that no branch waits for its pull request. Linear in the writes.
//! Deliberately absent: how long GitHub takes to answer, retries, and what people do meanwhile.

use super::{
    Budget, Cap, CapScope, Charge, HeldBy, OwnRules, Planned, Spent, WriteKind,
    books::{Books, Opening},
};
use crate::{
    id::{CampaignId, ChangesetId},
    publish::{queue::Queue, standing::AdaptivePace},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet, VecDeque};

/// What the forecast starts from.
#[derive(Debug, Clone)]
pub struct Present<'a> {
    /// The store's time.
    pub now: DateTime<Utc>,
    /// Nothing is sent before this.
    pub not_before: Option<DateTime<Utc>>,
    /// The limits in force.
    pub budget: &'a Budget,
    /// What campaigns have set for themselves.
    pub own: &'a OwnRules,
    /// How far apart writes are kept beyond the settings.
    pub pace: AdaptivePace,
    /// The organisation, in lower case.
    pub organization: &'a str,
    /// What counts in the windows.
    pub history: &'a [Spent<'a>],
    /// How many changesets are sent at the same time.
    pub at_once: usize,
    /// Those that are being sent, in the order they were begun.
    pub sending: &'a [Planned],
    /// Those that wait, in the order they were scheduled.
    pub waiting: &'a [Planned],
}

/// When a changeset will be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreseen {
    /// Which.
    pub changeset: ChangesetId,
    /// When its first outstanding write goes.
    pub begins: DateTime<Utc>,
    /// When its last write has gone: its pull request is open.
    pub open: DateTime<Utc>,
    /// What held it longest; none where nothing did.
    pub held_by: Option<Waits>,
}

/// What a waiting changeset waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "waits_for")]
pub enum Waits {
    /// The organisation is paused or has asked for quiet.
    Quiet,
    /// Others go first.
    Turn,
    /// It is outside the hours of its campaign.
    Hours,
    /// A window or the distance between writes.
    Limit(HeldBy),
}

/// How much of a window is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Over what it counts.
    pub scope: CapScope,
    /// The window.
    pub cap: Cap,
    /// How much counts now.
    pub used: u64,
}

/// How full the windows are that hold for a campaign in an organisation.
pub fn used(present: &Present<'_>, campaign: CampaignId) -> Vec<Use> {
    let books = Books::new(present.budget, present.own, present.organization, present.history);
    let one = |(scope, cap): (CapScope, Cap)| {
        let used = books.of(scope, campaign).and_then(|books| {
            books.iter().find(|(known, _)| *known == cap).map(|(_, book)| book.used(present.now))
        });
        Use { scope, cap, used: used.unwrap_or_default() }
    };
    let own = present.own.caps(campaign).iter().map(|cap| (CapScope::Campaign, *cap));
    present.budget.every_cap().chain(own).map(one).collect()
}

/// When the next write of this kind may go, and what holds it until then.
pub fn next(
    present: &Present<'_>,
    campaign: CampaignId,
    kind: WriteKind,
) -> Option<(DateTime<Utc>, Option<HeldBy>)> {
    let mut books = Books::new(present.budget, present.own, present.organization, present.history);
    books.spacing += present.pace.extra;
    books.earliest(
        campaign,
        present.budget.charge(kind),
        present.now.max(present.not_before.unwrap_or(present.now)),
    )
}

/// When each changeset will be sent, in the order in which they end. What would wait for ever (a cap of nothing) is
/// left out.
pub fn forecast(present: &Present<'_>) -> Vec<Foreseen> {
    let mut play = Play::new(present);
    while play.step() {}
    play.done
}

/// One that is being sent.
struct Sending<'a> {
    planned: &'a Planned,
    written: usize,
    begins: Option<DateTime<Utc>>,
    held: Option<(TimeDelta, Waits)>,
}

impl Sending<'_> {
    fn note(&mut self, waited: TimeDelta, by: Waits) {
        if waited > self.held.map_or(TimeDelta::zero(), |(longest, _)| longest) {
            self.held = Some((waited, by));
        }
    }
}

/// The same moment, or the next one at which the campaign may go on.
fn shut(
    own: &OwnRules,
    campaign: CampaignId,
    then: DateTime<Utc>,
    by: Option<Waits>,
) -> Option<(DateTime<Utc>, Option<Waits>)> {
    let opens = own.opens(campaign, then)?;
    Some(if opens > then { (opens, Some(Waits::Hours)) } else { (then, by) })
}

/// The future as it is played through.
struct Play<'a> {
    books: Books<'a>,
    own: &'a OwnRules,
    urgent: HashSet<CampaignId>,
    charges: HashMap<WriteKind, Charge>,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
    quiet: bool,
    at_once: usize,
    pace: AdaptivePace,
    opening: Opening,
    sending: VecDeque<Sending<'a>>,
    queue: Queue,
    waiting: HashMap<ChangesetId, &'a Planned>,
    /// The limit that a campaign's oldest was last found to wait for.
    missing: HashMap<CampaignId, Waits>,
    done: Vec<Foreseen>,
}

impl<'a> Play<'a> {
    fn new(present: &Present<'a>) -> Self {
        let now = present.not_before.map_or(present.now, |not_before| not_before.max(present.now));
        let mut play = Self {
            books: Books::new(present.budget, present.own, present.organization, present.history),
            own: present.own,
            urgent: present.own.urgent(),
            charges: WriteKind::ALL.into_iter().map(|kind| (kind, present.budget.charge(kind))).collect(),
            start: present.now,
            now,
            quiet: now > present.now,
            at_once: present.at_once.max(1),
            pace: present.pace,
            opening: Opening::default(),
            sending: VecDeque::new(),
            queue: Queue::default(),
            waiting: present.waiting.iter().map(|planned| (planned.changeset, planned)).collect(),
            missing: HashMap::new(),
            done: vec![],
        };
        play.books.spacing += play.pace.extra;
        for planned in present.sending {
            play.begin(planned, None);
        }
        for planned in present.waiting {
            play.queue.push(planned.campaign, planned.changeset);
        }
        play
    }

    fn begin(&mut self, planned: &'a Planned, held: Option<(TimeDelta, Waits)>) {
        if planned.opens() {
            self.opening.add(planned.campaign);
        }
        let held = held.or_else(|| self.quiet.then(|| (self.now - self.start, Waits::Quiet)));
        self.sending.push_back(Sending { planned, written: 0, begins: None, held });
    }

    /// One write, or the wait until somebody may begin; whether there was anything to do.
    fn step(&mut self) -> bool {
        let held = self.fill();
        self.end_empty();
        let mut first: Option<(usize, DateTime<Utc>, Option<Waits>)> = None;
        for at in 0..self.sending.len() {
            let planned = self.sending[at].planned;
            let charge = self.charges[&planned.writes[self.sending[at].written]];
            let Some((then, by)) = self.books.earliest(planned.campaign, charge, self.now) else { continue };
            let by = by.map(Waits::Limit);
            let Some((then, by)) = shut(self.own, planned.campaign, then, by) else { continue };
            if first.as_ref().is_none_or(|(_, earliest, _)| then < *earliest) {
                first = Some((at, then, by));
            }
        }
        match (first, held) {
            // Somebody may begin before the next write goes.
            (Some((_, then, _)), Some(room)) if room < then => self.now = room,
            (Some((at, then, by)), _) => self.write(at, then, by),
            (None, Some(room)) => self.now = room,
            (None, None) => return false,
        }
        true
    }

    /// Gives turns while there are places; when the next turn may be given where room is missing.
    fn fill(&mut self) -> Option<DateTime<Utc>> {
        let mut soonest: Option<DateTime<Utc>> = None;
        while self.sending.len() < self.at_once {
            let (books, missing, now) = (&mut self.books, &mut self.missing, self.now);
            let (waiting, opening, own) = (&self.waiting, &self.opening, self.own);
            soonest = None;
            let next = self.queue.pop_where(&self.urgent, |campaign, changeset| {
                let opens = waiting.get(&changeset).is_some_and(|planned| planned.opens());
                let room = books.room(campaign, opens, opening, now);
                let room = room.and_then(|(then, by)| shut(own, campaign, then, by.map(Waits::Limit)));
                match room {
                    Some((then, _)) if then <= now => true,
                    Some((then, by)) => {
                        soonest = Some(soonest.map_or(then, |soonest| soonest.min(then)));
                        missing.extend(by.map(|by| (campaign, by)));
                        false
                    }
                    None => false,
                }
            });
            let Some(planned) = next.and_then(|next| self.waiting.get(&next).copied()) else { break };
            let by = self.missing.remove(&planned.campaign).unwrap_or(if self.quiet {
                Waits::Quiet
            } else {
                Waits::Turn
            });
            let held = (self.now > self.start).then(|| (self.now - self.start, by));
            self.begin(planned, held);
        }
        soonest
    }

    /// Those without a write left are done.
    fn end_empty(&mut self) {
        let now = self.now;
        let (ended, left): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.sending).into_iter().partition(|it| it.planned.writes.is_empty());
        self.sending = left;
        let done = |it: Sending<'_>| Foreseen {
            changeset: it.planned.changeset,
            begins: now,
            open: now,
            held_by: None,
        };
        self.done.extend(ended.into_iter().map(done));
    }

    fn write(&mut self, at: usize, then: DateTime<Utc>, by: Option<Waits>) {
        let Some(mut one) = self.sending.remove(at) else { return };
        if let Some(by) = by {
            one.note(then - self.now, by);
        }
        let kind = one.planned.writes[one.written];
        self.now = then;
        self.books.add(then, one.planned.campaign, true, self.charges[&kind]);
        let before = self.pace.extra;
        self.pace = self.pace.succeeded(self.books.spacing - before);
        self.books.spacing -= before - self.pace.extra;
        if kind == WriteKind::PullRequest {
            self.opening.done(one.planned.campaign);
        }
        one.begins.get_or_insert(then);
        one.written += 1;
        if one.written < one.planned.writes.len() {
            self.sending.push_back(one);
            return;
        }
        self.done.push(Foreseen {
            changeset: one.planned.changeset,
            begins: one.begins.unwrap_or(then),
            open: then,
            held_by: one.held.map(|(_, by)| by),
        });
    }
}
