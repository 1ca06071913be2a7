//! Asking something of many changesets at once. Deliberately absent: how far it is, which is the command's.

use super::{ChangesetState, Command, MergeMethod, PullRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Asks something of every changeset of a campaign that is selected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskChangesets {
    /// What is asked.
    pub action: AskAction,
    /// Whether `publish` opens drafts.
    #[serde(default)]
    pub draft: bool,
    /// The text of `comment`, Markdown, at most 10,000 characters. With `close` it is said before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<String>,
    /// How `merge` is carried out; without it, in a way that the repository allows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<MergeMethod>,
    /// Which changesets; all of them where nothing is said.
    #[serde(default)]
    pub selection: Selection,
    /// Only tells what would be covered.
    #[serde(default)]
    pub preview: bool,
}

impl Default for AskChangesets {
    fn default() -> Self {
        let (selection, preview) = (Selection::default(), false);
        Self { action: AskAction::Retry, draft: false, body: None, method: None, selection, preview }
    }
}

/// What is asked of a changeset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskAction {
    /// Open the pull request that was kept back.
    Publish,
    /// Mark the draft ready for review.
    Ready,
    /// Send nothing more for it until it is resumed. What is being sent is finished, and what is asked meanwhile is sent
    /// afterwards.
    Pause,
    /// Go on after a pause of its own.
    Resume,
    /// Take it back before it has a pull request: it will get none. One that is being sent just now may be opened first,
    /// and is closed then.
    Cancel,
    /// Close the pull request, and delete its branch as far as it is ours.
    Close,
    /// Open it again after it was closed.
    Reopen,
    /// Try again what GitHub did not allow, and run the steps of failed targets again.
    Retry,
    /// Have it merged by GitHub's own rules.
    Merge,
    /// Say something on the pull request.
    Comment,
    /// Carry the change out again on the base as it is now.
    Rebase,
    /// Run the failed jobs of its checks again.
    Rerun,
    /// Go on after a human's hand.
    Takeover,
}

/// Which changesets: what is said holds together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Globs over `owner/name` or `name`, of which one has to fit; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// States of which it has to be in one; with `retry`, `failed` means targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// Labels of the pull request, of which one has to be there; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// What was asked, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// The command; none for a preview.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<Command>,
    /// How many changesets it covers.
    pub covers: u32,
    /// The first 500 of them, by repository.
    pub changesets: Vec<Covered>,
    /// How many failed targets are run again.
    pub targets: u32,
    /// The first 500 of their repositories.
    pub retried: Vec<String>,
    /// The run that does so, once it is created.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run_id: Option<Uuid>,
    /// What of the selection is left as it is, and why.
    pub left_out: Vec<LeftOut>,
    /// Who paused the campaign, while it is paused: nothing is sent before it is resumed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paused_by: Option<String>,
}

/// A changeset that is covered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Covered {
    /// Its id.
    pub id: Uuid,
    /// `owner/name`.
    pub repository: String,
    /// Where it stands.
    pub state: ChangesetState,
    /// Its pull request, once there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pull_request: Option<PullRequest>,
}

/// Changesets that are selected and left as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u32,
}
