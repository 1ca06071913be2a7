//! The pool: the points of reads of an organisation that all processes of an installation spend together.
//!
//! A process says how it stands and is lent what there is of what it wants, a few points at a time, so that a read
//! does not cost a question each. It always says the whole of it (what it holds, all that was ever answered), so an
//! exchange that is lost, repeated or forgotten is mended by the next. Deliberately absent: what a process does with
//! what it holds, and what it does while the pool is silent (`read_budget`).

use super::Resource;
use async_trait::async_trait;
use campaigns_domain::publish::budget::Window;
use std::time::Duration;

/// How long what a process holds counts after its last word: what it was lent may be sent for [`USABLE`] and be on its
/// way for as long as an answer is waited for (15 s). From then on it counts as answered.
pub const HELD_AFTER_SILENCE: Duration = Duration::from_secs(20);

/// How long nothing is lent after a pool has lost what it knew: until then whoever is alive has said again what it has
/// spent.
pub const AFTER_LOSS: Duration = Duration::from_secs(2);

/// For how long points may be used after the question for them left.
pub const USABLE: Duration = Duration::from_secs(2);

/// How finely time is told apart: a hundred and twentieth of the shortest window, so that what is rounded up costs less
/// than one in a hundred points.
pub fn grain(windows: &[Window]) -> Duration {
    let shortest = windows.iter().map(|window| window.seconds).min().unwrap_or(60).max(1);
    Duration::from_secs(shortest.into()) / 120
}

/// How one process stands with one counter of one organisation, and what it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The organisation or user, in lower case.
    pub owner: String,
    /// Which counter.
    pub resource: Resource,
    /// What all processes keep together.
    pub windows: Vec<Window>,
    /// Grows with every exchange of this process: one that comes late says nothing any more.
    pub number: u64,
    /// Points that it holds: lent and not used yet, or of requests without an answer yet.
    pub held: u32,
    /// Points of everything that was ever answered.
    pub answered: u64,
    /// Those of the longest window, for a pool that does not know this process.
    pub recent: u32,
    /// How many more it wants.
    pub want: u32,
}

/// What a process is lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lent {
    /// Points, to be used within [`USABLE`]; none where there is no room for one.
    pub points: u32,
    /// What is left after them.
    pub room: u32,
    /// Where nothing is lent, when there may be more.
    pub again: Duration,
}

/// The pool does not answer: whether it took note is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the points of reads could not be asked for: {0}")]
pub struct PoolSilent(pub String);

/// The points as one process sees them.
#[async_trait]
pub trait PointPool: Send + Sync + 'static {
    /// Takes note of how this process stands, and lends it what there is of what it wants. Whatever is lent, no window
    /// holds more than its cap, counted from each request's arrival.
    ///
    /// # Errors
    /// [`PoolSilent`] after a short while without an answer.
    async fn exchange(&self, account: &Account) -> Result<Lent, PoolSilent>;
}
