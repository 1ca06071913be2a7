//! Budgets on the wire: how full the windows are, what waits and why, and when it will be done.
//!
//! Deliberately absent: computing any of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How full a window is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WindowUse {
    /// Over what it counts: `global`, `campaign` or `organization`.
    pub scope: String,
    /// What it counts: `content` (content-creating writes), `pull_requests` or `points`.
    pub counts: String,
    /// The window's length.
    pub seconds: u32,
    /// The most that fit.
    pub cap: u32,
    /// What counts now. It may be more than the cap for a moment after the cap was lowered.
    pub used: u64,
}

/// What has to be mended before an organisation is written to again. It is tried again by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrganizationPause {
    /// The organisation or user, in lower case.
    pub organization: String,
    /// `bad_credentials`, `suspended`, `not_installed`, `single_sign_on`, `ip_allow_list`, `locked_out` or `permission_missing`.
    pub cause: String,
    /// What happened, and what to do.
    pub reason: String,
    /// Since when, by the database's clock; none where it was paused before that was recorded.
    pub since: Option<DateTime<Utc>>,
}

/// The limits of one organisation, and where they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrganizationBudget {
    /// The organisation or user, in lower case.
    pub organization: String,
    /// The moment this is of, by the database's clock. Every time here is by that clock.
    pub at: DateTime<Utc>,
    /// The windows. Those of a campaign are of the campaign asked for, and empty where none was.
    pub windows: Vec<WindowUse>,
    /// The least time between two writes, in milliseconds, with what refusals have added.
    pub spacing_milliseconds: u32,
    /// Nothing is sent before this; none where something may be now.
    pub not_before: Option<DateTime<Utc>>,
    /// Why; empty where nothing holds.
    pub quiet_reason: String,
    /// What has to be mended, if anything.
    pub pause: Option<OrganizationPause>,
    /// When the next write may go; none where a cap of nothing lets none through.
    pub next_permit_at: Option<DateTime<Utc>>,
    /// How many changesets wait or are being sent, of every campaign.
    pub waiting: u64,
    /// How many of them wait for what nobody can foresee: people, checks, or a cap of nothing.
    #[serde(default)]
    pub unforeseen: u64,
    /// When the last of them will be open, if nothing comes between; none where not all can be foreseen.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A changeset that waits or is being sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// The changeset.
    pub changeset_id: Uuid,
    /// Its campaign.
    pub campaign: String,
    /// The run that proposed it.
    pub run_id: Uuid,
    /// Its repository.
    pub repository: String,
    /// Whether it is being sent.
    pub sending: bool,
    /// What it waits for: `turn`, `spacing`, `window`, `quiet`, `hours`, `wave`, `reviews`, `resume`, `mending`,
    /// or `nothing`. When `mending` (what its organisation is paused for), `wave` (an earlier wave of its rollout, whose steps run), `reviews` (what people and checks do to pull
    /// requests) and `resume` (a person) end, is not foreseen.
    pub waits_for: String,
    /// The same in words.
    pub reason: String,
    /// When its pull request will be open, if nothing comes between; none where that cannot be foreseen, or never
    /// would be.
    pub open_at: Option<DateTime<Utc>>,
}

/// What waits in a campaign or an organisation, and the limits it waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// When everything of the campaign, or of the organisation, will be open, if nothing comes between; none where
    /// nothing waits, or not all can be foreseen.
    pub finished_at: Option<DateTime<Utc>>,
    /// The organisations in which something waits, or the one asked for.
    pub organizations: Vec<OrganizationBudget>,
    /// What waits, in the order in which it will be open.
    pub items: Vec<Waiting>,
    /// Where the next page begins; none on the last.
    pub next: Option<String>,
}

/// What publishing a run's results would take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Estimate {
    /// How many pull requests would be opened.
    pub pull_requests: u64,
    /// How many writes that takes.
    pub writes: u64,
    /// How many calls of GitHub's API, reads included.
    pub api_calls: u64,
    /// From now until the last one is open, with the limits in force and what waits already.
    pub seconds: u64,
    /// When that would be, by the database's clock; none where a cap of nothing lets none through.
    pub finished_at: Option<DateTime<Utc>>,
    /// What it depends on besides, so that it may take longer: gates, and caps on what is open.
    #[serde(default)]
    pub depends_on: Vec<String>,
}
