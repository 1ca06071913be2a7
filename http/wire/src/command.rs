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
