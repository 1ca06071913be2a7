//! Commands: what somebody asked for that the owners carry out. Deliberately absent: its effects, which are events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Command {
    /// Its id.
    pub id: Uuid,
    /// What was asked, such as `cancel_run`, `pause`, `sync` or `publish`.
    pub kind: String,
    /// What it is about, such as `run/<id>` or `campaign/<name>`.
    pub subject: String,
    /// How far it is.
    pub state: CommandState,
    /// How many runs, organisations or changesets it covers.
    pub covers: u32,
    /// For how many of those it has not been taken up yet.
    pub left: u32,
    /// How many owners have not acted on it yet.
    pub waiting: u32,
    /// What came of it so far, where it reads pull requests afresh.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sync: Option<SyncReport>,
    /// Who asked.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Some owner has not acted on it yet.
    Accepted,
    /// Every owner has acted on it.
    Done,
}

/// What came of reading pull requests afresh.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SyncReport {
    /// How many were read.
    pub read: u64,
    /// How many of their changesets changed by it.
    pub changed: u64,
    /// How many could not be read.
    pub failed: u64,
    /// The first hundred or so of those.
    pub failures: Vec<SyncFailure>,
}

/// A pull request that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncFailure {
    /// Its changeset; none where the rest of an organisation's could not be read, each for the same reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changeset: Option<Uuid>,
    /// Its repository, or `owner/*`.
    pub repository: String,
    /// Why.
    pub reason: String,
}
