//! Every way in which the world can change. It is the one place that everything passes: what is not a change here
//! did not happen, and whoever tells others of the world (the journal, webhooks) reads it off these. A change
//! carries its ids and times; what it does to the state is `fold`'s.

use super::model::{
    Account, App, Comment, Grant, Installation, Label, Merge, Pull, Repository, RepositoryRecord,
};
use super::rules::{AutoMerge, Queued, Rule, Team};
use super::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// One change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// The world began.
    Founded {
        /// The organisation.
        organization: Account,
        /// Bot first, then people.
        accounts: Vec<Account>,
        /// The app.
        app: App,
        /// Its installation.
        installation: Installation,
    },
    /// A token was issued.
    TokenIssued {
        /// What stands behind it.
        grant: Grant,
    },
    /// A token was revoked.
    TokenRevoked {
        /// SHA-256 of the token.
        digest: String,
    },
    /// A repository was made; its bare repository already exists.
    RepositoryCreated {
        /// Its record.
        record: RepositoryRecord,
    },
    /// A repository's record was changed (renamed, archived, other topics or default branch).
    RepositoryChanged {
        /// Its record as it is now.
        record: RepositoryRecord,
    },
    /// A repository was deleted, with everything in it.
    RepositoryDeleted {
        /// The repository.
        repository: u64,
    },
    /// A repository came from another organisation of the same GitHub, with everything in it.
    RepositoryReceived {
        /// Whose it was.
        from: Account,
        /// The repository.
        #[serde(with = "whole")]
        received: Box<Repository>,
    },
    /// A repository went to another organisation of the same GitHub, which has it now.
    RepositoryLeft {
        /// The repository.
        repository: u64,
    },
    /// The owner changed the installation (suspended it, took permissions away), or removed it.
    InstallationChanged {
        /// As it is now; absent when it is removed.
        installation: Option<Installation>,
    },
    /// A team as it is now.
    TeamFormed {
        /// The team.
        team: Team,
    },
    /// Branches or tags moved.
    RefsMoved {
        /// The repository.
        repository: u64,
        /// Each of them.
        #[serde(default)]
        moves: Vec<RefMove>,
        /// Who moved them.
        #[serde(default)]
        by: u64,
    },
    /// A pull request was opened.
    PullOpened {
        /// The repository.
        repository: u64,
        /// The pull request.
        pull: Pull,
    },
    /// Title, body, base, labels, assignees or reviewers changed.
    PullEdited {
        /// The repository.
        repository: u64,
        /// The number.
        number: u64,
        /// What is different.
        edit: Box<Edit>,
    },
    /// The head branch moved.
    PullHeadMoved {
        /// The repository.
        repository: u64,
        /// The number.
        number: u64,
        /// The commit it has now.
        sha: String,
        /// The commit the base has now.
        base_sha: String,
    },
    /// Closed without being merged.
    PullClosed {
        /// The repository.
        repository: u64,
        /// The number.
        number: u64,
        /// By whom.
        by: u64,
    },
    /// Opened again.
    PullReopened {
        /// The repository.
        repository: u64,
        /// The number.
        number: u64,
    },
    /// Merged.
    PullMerged {
        /// The repository.
        repository: u64,
        /// The number.
        number: u64,
        /// How.
        merge: Merge,
    },
    /// Made a draft, or ready for review.
    PullDrafted {
        /// The repository.
        repository: u64,
        /// The number.
        number: u64,
        /// A draft now?
        draft: bool,
        /// By whom.
        by: u64,
    },
    /// It is to merge by itself, or no more.
    AutoMergeSet {
        /// The repository.
        repository: u64,
        /// The number.
        number: u64,
        /// How; absent when it is not to.
        request: Option<AutoMerge>,
    },
    /// It took a place in the merge queue, or its place changed.
    PullQueued {
        /// The repository.
        repository: u64,
        /// Its place.
        place: Queued,
    },
    /// It left the merge queue.
    PullDequeued {
        /// The repository.
        repository: u64,
        /// The number.
        number: u64,
        /// Why, in GitHub's word (`MERGE`, `CI_FAILURE`, `MANUAL`, …).
        reason: String,
    },
    /// A status, a check run or a review.
    Judged {
        /// The repository.
        repository: u64,
        /// What was said.
        verdict: Verdict,
    },
    /// A branch's rules changed.
    Ruled {
        /// The repository.
        repository: u64,
        /// The rule.
        rule: Rule,
    },
    /// A label came into being.
    LabelCreated {
        /// The repository.
        repository: u64,
        /// The label.
        label: Label,
    },
    /// A comment was written or edited.
    CommentWritten {
        /// The repository.
        repository: u64,
        /// The comment as it is now.
        comment: Comment,
    },
    /// A comment was deleted.
    CommentDeleted {
        /// The repository.
        repository: u64,
        /// Its id.
        id: u64,
    },
}

/// A ref that moved; no commit before when it was made, none after when it was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefMove {
    /// Full name.
    pub name: String,
    /// Where it was.
    pub old: Option<String>,
    /// Where it is.
    pub new: Option<String>,
}

/// The fields of a pull request that its people edit; absent means unchanged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Edit {
    /// New title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// New body; `Some(None)` empties it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "double")]
    pub body: Option<Option<String>>,
    /// New base branch and its commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<(String, String)>,
    /// May maintainers push?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintainer_can_modify: Option<bool>,
    /// The labels it has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// The assignees it has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignees: Option<Vec<u64>>,
    /// The requested reviewers it has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewers: Option<Vec<u64>>,
    /// The requested teams it has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teams: Option<Vec<u64>>,
}

/// A repository as a value of its own: inside of a tagged change, keys that are numbers would not be read back.
mod whole {
    use super::Repository;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

    #[allow(clippy::borrowed_box, reason = "the field is one")]
    pub(super) fn serialize<S: Serializer>(value: &Box<Repository>, to: S) -> Result<S::Ok, S::Error> {
        serde_json::to_value(value).map_err(S::Error::custom)?.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Repository>, D::Error> {
        let value = serde_json::Value::deserialize(from)?;
        serde_json::from_value(value).map_err(D::Error::custom)
    }
}

/// `Option<Option<T>>` that keeps an explicit null apart from an absent field.
mod double {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::option_option, clippy::ref_option, reason = "null and absent mean different things")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Option<String>>, to: S) -> Result<S::Ok, S::Error> {
        value.clone().flatten().serialize(to)
    }

    #[allow(clippy::option_option, reason = "null and absent mean different things")]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<String>>, D::Error> {
        Option::<String>::deserialize(from).map(Some)
    }
}
