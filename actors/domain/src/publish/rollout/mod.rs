//! The rollout, as far as it is a decision: which changesets may be sent now, which wait and why, which wave opens,
//! and whether the run is to be halted.
//!
//! Everything it goes by is handed in: the spec's `rollout`, where it stands, what happened to each wave, and the
//! time. Deliberately absent: counting, recording, telling organisations, and how fast (`budget`).

mod counts;
mod gate;
mod halt;
mod outlook;
mod windows;

pub use counts::{Checks, Kind, NO_CHECKS_AFTER, WaveCounts};
pub use outlook::{Outlook, depends_on, outlook};
pub use windows::{closed, is_open, next_change};

use super::budget::{Cap, Counted};
use crate::{
    execution::rollout::{Halt, HaltCause, Progress, RolloutEvent},
    spec::{Caps, Rollout},
};
use chrono::{DateTime, Utc};
use gate::Verdict;

/// The windows that a campaign's caps are, beside those of organisations and of everything together.
pub fn windows_of(caps: &Caps) -> Vec<Cap> {
    let each = [
        (Counted::Content, 60, caps.per_minute),
        (Counted::Content, 3_600, caps.per_hour),
        (Counted::PullRequests, 86_400, caps.per_day),
    ];
    each.into_iter().filter_map(|(counted, seconds, cap)| Some(Cap::new(counted, seconds, cap?))).collect()
}

/// What a decision goes by.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The campaign's name, to say how it is resumed.
    pub campaign: &'a str,
    /// What the spec says.
    pub rollout: &'a Rollout,
    /// Where it stands.
    pub progress: &'a Progress,
    /// What happened to each wave, from the first; one that is missing has nothing in it.
    pub waves: &'a [WaveCounts],
    /// The most changesets that may be let through and not be sent yet, so that what is decided later still counts.
    pub ahead: u32,
    /// The time.
    pub now: DateTime<Utc>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What happens to the rollout, in order.
    pub events: Vec<RolloutEvent>,
    /// Where it stands after them.
    pub progress: Progress,
    /// The last wave of which anything may be let through; none where nothing may.
    pub release: Option<Release>,
    /// For each wave, from the first, why what waits in it waits; none where nothing does.
    pub waits: Vec<Option<Wait>>,
    /// The first moment at which time alone changes the answer.
    pub again: Option<DateTime<Utc>>,
}

/// What may be let through now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The last wave that it may be of, counted from 0.
    pub up_to: u32,
    /// How many changesets whose pull requests are to be opened, earlier waves first.
    pub new: u32,
    /// How many changesets whose pull requests are open already.
    pub updates: u32,
}

/// Why something waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// For people.
    pub reason: String,
    /// Who or what ends it.
    pub on: On,
}

/// Who or what ends a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// What we do ourselves: executing and sending.
    Work,
    /// What people and checks do to pull requests.
    Reviews,
    /// Time.
    Time,
    /// A person, who has to resume the run.
    Resume,
}

impl Wait {
    fn new(reason: String, on: On) -> Self {
        Self { reason, on }
    }
}

/// Decides.
pub fn decide(situation: &Situation<'_>) -> Step {
    let mut decided =
        Deciding { situation, progress: situation.progress.clone(), events: vec![], again: None };
    let behind = decided.advance();
    let now = situation.now;
    let windows = &situation.rollout.windows;
    // With windows there is always a next change, unless they hold the whole week.
    decided.at(next_change(windows, now));
    let (release, held) = match decided.progress.halt.clone() {
        Some(halt) => {
            let reason =
                format!("halted: {} (resume with `campaigns resume {}`)", halt.reason, situation.campaign);
            (None, Some(Wait::new(reason, On::Resume)))
        }
        None if !is_open(windows, now) => (None, Some(Wait::new(closed(windows, now), On::Time))),
        None => decided.room(),
    };
    let waits = decided.waits(release, held.as_ref(), behind.as_ref());
    Step { events: decided.events, progress: decided.progress, release, waits, again: decided.again }
}

struct Deciding<'a> {
    situation: &'a Situation<'a>,
    progress: Progress,
    events: Vec<RolloutEvent>,
    again: Option<DateTime<Utc>>,
}

impl Deciding<'_> {
    fn counts(&self, wave: u32) -> WaveCounts {
        let index = usize::try_from(wave).unwrap_or(usize::MAX);
        self.situation.waves.get(index).copied().unwrap_or_default()
    }

    fn all(&self) -> WaveCounts {
        self.situation.waves.iter().copied().sum()
    }

    fn at(&mut self, moment: Option<DateTime<Utc>>) {
        self.again = self.again.into_iter().chain(moment).min();
    }

    fn happens(&mut self, event: RolloutEvent) -> bool {
        let Some((next, _)) = self.progress.apply(&event).into_applied() else { return false };
        self.progress = next;
        self.events.push(event);
        true
    }

    fn halt(&mut self, cause: HaltCause, reason: String) {
        let tally = self.all().tally();
        self.happens(RolloutEvent::Halted { halt: Halt { cause, reason, tally } });
    }

    /// Halts, or opens the waves whose gates hold; why the next one that stays shut waits.
    fn advance(&mut self) -> Option<Wait> {
        let rollout = self.situation.rollout;
        if self.progress.halt.is_some() {
            return None;
        }
        let accepted = self.progress.accepted;
        if let Some(reason) =
            rollout.halt_on.as_ref().and_then(|on| halt::too_many(on, &self.all(), accepted))
        {
            self.halt(HaltCause::TooMany, reason);
            return None;
        }
        while self.progress.wave + 1 < rollout.waves_in_all() {
            let wave = self.progress.wave;
            let counts = self.counts(wave);
            if self.progress.sent.is_none() && counts.is_sent() {
                self.happens(RolloutEvent::WaveSent { wave, at: self.situation.now });
            }
            // An update or a person's wish may give a wave something to send again.
            let sent = self.progress.sent.filter(|_| counts.is_sent());
            let (gate, name) = (rollout.gate(wave), rollout.wave_name(wave));
            match gate::judge(gate, name, &counts, sent, self.situation.now) {
                Verdict::Holds => {
                    if !self.happens(RolloutEvent::WaveOpened { wave: wave + 1 }) {
                        return None;
                    }
                }
                Verdict::Waits { wait, until } => {
                    self.at(until);
                    return Some(wait);
                }
                Verdict::Fails(reason) => {
                    let next = rollout.wave_name(wave + 1);
                    self.halt(HaltCause::Gate, format!("wave `{next}` does not open: {reason}"));
                    return None;
                }
            }
        }
        None
    }

    /// How many more pull requests the caps leave room for, and why no more.
    fn most(&self) -> (u32, Option<Wait>) {
        let Caps { max_open, max_pending_checks, .. } =
            self.progress.pace.caps.or(self.situation.rollout.caps);
        let all = self.all();
        let mut new = u32::MAX;
        let mut why = None;
        if let Some(most) = max_open {
            let room = most.saturating_sub(all.open_now() + all.coming);
            if room < new {
                new = room;
                let open = all.open_now();
                let coming = match all.coming {
                    0 => String::new(),
                    coming => format!(" and {coming} are on their way"),
                };
                why = Some(format!("{open} pull requests are open{coming}, at most {most} may be"));
            }
        }
        if let Some(most) = max_pending_checks {
            let room = most.saturating_sub(all.pending + all.coming);
            if room < new {
                new = room;
                let pending = all.pending + all.coming;
                why = Some(format!(
                    "the checks of {pending} pull requests have not ended, at most {most} may be under way"
                ));
            }
        }
        (new, why.map(|reason| Wait::new(reason, On::Reviews)))
    }

    /// How much there is room for, and why no more.
    fn room(&self) -> (Option<Release>, Option<Wait>) {
        let all = self.all();
        let ahead = self.situation.ahead.saturating_sub(all.coming + all.updating);
        let (most, why) = self.most();
        let wait = why.filter(|_| most < ahead);
        let open = self.open_waves();
        let new = ahead.min(most).min(open.waiting);
        let updates = (ahead - new.min(ahead)).min(open.updates);
        let release = Release { up_to: self.progress.wave, new, updates };
        (Some(release).filter(|release| release.new + release.updates > 0), wait)
    }

    /// What is in the waves that are open.
    fn open_waves(&self) -> WaveCounts {
        (0..=self.progress.wave).map(|wave| self.counts(wave)).sum()
    }

    /// Why what stays behind waits, wave by wave.
    fn waits(
        &self,
        release: Option<Release>,
        held: Option<&Wait>,
        behind: Option<&Wait>,
    ) -> Vec<Option<Wait>> {
        let rollout = self.situation.rollout;
        let (mut new, mut updates) = release.map_or((0, 0), |release| (release.new, release.updates));
        let halted = self.progress.halt.is_some();
        let shut = |wave: u32| {
            let name = rollout.wave_name(wave);
            let next = self.progress.wave + 1;
            let (words, on) = match behind {
                Some(wait) if wave == next => (wait.reason.clone(), wait.on),
                Some(wait) => {
                    (format!("until wave `{}` has been sent", rollout.wave_name(wave - 1)), wait.on)
                }
                None => ("for its turn".to_owned(), On::Work),
            };
            Wait::new(format!("wave `{name}` waits {words}"), on)
        };
        (0..rollout.waves_in_all())
            .map(|wave| {
                let counts = self.counts(wave);
                let goes = (new.min(counts.waiting), updates.min(counts.updates));
                (new, updates) = (new - goes.0, updates - goes.1);
                let stays = counts.waiting - goes.0 + counts.updates - goes.1;
                if stays == 0 {
                    return None;
                }
                if wave > self.progress.wave && !halted {
                    return Some(shut(wave));
                }
                // What fits and is not let through yet follows as soon as what was let through has been sent.
                let busy = || Wait::new("waits for what goes before it".to_owned(), On::Work);
                Some(held.cloned().unwrap_or_else(busy))
            })
            .collect()
    }
}
