//! What the probes answer. Deliberately absent: details that only an operator should see; they are in the log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The server's health in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// All is well.
    Ok,
    /// Something this server needs does not answer.
    Unavailable,
    /// It is shutting down.
    Draining,
}

/// The server's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// In one word.
    pub status: HealthState,
    /// The version that is running.
    pub version: String,
    /// What it consists of.
    pub checks: Vec<Check>,
}

/// One thing that the server needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Its name, such as `database`.
    pub name: String,
    /// Whether it answers.
    pub ok: bool,
    /// What is the matter and what to do; empty where nothing is.
    pub detail: String,
}
