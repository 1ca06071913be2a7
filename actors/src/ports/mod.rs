//! What the actors need of the world, as traits: truth ([`Store`]), ownership ([`Cluster`]), the code host
//! ([`CodeHost`]), a place to run steps ([`Executor`]) and one to keep results ([`Artifacts`]).
//!
//! `runtime` implements them on real systems. `memory` holds in-memory ones that keep the real rules, and
//! `contract` the suites that hold both to the same behaviour. Deliberately absent: any vendor's name.

mod artifacts;
mod cluster;
mod code_host;
pub mod contract;
mod executor;
pub mod git_objects;
pub mod memory;
mod merging;
mod message;
mod opting;
mod outcome;
mod permit;
mod placement;
mod pool;
mod read_budget;
mod rerunning;
mod reviewing;
mod rollout;
mod standing;
mod store;
mod transition;
mod whereabouts;

pub use artifacts::{ArtifactError, ArtifactKey, Artifacts};
pub use cluster::{Cluster, Fence, Lease, Ownership};
pub use code_host::{CodeHost, CodeHostError, CommitDraft, MOST_READ_AT_ONCE, NewPullRequest, RepositoryRef};
pub use executor::{Executor, Work};
pub use merging::Merging;
pub use message::{Message, MessageBody, Recipient};
pub use opting::{Opting, Wish};
pub use outcome::{Outcome, SyncFailure, SyncReport};
pub use permit::{Counting, Permit, PermitAnswer, PermitRequest, Spending};
pub use placement::RowKey;
pub use pool::{AFTER_LOSS, Account, HELD_AFTER_SILENCE, Lent, PointPool, PoolSilent, USABLE, grain};
pub use read_budget::{ReadBudget, ReadLimits, Reading, Resource};
pub use rerunning::Rerunning;
pub use reviewing::{ReviewRequest, Reviewing};
pub use rollout::{Held, RolloutCounts, RolloutMark, Wanted};
pub use standing::{Standing, Trouble};
pub use store::{Backlog, CommitError, Committed, Followed, Prunable, RunControl, Store, StoreError};
pub use transition::{
    AdmissionState, Effect, EffectChange, EffectKind, EffectState, Execution, NewEvent, RowChange, Subject,
    Transition,
};
pub use whereabouts::Whereabouts;

use std::sync::Arc;

/// Every port an actor may need, cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// Truth.
    pub store: Arc<dyn Store>,
    /// Ownership and wake-ups.
    pub cluster: Arc<dyn Cluster>,
    /// The code host.
    pub code_host: Arc<dyn CodeHost>,
    /// Runs steps.
    pub executor: Arc<dyn Executor>,
    /// Keeps snapshots and results.
    pub artifacts: Arc<dyn Artifacts>,
}
