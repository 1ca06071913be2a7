//! Permits: the right to send one content-creating write to the code host.
//!
//! A permit is a row taken before the write, by the database's clock, and is never refunded unless the request
//! certainly did not leave. Deliberately absent: fairness and pacing, which are the limiter actor's.

use campaigns_domain::{
    id::{CampaignId, RunId},
    publish::budget::{Budget, HeldBy, WriteKind},
};
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

    /// Whether it is too late to send.
    pub fn has_expired(&self) -> bool {
        Instant::now() >= self.expires
    }
}
