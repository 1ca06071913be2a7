//! Truth, as far as review requests go: how many of a campaign are open for whom, and places for more.
//!
//! A place is a row that is taken before somebody is asked, under a lock of the campaign, so that a cap holds over
//! replicas, organisations and crashes. It counts until the outcome of the sending that took it is on record; from then on what
//! was seen of the pull request does. Deliberately absent: asking.

use super::{CommitError, StoreError, cluster::Lease};
use async_trait::async_trait;
use campaigns_domain::id::{CampaignId, ChangesetId};
use std::collections::BTreeMap;

/// Who may be asked to review a changeset's pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRequest {
    /// The campaign whose requests are counted.
    pub campaign: CampaignId,
    /// The changeset, whose own requests are not.
    pub changeset: ChangesetId,
    /// The organisation whose owner asks.
    pub organization: String,
    /// The changeset's generation that is being sent.
    pub generation: u32,
    /// Logins, and teams as `organisation/slug`, in the order that decides between equals.
    pub candidates: Vec<String>,
    /// At most so many of them.
    pub at_most: u32,
    /// Nobody who has so many open requests.
    pub max_open_each: u32,
}

/// What the store keeps of review requests.
#[async_trait]
pub trait Reviewing: Send + Sync + 'static {
    /// Takes places with those of the candidates that [`choose`] chooses, and names them.
    ///
    /// # Errors
    /// [`CommitError::Fenced`] where the organisation's shard has another owner.
    ///
    /// [`choose`]: campaigns_domain::publish::reviewers::choose
    async fn take_reviews(&self, lease: &Lease, request: ReviewRequest) -> Result<Vec<String>, CommitError>;

    /// How many review requests of a campaign are open, by name in lower case: on open pull requests as they were seen
    /// last, and places on their way.
    async fn open_reviews(&self, campaign: CampaignId) -> Result<BTreeMap<String, u32>, StoreError>;
}
