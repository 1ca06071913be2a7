//! Changesets and their pull requests. Deliberately absent: their diffs, which are asked for one by one.

use super::{ChangesetState, MergeMethod, Seen};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a campaign proposes to one repository: a diff, a branch and at most one open pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changeset {
    /// Its id.
    pub id: Uuid,
    /// The campaign.
    pub campaign_id: Uuid,
    /// The run that proposed its content last.
    pub run_id: Uuid,
    /// The target whose result it carries.
    pub target_id: Uuid,
    /// `owner/name`.
    pub repository: String,
    /// The branch that the pull request goes into.
    pub base_branch: String,
    /// The branch that carries the commit.
    pub head_branch: String,
    /// Where it stands.
    pub state: ChangesetState,
    /// Why it stands there; empty where the state says it all.
    pub reason: String,
    /// The same in words that say what it waits for, a pause included.
    #[serde(default)]
    pub why: String,
    /// Why its repository is out of reach, where the changeset is blocked for that; it goes on by itself once the
    /// repository is back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub away: Option<RepositoryAway>,
    /// What GitHub did not allow beside the content: labels, assignees, reviewers that could not be put on.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// The pull request's title.
    pub title: String,
    /// The pull request, once there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pull_request: Option<PullRequest>,
    /// The branch's head that we wrote last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head: Option<String>,
    /// What was seen of the pull request the last time that it was read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen: Option<Seen>,
    /// That it is wanted merged, and how far that is; none where nobody wants it or it is over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub merge: Option<Merge>,
    /// What came of asking the code owners of what it changes; none where the spec wants nobody asked, or that is still
    /// to come.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code_owners: Option<CodeOwners>,
    /// When the pull request is read the next time without anybody asking; a time that has passed is now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_read_at: Option<DateTime<Utc>>,
    /// Grows with every new content.
    pub generation: u32,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What came of asking the code owners of what a changeset changes. People are named by their login, teams as
/// `organisation/slug`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CodeOwners {
    /// Who is asked for a review, or was: by us, by the code host itself, or by a person.
    pub asked: Vec<String>,
    /// Who had as many open review requests of the campaign as it allows. One of them is asked once there is room.
    pub waiting: Vec<String>,
    /// Who was not needed, because as many are asked as the spec wants.
    pub passed: Vec<String>,
    /// Who cannot be asked.
    pub left_out: Vec<OwnerLeftOut>,
}

/// A code owner who cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnerLeftOut {
    /// Who.
    pub who: String,
    /// Why, for people.
    pub why: String,
}

/// Why a repository is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepositoryAway {
    /// It is not found: deleted, or closed to Campaigns, which GitHub does not tell apart.
    Gone,
    /// It is not among the repositories that were selected for the GitHub App.
    Closed,
    /// It was moved to an owner who has not installed the GitHub App.
    Moved,
    /// Another repository has its name, and it is not found itself.
    Replaced,
    /// It is archived.
    Archived,
}

/// That a pull request is wanted merged by the rules of its branch, and how far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Merge {
    /// Who asked for it; empty where the spec did.
    pub by: String,
    /// How it is wanted; none takes a way that the repository allows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<MergeMethod>,
    /// How far it is.
    pub state: MergeStands,
    /// The same in words, with what is missing and what to do about it.
    pub words: String,
}

/// How far a merge is that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeStands {
    /// It is to be looked at what can be done.
    Owed,
    /// GitHub merges it by itself, once everything that the branch requires is there.
    AutoMerge,
    /// It is in the merge queue.
    Queued,
    /// Not yet; it is looked at again when something of it changes.
    Waits,
    /// It is not tried again before somebody asks.
    Stopped,
}

/// A pull request at the code host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// The page that people open.
    pub url: String,
}
