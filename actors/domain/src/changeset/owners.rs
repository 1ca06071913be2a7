//! What came of asking the code owners of a content: who was asked, who was left out and why, and who is waited for.
//!
//! Deliberately absent: choosing them (`publish::reviewers`).

use crate::id::ExecutionId;
use serde::{Deserialize, Serialize};

/// What came of asking the code owners of one content. People are named by their login, teams as `organisation/slug`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnersAsked {
    /// The execution whose changed files they own.
    pub of: ExecutionId,
    /// The changeset's generation that found out.
    pub generation: u32,
    /// Who is asked for a review, or was: by us, by the code host itself, or by a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// Who had as many open review requests of the campaign as it allows. One of them is asked once there is room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
    /// Who was not needed, because as many are asked as the spec wants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// Who cannot be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A code owner who cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Who.
    pub who: String,
    /// Why, for people.
    pub why: String,
}

impl LeftOut {
    /// Somebody, for this reason.
    pub fn new(who: impl Into<String>, why: impl Into<String>) -> Self {
        Self { who: who.into(), why: why.into() }
    }
}

impl OwnersAsked {
    /// Whether somebody is asked once there is room with them.
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What a person should know of it.
    pub fn notes(&self) -> Vec<String> {
        let left_out =
            self.left_out.iter().map(|LeftOut { who, why }| format!("code owner `{who}` not asked: {why}"));
        let waiting = self.waits().then(|| {
            let names: Vec<String> = self.waiting.iter().map(|name| format!("`{name}`")).collect();
            let who = if names.len() == 1 { "code owner" } else { "one of the code owners" };
            format!(
                "{who} {} is asked once fewer review requests of this campaign are open there",
                names.join(", ")
            )
        });
        left_out.chain(waiting).collect()
    }
}
