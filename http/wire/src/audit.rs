//! The audit log, as it is read. Deliberately absent: writing it, which every change does in its own transaction.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Somebody changed something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the log; newer entries have greater ones.
    pub id: i64,
    /// When, by the database's clock.
    pub at: DateTime<Utc>,
    /// The name of the token that asked for it.
    pub actor: String,
    /// What was done, such as `campaign.apply`.
    pub action: String,
    /// What it was done to, such as `campaign/rename-main`.
    pub subject: String,
    /// The request that asked for it; empty where none did.
    pub request_id: String,
    /// What was there before, as far as it matters.
    pub before: Value,
    /// What is there now, as far as it matters.
    pub after: Value,
}
