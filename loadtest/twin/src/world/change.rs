//! Every way in which the world can change, and what each does to the state. Applying is total and
//! deterministic: the state is the fold of the journal. A change carries its ids and times, so nothing is
//! drawn here.

use super::model::{
    Account, App, Comment, Grant, Installation, Label, Merge, Pull, Repository, RepositoryRecord,
};
use super::state::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// A branch or tag moved.
    RefsMoved {
        /// The repository.
        repository: u64,
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

impl State {
    /// Applies one change that happened at `at`.
    pub fn apply(&mut self, at: DateTime<Utc>, change: &Change) {
        match change {
            Change::Founded { organization, accounts, app, installation } => {
                self.see_id(organization.id);
                self.organization = organization.id;
                for account in accounts.iter().chain([organization]) {
                    self.see_id(account.id);
                    self.accounts.insert(account.id, account.clone());
                }
                self.see_id(app.id);
                self.see_id(installation.id);
                self.app = Some(app.clone());
                self.installation = Some(installation.clone());
            }
            Change::TokenIssued { grant } => {
                self.grants.insert(grant.digest.clone(), grant.clone());
            }
            Change::TokenRevoked { digest } => {
                self.grants.remove(digest);
            }
            Change::RepositoryCreated { record } => {
                self.see_id(record.id);
                self.names.insert(record.name.to_lowercase(), record.id);
                self.repositories.insert(
                    record.id,
                    Repository {
                        record: record.clone(),
                        pulls: BTreeMap::new(),
                        labels: BTreeMap::new(),
                        comments: BTreeMap::new(),
                    },
                );
            }
            // An old name keeps leading to the repository until another one takes it, as at GitHub.
            Change::RepositoryChanged { record } => {
                self.names.insert(record.name.to_lowercase(), record.id);
                if let Some(repository) = self.repositories.get_mut(&record.id) {
                    repository.record = record.clone();
                }
            }
            Change::RefsMoved { repository } => {
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.record.pushed_at = at;
                    repository.record.updated_at = at;
                }
            }
            Change::PullOpened { repository, pull } => {
                self.see_id(pull.id);
                self.pull_ids.insert(pull.id, (*repository, pull.number));
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.pulls.insert(pull.number, pull.clone());
                }
            }
            Change::PullEdited { repository, number, edit } => {
                self.pull_mut(*repository, *number, at, |pull| {
                    let edit = (**edit).clone();
                    pull.title = edit.title.unwrap_or_else(|| pull.title.clone());
                    pull.body = edit.body.unwrap_or_else(|| pull.body.clone());
                    if let Some((base, sha)) = edit.base {
                        pull.base = base;
                        pull.base_sha = sha;
                    }
                    pull.maintainer_can_modify =
                        edit.maintainer_can_modify.unwrap_or(pull.maintainer_can_modify);
                    pull.labels = edit.labels.unwrap_or_else(|| pull.labels.clone());
                    pull.assignees = edit.assignees.unwrap_or_else(|| pull.assignees.clone());
                    pull.reviewers = edit.reviewers.unwrap_or_else(|| pull.reviewers.clone());
                })
            }
            Change::PullHeadMoved { repository, number, sha, base_sha } => {
                self.pull_mut(*repository, *number, at, |pull| {
                    pull.head_sha.clone_from(sha);
                    pull.base_sha.clone_from(base_sha);
                });
            }
            Change::PullClosed { repository, number, by } => {
                self.pull_mut(*repository, *number, at, |pull| {
                    pull.closed_at = Some(at);
                    pull.closed_by = Some(*by);
                })
            }
            Change::PullReopened { repository, number } => self.pull_mut(*repository, *number, at, |pull| {
                pull.closed_at = None;
                pull.closed_by = None;
            }),
            Change::PullMerged { repository, number, merge } => {
                self.pull_mut(*repository, *number, at, |pull| {
                    pull.closed_at = Some(merge.at);
                    pull.closed_by = Some(merge.by);
                    pull.merge = Some(merge.clone());
                })
            }
            Change::LabelCreated { repository, label } => {
                self.see_id(label.id);
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.labels.insert(label.name.to_lowercase(), label.clone());
                }
            }
            Change::CommentWritten { repository, comment } => {
                self.see_id(comment.id);
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.comments.insert(comment.id, comment.clone());
                }
                self.pull_mut(*repository, comment.pull, at, |_| ());
            }
            Change::CommentDeleted { repository, id } => {
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.comments.remove(id);
                }
            }
        }
    }

    fn pull_mut(&mut self, repository: u64, number: u64, at: DateTime<Utc>, change: impl FnOnce(&mut Pull)) {
        if let Some(pull) =
            self.repositories.get_mut(&repository).and_then(|repository| repository.pulls.get_mut(&number))
        {
            change(pull);
            pull.updated_at = at;
        }
    }
}
