//! Running steps: the port to wherever that happens.
//!
//! Deliberately absent: credentials. An executor is handed a snapshot that was fetched before, and keeps results
//! under the keys of [`super::ArtifactKey`].

use super::ArtifactKey;
use async_trait::async_trait;
use campaigns_domain::execution::{Manifest, Order, target::Failure};

/// One attempt's work.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// What to run.
    pub order: Order,
    /// Where the repository's snapshot is kept: an uncompressed tar of the commit's tree, every path at its
    /// exact bytes and mode, submodules left out.
    pub snapshot: ArtifactKey,
}

/// A place that runs steps.
#[async_trait]
pub trait Executor: Send + Sync + 'static {
    /// Runs an attempt to its end: contents, diff, log and last the manifest are kept as artifacts of the
    /// order's execution. An attempt whose complete manifest is there already is not run again. `started` is
    /// called once, when the steps begin. Dropping the future stops the steps.
    ///
    /// # Errors
    /// How the attempt failed and whose matter that is; the log is kept as far as it got.
    async fn execute(&self, work: Work, started: Box<dyn FnOnce() + Send>) -> Result<Manifest, Failure>;

    /// How many attempts can run at once here; the default window of a run.
    fn parallelism(&self) -> u32;

    /// Whether it reads the snapshot of what it is handed; where not, none is fetched.
    fn reads_snapshots(&self) -> bool {
        true
    }
}
