//! What an installation of the GitHub App means for its organisation: one that is suspended or gone pauses it, one that
//! works again lets it go on; and what the App has to be allowed.
//!
//! Deliberately absent: reading installations, and what a refusal in the middle of the work means (`standing`).

use super::standing::{OutOfUse, Pause, PauseCause};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What GitHub says of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallationState {
    /// It works.
    Active,
    /// An owner of the organisation has suspended it.
    Suspended,
    /// The App is not installed there any more.
    Removed,
}

/// What follows for the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing is sent any more but a probe from time to time.
    Paused(OutOfUse),
    /// What was to be mended is mended.
    Mended,
    /// What was to be mended may be mended: a probe goes now.
    Probe,
}

impl InstallationState {
    /// An installation that is or is not suspended or removed; a removed one is nothing else.
    pub fn of(suspended: bool, removed: bool) -> Self {
        match (suspended, removed) {
            (_, true) => Self::Removed,
            (true, false) => Self::Suspended,
            (false, false) => Self::Active,
        }
    }

    /// Its name, as the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Removed => "removed",
        }
    }

    /// Why nothing can be sent; none where it works.
    pub fn out_of_use(self, organization: &str) -> Option<OutOfUse> {
        match self {
            Self::Active => None,
            Self::Suspended => Some(suspended(organization)),
            Self::Removed => Some(not_installed(organization)),
        }
    }

    /// What follows for an organisation that stands so; none where nothing does.
    pub fn consequence(self, organization: &str, pause: Option<&Pause>) -> Option<Consequence> {
        if let Some(why) = self.out_of_use(organization) {
            return Some(Consequence::Paused(why));
        }
        // GitHub itself says that these two are over. Whatever else holds shows in what is sent.
        pause.map(|pause| match pause.why.cause {
            PauseCause::Suspended | PauseCause::NotInstalled => Consequence::Mended,
            _ => Consequence::Probe,
        })
    }
}

/// Why nothing can be sent where the installation is suspended, and what to do.
pub fn suspended(organization: &str) -> OutOfUse {
    let reason = format!(
        "the GitHub App's installation in {organization} is suspended: an owner has to lift that in the organisation's \
         settings under \"GitHub Apps\"; what waits goes on by itself then"
    );
    OutOfUse { cause: PauseCause::Suspended, reason }
}

/// Why nothing can be sent where there is none, and what to do.
pub fn not_installed(organization: &str) -> OutOfUse {
    let reason = format!(
        "the GitHub App is not installed in {organization}: have an owner install it there; what waits goes on by itself \
         then"
    );
    OutOfUse { cause: PauseCause::NotInstalled, reason }
}

/// How much of something the App may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// See it.
    Read,
    /// Change it.
    Write,
}

impl Access {
    fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// `admin` is more than either.
    fn of(level: &str) -> Option<Self> {
        match level {
            "read" => Some(Self::Read),
            "write" | "admin" => Some(Self::Write),
            _ => None,
        }
    }
}

/// The permissions without which campaigns are not carried out, by GitHub's names ("Permissions required for GitHub
/// Apps"). Changes below .github/workflows need `workflows: write` besides, which is asked for only then.
pub const NEEDED: [(&str, Access); 5] = [
    ("metadata", Access::Read),
    ("contents", Access::Write),
    ("pull_requests", Access::Write),
    ("checks", Access::Read),
    ("statuses", Access::Read),
];

/// What an installation lacks of them, as `contents: write`, where it was granted these.
pub fn missing(granted: &BTreeMap<String, String>) -> Vec<String> {
    let lacks = |(name, needed): &(&str, Access)| {
        granted.get(*name).and_then(|level| Access::of(level)).is_none_or(|level| level < *needed)
    };
    NEEDED
        .iter()
        .filter(|it| lacks(it))
        .map(|(name, needed)| format!("{name}: {}", needed.as_str()))
        .collect()
}
