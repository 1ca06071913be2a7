//! An executor that runs nothing: every attempt takes as long as it is told, and changes nothing.
//!
//! For load tests of everything else. Deliberately absent: artifacts; nobody has a log or a diff of what was not run.

use async_trait::async_trait;
use campaigns_actors::ports::{Executor, Work};
use campaigns_domain::{
    execution::{Blob, Manifest, target::Failure},
    id::Digest,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Runs nothing.
pub struct NullExecutor {
    takes: Duration,
    parallelism: u32,
    places: Arc<Semaphore>,
}

impl NullExecutor {
    /// An executor whose attempts take this long, at most `parallelism` at once.
    pub fn new(takes: Duration, parallelism: u32) -> Self {
        let parallelism = parallelism.max(1);
        let places = usize::try_from(parallelism).unwrap_or(Semaphore::MAX_PERMITS);
        Self { takes, parallelism, places: Arc::new(Semaphore::new(places)) }
    }
}

#[async_trait]
impl Executor for NullExecutor {
    async fn execute(&self, work: Work, started: Box<dyn FnOnce() + Send>) -> Result<Manifest, Failure> {
        // It is never closed; without a place it would merely not be bounded.
        let _place = self.places.acquire().await.ok();
        started();
        tokio::time::sleep(self.takes).await;
        let nothing = || Blob { digest: Digest::of(&[]), size: 0 };
        Ok(Manifest {
            version: 1,
            base: work.order.base,
            changes: vec![],
            diff: nothing(),
            log: nothing(),
            steps: vec![],
            isolation: "none: nothing is run".to_owned(),
        })
    }

    fn parallelism(&self) -> u32 {
        self.parallelism
    }

    fn reads_snapshots(&self) -> bool {
        false
    }
}

impl std::fmt::Debug for NullExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NullExecutor").field("takes", &self.takes).finish_non_exhaustive()
    }
}
