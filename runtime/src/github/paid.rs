//! What a request goes by: a permit for a write, a read budget for a read, and nothing for the few that are about
//! our own credential.
//!
//! Deliberately absent: the rules of either, which are the ports'.

use super::wire::Lost;
use campaigns_actors::ports::{Permit, ReadBudget, Reading, Resource};
use tokio::time::Instant;

/// What a request goes by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Paid<'a> {
    /// A write, and the reads that finding its repository under a new name takes.
    Permit(&'a Permit),
    /// A read of an organisation.
    Reads(&'a ReadBudget),
    /// A GraphQL query of an organisation without connections, which costs one point.
    Query(&'a ReadBudget),
    /// Minting and checking our own credential, looking for an API before there is one, and what the App asks about
    /// itself: GitHub counts that apart from every organisation.
    Credential,
}

impl Paid<'_> {
    /// Waits until the request may leave; it counts as under way until what is returned is dropped.
    pub(super) async fn spend(self) -> Result<Option<Reading>, Lost> {
        match self {
            Self::Reads(budget) => budget.spend(Resource::Rest, 1).await.map(Some).map_err(Lost::Held),
            Self::Query(budget) => budget.spend(Resource::GraphQl, 1).await.map(Some).map_err(Lost::Held),
            Self::Permit(_) | Self::Credential => Ok(None),
        }
    }

    /// When it will be too late to send; never for what needs no permit.
    pub(super) fn expires(self) -> Option<Instant> {
        match self {
            Self::Permit(permit) => Some(permit.expires),
            Self::Reads(_) | Self::Query(_) | Self::Credential => None,
        }
    }
}
