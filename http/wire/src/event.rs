//! The events of a run, as a page and on the live stream (Server-Sent Events).
//!
//! On the stream an event's `id:` is the cursor after it, its `event:` is the kind, and its `data:` an
//! [`EventData`]; the last one is `end` with a [`RunEnded`]. Deliberately absent: replaying them.

use super::RunState;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The cursor after this event; given as `after` or `Last-Event-ID` it resumes behind it.
    pub id: String,
    /// What happened.
    #[serde(flatten)]
    pub data: EventData,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventData {
    /// When, by the database's clock.
    pub at: DateTime<Utc>,
    /// What it happened to: `run`, `target` or `changeset`.
    pub subject: String,
    /// The id of that.
    pub subject_id: Uuid,
    /// Its repository, `owner/name`, where it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<String>,
    /// The event's name, such as `target.changed`.
    pub kind: String,
    /// What is particular to the kind.
    pub data: Value,
}

/// One page of a run's events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The events, in order within each target, by time across targets.
    pub items: Vec<Event>,
    /// The cursor after the last of them; always there, so that one can ask again later.
    pub next: String,
    /// Whether there are no more: the run has ended and this page reaches its end.
    pub ended: bool,
}

/// The run has ended: the `end` event of the stream, after which the server closes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunEnded {
    /// How it ended.
    pub state: RunState,
    /// Why; empty where all went well.
    pub reason: String,
}
