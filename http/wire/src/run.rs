//! Runs. Deliberately absent: their targets and events, which are lists of their own.

use super::{Rollout, RunState};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Starts a run of the campaign's spec in force.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateRun {
    /// A glob over `owner/name` or `name`, at most 256 bytes: everything else is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// How many targets may be worked on at once, 1 to 10,000. Where absent, twice as many for each replica as run there at
    /// once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub window: Option<u32>,
    /// Nothing is written at the code host: every changeset stays unpublished.
    pub dry_run: bool,
    /// Agrees to closing what this version leaves out or leaves unchanged, however much that is. Without it, more than
    /// five and more than a fifth of the campaign's open changesets are not closed at once.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
}

/// One carrying-out of one spec version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// The campaign's id.
    pub campaign_id: Uuid,
    /// The campaign's name.
    pub campaign: String,
    /// The digest of the spec version that it carries out.
    pub spec: String,
    /// Where it stands.
    pub state: RunState,
    /// Why it stands there; empty while all is well.
    pub reason: String,
    /// Who paused it, while it is paused: nothing more is admitted or written for it until it is resumed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paused_by: Option<String>,
    /// Where its rollout stands, where it has one or people have set its pace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rollout: Option<Rollout>,
    /// How many targets may be worked on at once, or for each replica, where the run was asked for without it.
    pub window: u32,
    /// The glob it was limited to, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub only: Option<String>,
    /// How many targets of earlier runs it carries out again, and nothing else; 0 for a run of everything.
    #[serde(default)]
    pub retries: u32,
    /// Whether they are those of open pull requests, carried out again on the base as it is now; otherwise they had
    /// failed.
    #[serde(default)]
    pub rebase: bool,
    /// Whether nothing is written at the code host.
    pub dry_run: bool,
    /// Whether steps that name a container run without one.
    pub no_container: bool,
    /// Its targets, counted.
    pub totals: Totals,
    /// Who started it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it reached its end, if it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<DateTime<Utc>>,
}

/// The targets and changesets of a run, counted by state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// How many targets take part and how many were left out, together.
    pub targets: u64,
    /// How many targets stand where; states without any are left out.
    pub by_state: BTreeMap<String, u64>,
    /// How many changesets that this run proposed last stand where; states without any are left out.
    pub changesets: BTreeMap<String, u64>,
}
