//! Rollouts: where a run's stands, and the pace that people set. Deliberately absent: what a spec says, which is YAML.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the rollout of a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rollout {
    /// The last wave that is open, counted from 1; 0 where the spec has no rollout.
    pub wave: u32,
    /// How many waves there are.
    pub waves: u32,
    /// Why it is halted, while it is; a person has to resume it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub halted: Option<String>,
    /// Why what waits does so, for each wave in which something waits.
    pub waits: Vec<String>,
    /// What people have set instead of what the spec says.
    pub pace: Pace,
}

/// What people have set about a live run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Pace {
    /// Writes in any minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// Writes in any hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<u32>,
    /// Pull requests opened in any 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// Pull requests open at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_open: Option<u32>,
    /// Open pull requests whose checks have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pending_checks: Option<u32>,
    /// Who goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// Who goes first at an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Campaigns take turns.
    Normal,
    /// Before every campaign that is not.
    Urgent,
}

/// What a person sets about the live runs of a campaign; what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SetPace {
    /// Writes in any minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<CapSetting>,
    /// Writes in any hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<CapSetting>,
    /// Pull requests opened in any 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<CapSetting>,
    /// Pull requests open at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_open: Option<CapSetting>,
    /// Open pull requests whose checks have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pending_checks: Option<CapSetting>,
    /// Who goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// What a cap is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "it has to be a whole number of at least 1, or \"spec\"")]
pub enum CapSetting {
    /// This, at least 1.
    To(u32),
    /// What the spec says again.
    Word(CapWord),
}

/// The word that gives a cap back to the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapWord {
    /// What the spec says again.
    Spec,
}
