//! Targets, their executions and diffs. Deliberately absent: logs, which are plain text.

use super::TargetState;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// One repository, branch and workspace in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Target {
    /// Its id.
    pub id: Uuid,
    /// The run.
    pub run_id: Uuid,
    /// The campaign of that run.
    pub campaign_id: Uuid,
    /// `owner/name`, as it was when it was selected.
    pub repository: String,
    /// The base branch.
    pub branch: String,
    /// The folder the steps run in; empty is the root.
    pub workspace: String,
    /// The base branch's head when it was selected; empty where the target was left out.
    pub base: String,
    /// Where it stands.
    pub state: TargetState,
    /// Why it stands there.
    pub reason: String,
    /// The same in words that say what it waits for, a pause included.
    #[serde(default)]
    pub why: String,
    /// Whether it was left out because there is no such repository, or the token may not see it.
    pub missing: bool,
    /// The last attempt admitted, from 1; 0 before the first.
    pub attempt: u32,
}

/// A target with everything that was tried for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TargetDetail {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// Its attempts, oldest first.
    pub executions: Vec<Execution>,
    /// The changeset whose content it last yielded, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changeset_id: Option<Uuid>,
}

/// One attempt of a target's steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Execution {
    /// Its id.
    pub id: Uuid,
    /// Counted from 1.
    pub attempt: u32,
    /// `executing`, `unchanged`, `changed`, `failed` or `cancelled`.
    pub state: TargetState,
    /// How it went; empty while it runs.
    pub reason: String,
    /// What it yielded: changed files, exit codes, sizes; once there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manifest: Option<Value>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended, if it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<DateTime<Utc>>,
}

/// A diff with what it is a diff of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    /// The target that yielded it.
    pub target_id: Uuid,
    /// The attempt that yielded it.
    pub attempt: u32,
    /// `owner/name`.
    pub repository: String,
    /// The commit that it starts from.
    pub base: String,
    /// The unified diff. For people; bytes that are not UTF-8 are shown as U+FFFD (`text/x-diff` has them exactly).
    pub diff: String,
}
