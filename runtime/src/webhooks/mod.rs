//! What is done about webhooks once they are kept: hints are sorted to the organisations whose pull requests they
//! name, installations are read afresh, and what GitHub failed to deliver is asked for again.
//!
//! All of it is done by the owner of a shard under its fence. That is not an actor's work because nothing is decided
//! and nothing is remembered: rows become messages, and a lost message is a hint that comes later. Deliberately absent:
//! receiving (`queries`), and reading pull requests, which whoever gets the message does.

mod installations;
mod redelivery;
mod retention;
mod sorting;

pub use sorting::Sorted;

use crate::{github::GitHub, store::Postgres};
use campaigns_actors::{Shards, ports::Fence};
use campaigns_http::ports::APP_SHARD;
use chrono::TimeDelta;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often what is not urgent is done.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// How often waiting deliveries are looked for without a wake-up. Default 1 s.
    pub poll: Duration,
    /// How often all installations are listed. Default 5 min.
    pub installations: Duration,
    /// How often GitHub is asked what it could not deliver. Default 2 min.
    pub redelivery: Duration,
    /// How often what has served its time is deleted. Default 10 min.
    pub retention: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            installations: Duration::from_secs(5 * 60),
            redelivery: Duration::from_secs(2 * 60),
            retention: Duration::from_secs(10 * 60),
        }
    }
}

/// What is done, each piece by itself and under the fences of those who do it.
#[derive(Debug, Clone)]
pub struct Work {
    /// Where deliveries are kept.
    pub postgres: Postgres,
    /// Whom to ask about the App.
    pub github: Arc<GitHub>,
    /// For how long a permit counts at most.
    pub permits_count_for: TimeDelta,
}

/// Who does it: one process, for the shards that it holds, for as long as it lives.
#[derive(Debug)]
pub struct Keeper {
    /// What is done.
    pub work: Work,
    /// What it may change.
    pub shards: Shards,
    /// Whether webhooks are taken at all.
    pub receives: bool,
    /// How often.
    pub rhythm: Rhythm,
}

/// Why something was put off; the next round tries again.
#[derive(Debug, thiserror::Error)]
pub enum Delay {
    /// The database did not answer.
    #[error("the database did not answer: {0}")]
    Store(#[from] sqlx::Error),
    /// GitHub did not answer, or refused.
    #[error(transparent)]
    GitHub(#[from] campaigns_actors::ports::CodeHostError),
    /// A bug.
    #[error("a message could not be written: {0}")]
    Message(#[from] serde_json::Error),
}

/// The longest wait after failures.
const LONGEST: Duration = Duration::from_secs(30);

impl Keeper {
    /// Does it. Where neither webhooks nor an App are in use, only what has served its time is seen to.
    pub async fn run(self) {
        let is_app = self.work.github.is_app();
        let mut installations = Sweep::new(self.rhythm.installations);
        let mut redelivery = Sweep::new(self.rhythm.redelivery);
        let mut retention = Sweep::new(self.rhythm.retention);
        let mut failures = 0_u32;
        loop {
            let held = self.shards.held();
            let listens = self.receives || is_app;
            let sorted = if listens { self.work.sort(&held).await } else { Ok(Sorted::default()) };
            match sorted {
                Ok(sorted) => {
                    failures = 0;
                    if !sorted.wake.is_empty() {
                        self.shards.wake(&sorted.wake).await;
                    }
                    if sorted.more {
                        continue;
                    }
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "deliveries of webhooks could not be seen to; they are tried again");
                }
            }
            if let Some(fence) = held.iter().find(|fence| fence.shard == APP_SHARD) {
                if is_app && installations.is_due() {
                    let listed = self.work.list_installations(*fence).await;
                    if let Ok(told) = &listed
                        && !told.is_empty()
                    {
                        self.shards.wake(&told.iter().copied().collect::<Vec<_>>()).await;
                    }
                    installations.done(listed.map(drop));
                }
                if self.receives && is_app && redelivery.is_due() {
                    redelivery.done(self.work.redeliver(*fence).await);
                }
            }
            if !held.is_empty() && retention.is_due() {
                retention.done(self.work.forget(&held).await.and(self.work.forget_permits(&held).await));
            }
            let every = if listens { self.rhythm.poll } else { self.rhythm.retention.min(LONGEST) };
            let wait = every.saturating_mul(1 << failures.min(5)).min(LONGEST.max(every));
            if failures > 0 {
                tokio::time::sleep(wait).await;
            } else {
                let _ = tokio::time::timeout(wait, self.shards.woken()).await;
            }
        }
    }
}

/// Something that is done every so often.
struct Sweep {
    every: Duration,
    next: Instant,
}

impl Sweep {
    fn new(every: Duration) -> Self {
        Self { every, next: Instant::now() }
    }

    fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    fn done(&mut self, outcome: Result<(), Delay>) {
        self.next = Instant::now() + self.every;
        if let Err(error) = outcome {
            tracing::warn!(%error, again_in = ?self.every, "a sweep was put off");
        }
    }
}

/// The shards and epochs of these fences, as a statement takes them.
fn columns(held: &[Fence]) -> (Vec<i16>, Vec<i64>) {
    let shard = |fence: &Fence| i16::try_from(fence.shard.0).unwrap_or(-1);
    held.iter().map(|fence| (shard(fence), fence.epoch.0)).unzip()
}

/// The rows of `shards` that are at these epochs, locked, as the first part of a statement whose `$1` and `$2` are
/// [`columns`]: whoever joins it changes nothing once the shard has another owner.
const FENCED: &str = "WITH f AS MATERIALIZED (SELECT s.id FROM shards s JOIN unnest($1::smallint[], $2::bigint[]) \
                      AS h (id, epoch) ON s.id = h.id AND s.epoch = h.epoch ORDER BY s.id FOR SHARE OF s)";

/// An id of GitHub's as the database has it.
fn number(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}
