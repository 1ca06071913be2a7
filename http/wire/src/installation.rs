//! Installations of the GitHub App, as they are read. Deliberately absent: changing them, which GitHub's owners do.

use super::OrganizationPause;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The GitHub App in one organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Installation {
    /// The organisation or user, in lower case.
    pub organization: String,
    /// GitHub's id of the installation; the last one where it was removed.
    pub id: u64,
    /// `active`, `suspended` or `removed`, as GitHub said when it was last asked.
    pub state: String,
    /// Since when it is so; none where that was not recorded.
    pub since: Option<DateTime<Utc>>,
    /// What has to be mended before anything is sent there, if anything. It may be another cause than its state.
    pub pause: Option<OrganizationPause>,
    /// The permissions that campaigns need and that it was not granted, such as `contents: write`.
    pub missing_permissions: Vec<String>,
    /// Which repositories it sees: `all` or `selected`; empty where GitHub has not said.
    pub repositories: String,
    /// When GitHub was last asked.
    pub seen_at: DateTime<Utc>,
}
