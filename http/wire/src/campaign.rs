//! Campaigns and the versions of their specs. Deliberately absent: the spec's own format, which is YAML text here.

use super::OrganizationPause;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Applies a spec; the campaign's name in the path and in the spec have to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplySpec {
    /// The spec, as YAML (or JSON) text.
    pub spec: String,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Campaign {
    /// Its id.
    pub id: Uuid,
    /// Its name, unique.
    pub name: String,
    /// What the change is for.
    pub description: String,
    /// Who applied its first spec.
    pub owner: String,
    /// The digest of the spec version in force.
    pub spec: String,
    /// The number of that version, from 1.
    pub version: u32,
    /// The newest run, if there was one, those left aside that carry open pull requests out again on bases that moved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latest_run: Option<Uuid>,
    /// Who paused it, while it is paused: nothing is admitted or written for any run of it until it is resumed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paused_by: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paused_at: Option<DateTime<Utc>>,
    /// How many of its changesets stand where; states without any are left out.
    pub changesets: BTreeMap<String, u64>,
    /// The organisations in which nothing is sent for it until something is mended. They hold up no other.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub paused_organizations: Vec<OrganizationPause>,
    /// When its first spec was applied.
    pub created_at: DateTime<Utc>,
    /// When its last spec was applied.
    pub updated_at: DateTime<Utc>,
}

/// One version of a campaign's spec; it never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpecVersion {
    /// SHA-256 of the normal form: two texts that mean the same have one digest.
    pub digest: String,
    /// Counted from 1 within the campaign.
    pub version: u32,
    /// The text as it was applied.
    pub raw: String,
    /// The normal form.
    pub normal: Value,
    /// Who applied it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// The answer to an applied spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    /// The campaign as it is now.
    pub campaign: Campaign,
    /// Whether the campaign is new.
    pub created: bool,
    /// Whether the spec became a new version; `false` where it meant the same as the one in force.
    pub new_version: bool,
}
