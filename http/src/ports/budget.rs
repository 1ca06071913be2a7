//! What a forecast is made from: what waits in an organisation, and what counts in its windows.
//!
//! Deliberately absent: the forecast (`campaigns_domain::publish::budget`).

use super::StoreError;
use async_trait::async_trait;
use campaigns_actors::ports::Spending;
use campaigns_domain::{
    id::{CampaignId, RunId},
    publish::{
        budget::{Budget, Planned},
        standing::{AdaptivePace, Pause},
    },
};
use chrono::{DateTime, Utc};

/// A changeset that waits or is being sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// What is to be written.
    pub planned: Planned,
    /// The campaign's name.
    pub campaign: String,
    /// The run that proposed it.
    pub run: RunId,
    /// The repository.
    pub repository: String,
    /// Whether it is being sent.
    pub sending: bool,
}

/// What waits in an organisation, in the order it was scheduled, and what counts in its windows.
#[derive(Debug, Clone, PartialEq)]
pub struct OrganizationQueue {
    /// What waits and what is being sent.
    pub queued: Vec<Queued>,
    /// What counts.
    pub spending: Spending,
    /// Nothing is sent before this, and why.
    pub quiet: Option<(DateTime<Utc>, String)>,
    /// What has to be mended.
    pub pause: Option<Pause>,
    /// How far apart writes are kept beyond the settings.
    pub pace: AdaptivePace,
}

/// Results of a run that would be published in one organisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// The organisation, in lower case.
    pub organization: String,
    /// What each would write.
    pub planned: Vec<Planned>,
}

/// What forecasts are made from.
#[async_trait]
pub trait Queues: Send + Sync + 'static {
    /// A campaign's id and the organisations in which something of it waits; none where there is no such campaign.
    async fn waiting_of(&self, campaign: &str) -> Result<Option<(CampaignId, Vec<String>)>, StoreError>;

    /// Whether anything was ever done, or is to be, in an organisation.
    async fn knows(&self, organization: &str) -> Result<bool, StoreError>;

    /// What waits in an organisation.
    async fn queue(&self, organization: &str, budget: &Budget) -> Result<OrganizationQueue, StoreError>;

    /// What a run found to change, by organisation; none where there is no such run.
    async fn results(&self, run: RunId) -> Result<Option<Vec<Results>>, StoreError>;
}
