//! What campaigns have set for themselves beside the limits that hold for all of them: caps, the hours in which they
//! go on, and who goes first.
//!
//! Deliberately absent: where it is set (`spec::Rollout`, `execution::rollout::Pace`).

use super::{Budget, Cap};
use crate::{
    execution::rollout::Pace,
    id::CampaignId,
    publish::rollout::{is_open, next_change, windows_of},
    spec::{Hours, Rollout},
};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};

/// What one campaign has set for itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Own {
    /// Its caps.
    pub caps: Vec<Cap>,
    /// The hours in which it goes on; without any, always.
    pub hours: Vec<Hours>,
    /// Whether it goes before others.
    pub urgent: bool,
}

impl Own {
    /// What a run goes by whose spec has this rollout, if any, and for which people have set this pace.
    pub fn of(rollout: Option<&Rollout>, pace: &Pace) -> Self {
        let spec = rollout.map(|rollout| rollout.caps).unwrap_or_default();
        Self {
            caps: windows_of(&pace.caps.or(spec)),
            hours: rollout.map(|rollout| rollout.windows.clone()).unwrap_or_default(),
            urgent: pace.priority.is_some_and(|priority| priority.is_urgent()),
        }
    }
}

/// What campaigns have set for themselves. One that has set nothing is not in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OwnRules(HashMap<CampaignId, Own>);

impl OwnRules {
    /// Adds what a run of a campaign goes by. Where several do, all of their caps hold.
    pub fn add(&mut self, campaign: CampaignId, own: Own) {
        if own == Own::default() {
            return;
        }
        let known = self.0.entry(campaign).or_default();
        let new: Vec<Cap> = own.caps.into_iter().filter(|cap| !known.caps.contains(cap)).collect();
        known.caps.extend(new);
        if !own.hours.is_empty() {
            known.hours = own.hours;
        }
        known.urgent |= own.urgent;
    }

    /// A campaign's own caps.
    pub fn caps(&self, campaign: CampaignId) -> &[Cap] {
        self.0.get(&campaign).map_or(&[], |own| &own.caps)
    }

    /// Whether anybody has caps of its own.
    pub fn has_caps(&self) -> bool {
        self.0.values().any(|own| !own.caps.is_empty())
    }

    /// The campaigns that go before others.
    pub fn urgent(&self) -> HashSet<CampaignId> {
        self.0.iter().filter(|(_, own)| own.urgent).map(|(campaign, _)| *campaign).collect()
    }

    /// The hours in which a campaign goes on.
    pub fn hours(&self, campaign: CampaignId) -> &[Hours] {
        self.0.get(&campaign).map_or(&[], |own| &own.hours)
    }

    /// The first moment from this one on at which a campaign may go on; none where it never may.
    pub fn opens(&self, campaign: CampaignId, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let hours = self.hours(campaign);
        if is_open(hours, at) { Some(at) } else { next_change(hours, at) }
    }

    /// A budget with every cap that any of them has: what counts in its windows is all that has to be known.
    #[must_use]
    pub fn within(&self, budget: &Budget) -> Budget {
        let own = self.0.values().flat_map(|own| own.caps.iter().copied());
        Budget { campaign: budget.campaign.iter().copied().chain(own).collect(), ..budget.clone() }
    }
}
