//! Where the rollout of a run stands: how far its waves are open, whether it was halted, and the pace that people
//! have set. Changed by the run's owner alone, by the events below.
//!
//! Deliberately absent: when to open a wave or to halt (`publish::rollout`).

use crate::{
    id::ChangesetId,
    machine::{Decision, Straggler},
    spec::{Caps, Priority},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where the rollout of a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// For each wave the position of the first target after it; targets are numbered wave by wave. Empty where the
    /// spec has no rollout, so that nothing is held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<u32>,
    /// The last wave that is open, counted from 0.
    pub wave: u32,
    /// When everything of that wave had been sent.
    pub sent: Option<DateTime<Utc>>,
    /// Why it is halted; only a person's resume lifts it.
    pub halt: Option<Halt>,
    /// What had gone wrong when a person last resumed it: the same does not halt it again.
    pub accepted: Tally,
    /// What people have set while it ran.
    pub pace: Pace,
    /// Changesets that were let through and whose organisations may not have taken note yet.
    pub releasing: BTreeSet<ChangesetId>,
    /// Why what waits for its wave, a window or a cap does so: for each wave from the first, in words; empty where
    /// nothing waits.
    pub waits: Vec<String>,
}

/// What people have set about a live run, instead of what its spec says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pace {
    /// Its caps.
    #[serde(flatten)]
    pub caps: Caps,
    /// Who goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// What a person sets about a live run; what they do not speak of stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PaceChange {
    /// Content-creating writes in any minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<Set>,
    /// Content-creating writes in any hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<Set>,
    /// Pull requests opened in any 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Set>,
    /// Pull requests that are open at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_open: Option<Set>,
    /// Open pull requests whose checks have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pending_checks: Option<Set>,
    /// Who goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// What a cap is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Set {
    /// What the spec says again.
    AsSpec,
    /// This.
    To(u32),
}

impl Pace {
    /// This pace with a person's changes.
    #[must_use]
    pub fn with(self, change: &PaceChange) -> Self {
        let set = |now: Option<u32>, change: Option<Set>| match change {
            None => now,
            Some(Set::AsSpec) => None,
            Some(Set::To(cap)) => Some(cap),
        };
        Self {
            caps: Caps {
                per_minute: set(self.caps.per_minute, change.per_minute),
                per_hour: set(self.caps.per_hour, change.per_hour),
                per_day: set(self.caps.per_day, change.per_day),
                max_open: set(self.caps.max_open, change.max_open),
                max_pending_checks: set(self.caps.max_pending_checks, change.max_pending_checks),
            },
            priority: change.priority.or(self.priority),
        }
    }
}

/// Why a run was halted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Halt {
    /// What stands behind it.
    pub cause: HaltCause,
    /// What happened, for people.
    pub reason: String,
    /// What had gone wrong by then.
    #[serde(default)]
    pub tally: Tally,
}

/// What stands behind a halt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltCause {
    /// The gate of the wave that is open did not hold in time, or cannot. Resuming opens the next wave.
    Gate,
    /// More went wrong than `haltOn` allows. Resuming goes on until more than that does.
    TooMany,
}

/// What has gone wrong in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tally {
    /// Targets that failed, and changesets that GitHub did not let us publish.
    pub failed: u32,
    /// Pull requests closed without a merge.
    pub closed: u32,
    /// Pull requests whose checks failed.
    pub checks_failed: u32,
}

/// What happened to the rollout of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RolloutEvent {
    /// Everything of the open wave has been sent.
    WaveSent {
        /// The wave.
        wave: u32,
        /// When; the gate's time counts from here.
        at: DateTime<Utc>,
    },
    /// The gate before this wave holds.
    WaveOpened {
        /// The wave.
        wave: u32,
    },
    /// It goes no further until a person resumes it.
    Halted {
        /// Why.
        halt: Halt,
    },
    /// A person set its pace.
    Paced {
        /// Who.
        by: String,
        /// The whole pace from now on.
        pace: Pace,
    },
}

impl RolloutEvent {
    /// The event's name in the event table and on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WaveSent { .. } => "run.wave_sent",
            Self::WaveOpened { .. } => "run.wave_opened",
            Self::Halted { .. } => "run.halted",
            Self::Paced { .. } => "run.paced",
        }
    }
}

impl Progress {
    /// Whether changesets wait to be let through.
    pub fn holds(&self) -> bool {
        !self.ends.is_empty()
    }

    /// The position of the first target after a wave.
    pub fn end_of(&self, wave: u32) -> u32 {
        let end = usize::try_from(wave).ok().and_then(|wave| self.ends.get(wave));
        end.or(self.ends.last()).copied().unwrap_or_default()
    }

    /// Applies one event; it owes nothing but to be recorded.
    pub fn apply(&self, event: &RolloutEvent) -> Decision<Self, ()> {
        let mut next = self.clone();
        match event {
            RolloutEvent::WaveSent { wave, .. } | RolloutEvent::WaveOpened { wave } if *wave < self.wave => {
                return Decision::Ignored(Straggler::Superseded);
            }
            RolloutEvent::WaveSent { wave, .. } if *wave != self.wave => {
                return Decision::Ignored(Straggler::OutOfPlace);
            }
            RolloutEvent::WaveSent { .. } if self.sent.is_some() => {
                return Decision::Ignored(Straggler::AlreadyApplied);
            }
            RolloutEvent::WaveSent { at, .. } => next.sent = Some(*at),
            RolloutEvent::WaveOpened { wave } if *wave == self.wave => {
                return Decision::Ignored(Straggler::AlreadyApplied);
            }
            RolloutEvent::WaveOpened { wave } if self.halt.is_some() || *wave != self.wave + 1 => {
                return Decision::Ignored(Straggler::OutOfPlace);
            }
            RolloutEvent::WaveOpened { .. } => next.open_next(),
            RolloutEvent::Halted { .. } if self.halt.is_some() => {
                return Decision::Ignored(Straggler::AlreadyApplied);
            }
            RolloutEvent::Halted { halt } => next.halt = Some(halt.clone()),
            RolloutEvent::Paced { pace, .. } if *pace == self.pace => {
                return Decision::Ignored(Straggler::AlreadyApplied);
            }
            RolloutEvent::Paced { pace, .. } => next.pace = *pace,
        }
        Decision::applied(next, vec![])
    }

    /// Where it stands once a person has lifted its halt: what they were told of is accepted, and the next wave opens
    /// where it was its gate that halted it.
    #[must_use]
    pub fn resumed(&self) -> Self {
        let mut next = self.clone();
        if let Some(halt) = next.halt.take() {
            next.accepted = halt.tally;
            if halt.cause == HaltCause::Gate {
                next.open_next();
            }
        }
        next
    }

    fn open_next(&mut self) {
        self.wave += 1;
        self.sent = None;
    }
}
