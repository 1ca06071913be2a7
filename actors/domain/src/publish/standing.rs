//! Where an organisation stands with GitHub: what has to be mended before anything is sent again, and how far apart
//! writes are kept after refusals that no document explains.
//!
//! Deliberately absent: times, which are the store's, and the limits that are documented (`budget`).

use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// The first and the longest wait until a paused organisation is tried again.
const PROBES: (u64, u64) = (60, 900);
/// The longest quiet after refusals in a row, in seconds.
const LONGEST_QUIET: u64 = 3_600;
/// The largest distance that is kept beyond the settings, in milliseconds; the first is the settings' own once more.
const LARGEST_EXTRA: u32 = 60_000;
/// After so many writes in a row that were taken the extra distance is narrowed by a third. So one refusal in fifty
/// writes, for whatever reason, costs no more than a small extra distance, and doubling still wins where it is the pace
/// that is refused.
const PROOF: u32 = 20;
/// Where that would take longer than this many milliseconds fewer do, but not fewer than the other.
const PROVEN_AFTER: u32 = 60_000;
const LEAST_PROOF: u32 = 8;
/// From this distance on every write that was taken is worth a row, in milliseconds: an owner that is replaced before
/// it has seen enough of them would otherwise leave the distance as wide as it found it, and it would only ever widen.
const WIDE: u32 = 500;

/// Why nothing is sent until somebody mends something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// The token, key or App is not accepted.
    BadCredentials,
    /// The installation or account is suspended.
    Suspended,
    /// The GitHub App is not installed there, or not any more.
    NotInstalled,
    /// The token is not authorised for the organisation's single sign-on.
    SingleSignOn,
    /// The organisation lets this machine's address not in.
    IpAllowList,
    /// The credential is locked after failed attempts.
    LockedOut,
    /// The installation lacks a permission.
    PermissionMissing,
}

impl PauseCause {
    /// Its name, as the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadCredentials => "bad_credentials",
            Self::Suspended => "suspended",
            Self::NotInstalled => "not_installed",
            Self::SingleSignOn => "single_sign_on",
            Self::IpAllowList => "ip_allow_list",
            Self::LockedOut => "locked_out",
            Self::PermissionMissing => "permission_missing",
        }
    }

    /// Whether an answered read shows that it is mended. A permission that is missing shows only in a write.
    pub fn is_mended_by_a_read(self) -> bool {
        self != Self::PermissionMissing
    }
}

/// A credential that is out of use, or may not do what it has to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfUse {
    /// Why.
    pub cause: PauseCause,
    /// What happened, and what to do.
    pub reason: String,
}

impl fmt::Display for OutOfUse {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.reason)
    }
}

/// A pause: nothing is sent but a probe from time to time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why, and what to do.
    #[serde(flatten)]
    pub why: OutOfUse,
    /// How often it was tried in vain.
    pub probes: u32,
}

impl Pause {
    /// A pause after one more refusal.
    pub fn after(before: Option<&Self>, why: OutOfUse) -> Self {
        let probes =
            before.filter(|before| before.why.cause == why.cause).map_or(0, |before| before.probes) + 1;
        Self { why, probes }
    }

    /// What whoever waits for an organisation is told.
    pub fn words(&self, organization: &str) -> String {
        format!("{organization} is paused ({}): {}", self.why.cause.as_str(), self.why.reason)
    }

    /// How long until it is tried again: a minute, doubled with every try in vain up to a quarter of an hour.
    pub fn next_probe(&self) -> Duration {
        let (first, longest) = PROBES;
        let doubled = first << self.probes.saturating_sub(1).min(10);
        Duration::from_secs(doubled.min(longest))
    }
}

/// How far apart writes are kept beyond the settings. It widens with refusals and narrows slowly with success, so that
/// a limit that nobody documented slows an organisation down and never stops it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdaptivePace {
    /// The extra distance, in milliseconds.
    pub extra: u32,
    /// Refusals since the last write that was taken.
    pub refusals: u32,
    /// Writes that were taken since the extra distance last changed.
    pub successes: u32,
}

impl AdaptivePace {
    /// GitHub said that it was too fast, and asked to wait so long; how long to wait. Again and again, the wait
    /// doubles, as GitHub asks for ("Rate limits for the REST API", exceeding the rate limit). `spacing` is the distance
    /// that the settings keep, in milliseconds.
    #[must_use]
    pub fn refused(self, asked: Duration, spacing: u32) -> (Self, Duration) {
        let extra = self.extra.saturating_mul(2).max(spacing).clamp(1, LARGEST_EXTRA);
        let next = Self { extra, refusals: self.refusals.saturating_add(1), successes: 0 };
        let doubled = asked.saturating_mul(1 << self.refusals.min(12));
        (next, doubled.min(Duration::from_secs(LONGEST_QUIET)).max(asked))
    }

    /// Whether what was taken since the distance last changed is not to be forgotten.
    pub fn is_wide(self) -> bool {
        self.extra >= WIDE
    }

    /// After how many writes in a row the distance is narrowed.
    fn proof(self) -> u32 {
        (PROVEN_AFTER / self.extra.max(1)).clamp(LEAST_PROOF, PROOF)
    }

    /// A write was taken, where the settings keep this distance in milliseconds.
    #[must_use]
    pub fn succeeded(self, spacing: u32) -> Self {
        if self.extra == 0 {
            return Self::default();
        }
        if self.successes + 1 < self.proof() {
            return Self { refusals: 0, successes: self.successes + 1, ..self };
        }
        let narrowed = self.extra - self.extra.div_ceil(3);
        let extra = if narrowed < spacing / 10 { 0 } else { narrowed };
        Self { extra, refusals: 0, successes: 0 }
    }
}
