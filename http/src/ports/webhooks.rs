//! Webhooks as they are kept: one row for each delivery, for its owner to act on.
//!
//! Deliberately absent: the payload. What of it says where to look is kept, and nothing is believed of the rest.

use super::StoreError;
use async_trait::async_trait;
use campaigns_domain::id::Shard;
use uuid::Uuid;

/// The shard that keeps what concerns the App itself, wherever it is installed.
pub const APP_SHARD: Shard = Shard(0);

/// The events that say where to look; an App has to be subscribed to them. What comes of others is kept and leads to
/// nothing.
pub const EVENTS: [&str; 15] = [
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "delete",
    "installation",
    "installation_repositories",
    "installation_target",
    "merge_group",
    "pull_request",
    "pull_request_review",
    "pull_request_review_thread",
    "push",
    "repository",
    "repository_ruleset",
    "status",
];

/// One delivery of the code host's, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The App (or the hook's other owner) that it was sent for; 0 where that was not said. A delivery's id is
    /// shared by every App that is told of the same event.
    pub app: u64,
    /// The code host's id of it, the same when it is delivered again.
    pub id: Uuid,
    /// What happened: `pull_request`, `push`, ...
    pub event: String,
    /// How, where the event has several ways.
    pub action: String,
    /// The installation that it was sent to.
    pub installation: Option<u64>,
    /// The login of the organisation or user it happened at, in lower case; empty where there is none.
    pub organization: String,
    /// What is to be read afresh because of it.
    pub hint: Hint,
}

impl Delivery {
    /// The shard whose owner acts on it.
    pub fn shard(&self) -> Shard {
        match self.hint {
            Hint::Installation(_) => APP_SHARD,
            Hint::Nothing | Hint::PullRequests(_) => Shard::of_organization(&self.organization),
        }
    }
}

/// What a delivery gives reason to read afresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Nothing that campaigns are about.
    Nothing,
    /// The installation, and pull requests that it may no longer reach.
    Installation(Whereabouts),
    /// Pull requests.
    PullRequests(Whereabouts),
}

/// Which pull requests: those of the repositories that have any of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The repositories, by id.
    pub repositories: Vec<u64>,
    /// Whether all of them.
    pub all: bool,
    /// Numbers of pull requests.
    pub pull_requests: Vec<u64>,
    /// Branches, head or base.
    pub branches: Vec<String>,
    /// Head commits.
    pub commits: Vec<String>,
}

/// Deliveries as they are received.
#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    /// Keeps a delivery. One that is there already stays as it is, processed or not, and is counted.
    async fn receive(&self, delivery: &Delivery) -> Result<Received, StoreError>;
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is new.
    New,
    /// It came before and has not been acted on yet.
    Waiting,
    /// It came before and was acted on.
    Processed,
}
