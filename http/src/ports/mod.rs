//! What the API needs of the world, as traits: what people read ([`Reads`]), what happened ([`Events`]), what they
//! ask for ([`Writes`]), what forecasts are made from ([`Queues`]), whose token it is ([`Access`]), what the code host tells ([`Webhooks`]),
//! whether the database answers ([`Probe`]), and the wake-up of the owners ([`Wake`]).
//!
//! `runtime` implements them on Postgres. Deliberately absent: an in-memory implementation; the tests run on the
//! real server.

mod access;
mod budget;
mod events;
mod reads;
mod webhooks;
mod writes;

pub use access::{Access, NewToken, Token};
pub use budget::{Found, HeldAt, OrganizationQueue, Queued, Queues, Results, WaitingRun};
pub use events::Events;
pub use reads::{
    ChangesetFilter, ChangesetScope, EventRow, Listed, Positions, Probe, Progress, Reads, RepositoryFilter,
    RunKey, TargetFilter, TargetKey,
};
pub use webhooks::{APP_SHARD, Delivery, EVENTS, Hint, Received, Webhooks, Whereabouts};
pub use writes::{
    AskedFor, Asking, CreatedRun, IdempotencyKey, NewCommand, NewRun, NewSpec, NotAKey, Paced, Signed,
    Started, Steer, Steered, Wake, Writes,
};

pub use campaigns_actors::ports::StoreError;
