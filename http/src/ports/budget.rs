//! What a forecast is made from: what waits in an organisation, and what counts in its windows.
//!
//! Deliberately absent: the forecast (`campaigns_domain::publish::budget`).

use super::StoreError;
use async_trait::async_trait;
use campaigns_actors::ports::Spending;
use campaigns_domain::{
    execution::rollout::Progress,
    id::{CampaignId, RunId},
    publish::{
        budget::{Budget, Own, OwnRules, Planned},
        rollout::WaveCounts,
        standing::{AdaptivePace, Pause},
    },
    spec::Rollout,
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
    /// Where it stands among what its run holds; none where it is not held.
    pub held: Option<HeldAt>,
    /// Who paused it by itself, if somebody did.
    pub paused_by: Option<String>,
}

/// Where a changeset stands among those that its run holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldAt {
    /// The position of its target.
    pub position: u32,
    /// Whether it has a pull request.
    pub opened: bool,
    /// How many of the same kind are before it, in every organisation.
    pub before: u32,
}

/// A run of which something waits.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingRun {
    /// Which.
    pub run: RunId,
    /// Its campaign, and its name.
    pub campaign: (CampaignId, String),
    /// What its spec says about how it goes out.
    pub rollout: Option<Rollout>,
    /// Where that stands.
    pub progress: Progress,
    /// Why nothing of it is sent, if a pause holds it.
    pub paused: Option<String>,
    /// What became of its waves, where it holds something back.
    pub waves: Vec<WaveCounts>,
    /// Whether everything that is still to be sent of it is in one organisation.
    pub alone: bool,
}

/// What waits in an organisation, in the order it was scheduled, and what counts in its windows.
#[derive(Debug, Clone, PartialEq)]
pub struct OrganizationQueue {
    /// What waits and what is being sent.
    pub queued: Vec<Queued>,
    /// The runs that it is of.
    pub runs: Vec<WaitingRun>,
    /// What counts.
    pub spending: Spending,
    /// Nothing is sent before this, and why.
    pub quiet: Option<(DateTime<Utc>, String)>,
    /// What has to be mended, and since when.
    pub pause: Option<(Pause, Option<DateTime<Utc>>)>,
    /// How far apart writes are kept beyond the settings.
    pub pace: AdaptivePace,
}

impl OrganizationQueue {
    /// What the campaigns of these runs have set for themselves.
    pub fn own(runs: &[WaitingRun]) -> OwnRules {
        let mut own = OwnRules::default();
        for run in runs {
            own.add(run.campaign.0, Own::of(run.rollout.as_ref(), &run.progress.pace));
        }
        own
    }
}

/// What a run found to change.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What its spec says about how it would go out.
    pub rollout: Option<Rollout>,
    /// Its results by organisation.
    pub results: Vec<Results>,
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
    async fn results(&self, run: RunId) -> Result<Option<Found>, StoreError>;
}
