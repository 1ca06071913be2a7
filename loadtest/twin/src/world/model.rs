//! What the world is made of: accounts, the app and its installation, grants behind tokens, repositories and
//! pull requests. Plain data. Branches, commits and files are not here: the bare repositories are their truth.

use super::rules::{AutoMerge, Protection, Queued, Ruleset, Settings};
use super::verdict::{CheckRun, Review, Status};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// GitHub's three kinds of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountKind {
    /// A person.
    User,
    /// An app's own account, `slug[bot]`.
    Bot,
    /// An organisation.
    Organization,
}

/// Somebody.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Numeric id.
    pub id: u64,
    /// Login, unique without regard to case.
    pub login: String,
    /// Person, bot or organisation.
    pub kind: AccountKind,
    /// Display name.
    pub name: Option<String>,
    /// When it joined.
    pub created_at: DateTime<Utc>,
}

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// May read.
    Read,
    /// May read and write.
    Write,
    /// May administer.
    Admin,
}

impl Level {
    /// The word GitHub uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// Permissions by GitHub's name (`contents`, `pull_requests`, …).
pub type Permissions = BTreeMap<String, Level>;

/// The GitHub App of this world.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct App {
    /// Numeric app id.
    pub id: u64,
    /// Client id, `Iv23li…`.
    pub client_id: String,
    /// Slug; its bot is `slug[bot]`.
    pub slug: String,
    /// Name.
    pub name: String,
    /// The account that acts for it.
    pub bot: u64,
    /// What it asks for.
    pub permissions: Permissions,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

/// The app's presence in the organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Installation {
    /// Numeric id.
    pub id: u64,
    /// What the owner granted.
    pub permissions: Permissions,
    /// When it was installed.
    pub created_at: DateTime<Utc>,
    /// When its owner suspended it.
    #[serde(default)]
    pub suspended_at: Option<DateTime<Utc>>,
    /// The repositories that its owner selected for it; absent means all of the organisation's.
    #[serde(default)]
    pub selected: Option<BTreeSet<u64>>,
}

/// Who a token speaks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Holder {
    /// A person, with everything that person may do.
    Person {
        /// The account.
        user: u64,
    },
    /// An installation, perhaps narrowed.
    Installation {
        /// The installation.
        installation: u64,
        /// Only these repositories; absent means all of the installation's.
        repositories: Option<BTreeSet<u64>>,
        /// What it may do.
        permissions: Permissions,
    },
}

/// What stands behind a token. The token itself is not kept, only its SHA-256.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// SHA-256 of the token, hexadecimal.
    pub digest: String,
    /// Who it speaks for.
    pub holder: Holder,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A repository's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RepositoryRecord {
    /// Numeric id; also the name of its bare repository on disk.
    pub id: u64,
    /// Name without the owner.
    pub name: String,
    /// One line about it.
    pub description: Option<String>,
    /// The branch that HEAD names.
    pub default_branch: String,
    /// Whether only members see it.
    pub private: bool,
    /// Read-only?
    pub archived: bool,
    /// Topics, lower case.
    pub topics: Vec<String>,
    /// The language of most of its files.
    pub language: Option<String>,
    /// Kibibytes.
    pub size: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When anything about it last changed.
    pub updated_at: DateTime<Utc>,
    /// When a branch last moved.
    pub pushed_at: DateTime<Utc>,
    /// How pull requests are merged.
    #[serde(default)]
    pub settings: Settings,
    /// Another owner's login, after it was transferred out of the organisation and out of the app's reach.
    #[serde(default)]
    pub transferred_to: Option<String>,
}

/// A label of a repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Label {
    /// Numeric id.
    pub id: u64,
    /// Name as first written.
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
    /// What it means.
    pub description: Option<String>,
}

/// A comment in a pull request's conversation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comment {
    /// Numeric id.
    pub id: u64,
    /// The pull request's number.
    pub pull: u64,
    /// Who wrote it.
    pub author: u64,
    /// Markdown.
    pub body: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// How a pull request was merged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Merge {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: u64,
    /// The commit that the base branch then had.
    pub commit: String,
}

/// A pull request. Head and base are branches of the same repository: there are no forks in this world.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pull {
    /// Numeric id.
    pub id: u64,
    /// Number within the repository.
    pub number: u64,
    /// Title.
    pub title: String,
    /// Markdown.
    pub body: Option<String>,
    /// Not ready for review?
    pub draft: bool,
    /// Closed (merged or not)?
    pub closed_at: Option<DateTime<Utc>>,
    /// Merged?
    pub merge: Option<Merge>,
    /// Head branch, without `refs/heads/`.
    pub head: String,
    /// The commit the head had when it was last seen.
    pub head_sha: String,
    /// Base branch, without `refs/heads/`.
    pub base: String,
    /// The commit the base had when the pull request was opened or its head or base last changed.
    pub base_sha: String,
    /// Who opened it.
    pub author: u64,
    /// Who closed it.
    pub closed_by: Option<u64>,
    /// May maintainers push to the head?
    pub maintainer_can_modify: bool,
    /// Names of labels, in the order they were added.
    pub labels: Vec<String>,
    /// Accounts.
    pub assignees: Vec<u64>,
    /// Accounts.
    pub reviewers: Vec<u64>,
    /// Teams that are asked for a review.
    #[serde(default)]
    pub teams: Vec<u64>,
    /// Is it to merge by itself?
    #[serde(default)]
    pub auto_merge: Option<AutoMerge>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When anything about it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Installation {
    /// Does it reach a repository? Never one that was transferred out of the organisation.
    pub fn reaches(&self, record: &RepositoryRecord) -> bool {
        record.transferred_to.is_none()
            && self.selected.as_ref().is_none_or(|selected| selected.contains(&record.id))
    }
}

impl Pull {
    /// `open` or `closed`, as GitHub's `state`.
    pub fn state(&self) -> &'static str {
        if self.closed_at.is_some() { "closed" } else { "open" }
    }

    /// Is it open?
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }
}

/// A repository with what belongs to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repository {
    /// Its record.
    pub record: RepositoryRecord,
    /// Pull requests by number.
    pub pulls: BTreeMap<u64, Pull>,
    /// Labels by lower-case name.
    pub labels: BTreeMap<String, Label>,
    /// Comments by id.
    pub comments: BTreeMap<u64, Comment>,
    /// Statuses by commit, oldest first.
    pub statuses: BTreeMap<String, Vec<Status>>,
    /// Check runs by id.
    pub check_runs: BTreeMap<u64, CheckRun>,
    /// Reviews by id.
    pub reviews: BTreeMap<u64, Review>,
    /// Classic protection by branch.
    pub protections: BTreeMap<String, Protection>,
    /// Rulesets by id.
    pub rulesets: BTreeMap<u64, Ruleset>,
    /// Merge queues of all branches, first come first.
    pub queue: Vec<Queued>,
}

impl Repository {
    /// A new one.
    pub fn new(record: RepositoryRecord) -> Self {
        Self {
            record,
            pulls: BTreeMap::new(),
            labels: BTreeMap::new(),
            comments: BTreeMap::new(),
            statuses: BTreeMap::new(),
            check_runs: BTreeMap::new(),
            reviews: BTreeMap::new(),
            protections: BTreeMap::new(),
            rulesets: BTreeMap::new(),
            queue: Vec::new(),
        }
    }
}
