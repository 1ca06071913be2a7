//! What an operator can set about the actors, with defaults that suit one process against github.com.
//!
//! Deliberately absent: reading files and the environment (the runtime's configuration).

use crate::ports::ReadLimits;
use campaigns_domain::{
    execution::Limits,
    publish::budget::{Budget, Window},
};
use std::{num::NonZeroU32, path::PathBuf, time::Duration};

/// How the actors go about their work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often waiting messages are looked for without a wake-up. Default 1 s.
    pub poll_every: Duration,
    /// How many messages are read at once. Default 1,000.
    pub inbox_page: u32,
    /// How long an actor without work stays in memory. Default 60 s.
    pub passivate_after: Duration,
    /// How old the copy of a run's control state may be that an effect is checked against. Default 1 s.
    pub control_age: Duration,
    /// What an attempt's steps may use.
    pub limits: Limits,
    /// Where snapshots are unpacked from GitHub before they are kept. Default: the system's temporary folder.
    pub scratch: PathBuf,
    /// How many changesets of one organisation are sent at the same time. Default 4.
    pub publish_at_once: usize,
    /// How many scheduled changesets of one organisation are held in memory. Default 500.
    pub scheduled_page: usize,
    /// How often it is asked which pull requests are due to be read. Default 5 s.
    pub follow_every: Duration,
    /// How many pull requests are read between two commits. Default 100.
    pub followed_page: u32,
    /// How often the rollout of a run is looked at, where it has one and anything has happened; more seldom where that takes
    /// long, so that it takes a twentieth of the time at most. Default 2 s.
    pub rollout_every: Duration,
    /// How many reads of one organisation go out at the same time. Default 8.
    pub reads_at_once: usize,
    /// How many changesets of one organisation are carried out again by themselves at the same time, because their bases
    /// moved. Default 20.
    pub redone_at_once: u64,
    /// What reading one organisation may cost: by default 500 of the 900 REST points a minute (the others are for
    /// writes), 2,000 GraphQL points a minute, and 64 requests at once.
    pub reads: ReadLimits,
    /// The windows that hold for one organisation's writes.
    pub budget: Budget,
    /// The most writes a second to one organisation inside those windows; none leaves it to the windows and to the
    /// distance that the budget keeps between writes. Default 5.
    pub writes_per_second: Option<NonZeroU32>,
    /// How often branch and pull request are observed again in one turn, after a conflict or a lost answer,
    /// before the changeset waits for another turn. Default 4.
    pub observations: u32,
    /// How waiting grows between tries of what passes by itself.
    pub patience: Patience,
    /// How crashes are answered.
    pub restarts: RestartPolicy,
}

/// How waiting grows between tries of something that passes by itself.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The first wait. Default 500 ms.
    pub first: Duration,
    /// The longest. Default 60 s.
    pub longest: Duration,
    /// How many tries of a read until an attempt is given up as the machinery's failure. Default 8.
    pub tries: u32,
}

/// How many crashes of one actor are answered by a restart, and how soon.
#[derive(Debug, Clone, Copy)]
pub struct RestartPolicy {
    /// This many crashes ... Default 5.
    pub most: usize,
    /// ... in this long are borne; one more and the actor is given up. Default 60 s.
    pub within: Duration,
    /// The wait before the first restart; doubled with every crash in the period. Default 100 ms.
    pub first: Duration,
    /// The longest wait. Default 10 s.
    pub longest: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll_every: Duration::from_secs(1),
            inbox_page: 1_000,
            passivate_after: Duration::from_secs(60),
            control_age: Duration::from_secs(1),
            limits: Limits::default(),
            scratch: std::env::temp_dir(),
            publish_at_once: 4,
            scheduled_page: 500,
            follow_every: Duration::from_secs(5),
            followed_page: 100,
            rollout_every: Duration::from_secs(2),
            reads_at_once: 8,
            redone_at_once: 20,
            reads: ReadLimits {
                rest: vec![Window { seconds: 60, cap: 500 }],
                graphql: vec![Window { seconds: 60, cap: 2_000 }],
                at_once: Some(64),
            },
            budget: Budget::default(),
            writes_per_second: NonZeroU32::new(5),
            observations: 4,
            patience: Patience {
                first: Duration::from_millis(500),
                longest: Duration::from_secs(60),
                tries: 8,
            },
            restarts: RestartPolicy {
                most: 5,
                within: Duration::from_secs(60),
                first: Duration::from_millis(100),
                longest: Duration::from_secs(10),
            },
        }
    }
}

impl Patience {
    /// The wait before try `n`, counted from 1 for the first repetition; with full jitter over its upper half,
    /// so that many who wait for the same thing do not come back together.
    pub fn wait(&self, n: u32) -> Duration {
        jittered(self.first, self.longest, n)
    }
}

/// `first` doubled `n - 1` times, at most `longest`, of which the upper half is drawn by lot.
pub(crate) fn jittered(first: Duration, longest: Duration, n: u32) -> Duration {
    let factor = 1_u32.checked_shl(n.saturating_sub(1).min(20)).unwrap_or(u32::MAX);
    let whole = first.saturating_mul(factor).min(longest);
    whole.mul_f64(rand::random_range(0.5..=1.0))
}
