//! What an error looks like: problem+json (RFC 9457). Deliberately absent: secrets, and anything internal.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The content type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong and what to do about it (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is, stable and meant for programs, such as `/problems/not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened, to what, and what to do.
    pub detail: String,
    /// The path that was asked for, without its query.
    #[serde(default)]
    pub instance: String,
    /// The request's id; it is in the server's log and in the audit log too.
    #[serde(default)]
    pub request_id: String,
    /// What is wrong with a spec, in the order of its lines; only for specs.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<SpecFault>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.detail)?;
        for fault in &self.errors {
            write!(f, "\nline {}, column {}: {}", fault.line, fault.column, fault.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// One thing that is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpecFault {
    /// The line, from 1; 0 where the fault has no place of its own.
    pub line: u32,
    /// The column in characters, from 1; 0 where the fault has no place of its own.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    #[serde(default)]
    pub help: String,
}
