//! `rollout`: how the pull requests of a run go out. Waves with gates between them, windows of time, caps, and
//! when to halt.
//!
//! Deliberately absent: reading it (`parse::rollout`), which targets a wave takes (`selection`), and what follows
//! from it at some moment (`publish::rollout`).

use super::{Glob, hours::Hours, measure::Amount, measure::Span};
use crate::id::RepositoryName;
use serde::{Deserialize, Serialize};

/// How the pull requests of a run go out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// The waves, in order. What none of them takes goes last, as a wave of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<Wave>,
    /// When pull requests may be sent; empty is always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Hours>,
    /// The caps.
    #[serde(flatten)]
    pub caps: Caps,
    /// When the run halts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt_on: Option<HaltOn>,
}

/// The most that a campaign may have. The lowest of the campaign's, the organisation's and the global cap holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caps {
    /// Content-creating writes in any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// Content-creating writes in any hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<u32>,
    /// Pull requests opened in any 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// Pull requests that are open at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_open: Option<u32>,
    /// Open pull requests whose checks have not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pending_checks: Option<u32>,
}

impl Caps {
    /// These caps, and those of `other` where these have none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            per_minute: self.per_minute.or(other.per_minute),
            per_hour: self.per_hour.or(other.per_hour),
            per_day: self.per_day.or(other.per_day),
            max_open: self.max_open.or(other.max_open),
            max_pending_checks: self.max_pending_checks.or(other.max_pending_checks),
        }
    }
}

/// A part of the targets that goes together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wave {
    /// Its name: `[A-Za-z0-9_.-]+`.
    pub name: String,
    /// Takes this many of the targets that no `repositories` names and no earlier wave has taken, in the order of
    /// their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<u32>,
    /// Takes this share of all targets, of those that are left as with `targets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// Takes every target whose repository one of these globs matches; the first wave that names it has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// What must have happened to it before the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

impl Wave {
    /// Whether it takes what all others leave.
    pub fn takes_the_rest(&self) -> bool {
        self.targets.is_none() && self.percent.is_none() && self.repositories.is_empty()
    }

    /// Whether one of its globs matches the repository.
    pub fn names(&self, repository: &RepositoryName) -> bool {
        self.repositories.iter().any(|glob| Glob::new(glob).is_ok_and(|glob| glob.matches(repository)))
    }
}

/// The name of what no wave takes.
pub(super) const REST: &str = "rest";

impl Rollout {
    /// How many waves there are, with the one that no wave of the spec takes.
    pub fn waves_in_all(&self) -> u32 {
        let written = u32::try_from(self.waves.len()).unwrap_or(u32::MAX);
        match self.waves.last() {
            Some(last) if last.takes_the_rest() => written,
            _ => written.saturating_add(1),
        }
    }

    /// A wave's name, counted from 0.
    pub fn wave_name(&self, wave: u32) -> &str {
        self.wave(wave).map_or(REST, |wave| wave.name.as_str())
    }

    /// What must have happened to a wave before the next one opens.
    pub fn gate(&self, wave: u32) -> Option<&Gate> {
        self.wave(wave)?.gate.as_ref()
    }

    fn wave(&self, wave: u32) -> Option<&Wave> {
        self.waves.get(usize::try_from(wave).ok()?)
    }
}

/// What must have happened to a wave before the next one opens. All of it must.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// At least this many of its pull requests have passed their checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks_passed: Option<Amount>,
    /// At least this many were merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Amount>,
    /// At most this many were closed without a merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Amount>,
    /// How long it waits, from when the whole wave was sent, before it becomes a halt; without it, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// More of any of these than said, and the run halts until a person resumes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HaltOn {
    /// Targets whose steps failed, or that GitHub did not let us publish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Amount>,
    /// Pull requests closed without a merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Amount>,
    /// Pull requests whose checks failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks_failed: Option<Amount>,
}

/// Who goes first at an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Campaigns take turns.
    #[default]
    Normal,
    /// Before every campaign that is not.
    Urgent,
}

impl Priority {
    /// Whether it is the one that goes without saying.
    pub fn is_normal(&self) -> bool {
        *self == Self::Normal
    }

    /// Whether it goes before others.
    pub fn is_urgent(&self) -> bool {
        *self == Self::Urgent
    }
}
