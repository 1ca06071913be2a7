//! Permits: the right to send one content-creating write to the code host.
//!
//! A permit is a row taken before the write, by the database's clock, and is never refunded unless the request
//! certainly did not leave. Deliberately absent: fairness and pacing, which are the limiter actor's.

use super::Lease;
use campaigns_domain::{
    id::{CampaignId, RunId},
    publish::budget::{Budget, Charge, HeldBy, Spent, WriteKind},
};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// What a permit is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct PermitRequest {
    /// The organisation or user whose limits count.
    pub organization: String,
    /// The campaign that writes.
    pub campaign: CampaignId,
    /// The run that writes.
    pub run: RunId,
    /// What the write does.
    pub kind: WriteKind,
    /// The windows that have to hold; they also say what the write costs.
    pub budget: Budget,
}

/// The answer to a request.
#[derive(Debug)]
pub enum PermitAnswer {
    /// It may be sent now.
    Granted(Permit),
    /// Not before this long from now, and what holds it longest.
    Wait(Duration, HeldBy),
}

/// What counts in the windows that hold for an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    /// The store's time at which it was read.
    pub now: DateTime<Utc>,
    /// Every permit that still counts in some window.
    pub permits: Vec<Counting>,
}

/// A permit that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting {
    /// When it was answered, or else the last moment at which its write may have reached the host.
    pub counts_from: DateTime<Utc>,
    /// The organisation, in lower case.
    pub organization: String,
    /// The campaign.
    pub campaign: CampaignId,
    /// What it cost.
    pub charge: Charge,
}

impl Spending {
    /// The permits, as the domain counts them.
    pub fn writes(&self) -> Vec<Spent<'_>> {
        let each = self.permits.iter().map(|permit| Spent {
            counts_from: permit.counts_from,
            organization: &permit.organization,
            campaign: permit.campaign,
            charge: permit.charge,
        });
        each.collect()
    }
}

/// The right to send one write. Taken by value by every writing call, so that one permit is one request.
#[derive(Debug)]
pub struct Permit {
    /// The row.
    pub id: Uuid,
    /// After this the permit may not be used any more; checked when the request is about to leave.
    pub expires: Instant,
}

impl Permit {
    /// A permit of the row `id`, usable for `life` from now.
    pub fn new(id: Uuid, life: Duration) -> Self {
        Self { id, expires: Instant::now() + life }
    }

    /// The same permit, usable no longer than `lease` is trusted as it stands: whoever wakes after that sends nothing.
    pub fn under(self, lease: &Lease) -> Self {
        let expires = lease.trusted_until().map_or(self.expires, |until| self.expires.min(until));
        Self { expires, ..self }
    }

    /// Whether it is too late to send.
    pub fn has_expired(&self) -> bool {
        Instant::now() >= self.expires
    }
}
