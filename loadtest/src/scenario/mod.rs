//! The scenarios, each a file of its own.
//!
//! Deliberately absent: anything shared between two of them that is not in `programs` or `measure`.

mod chaos;
mod failover;
mod idle;
mod large;
mod publish;
mod renewal;
mod script;
mod spread;
mod sse;
mod wakes;

use crate::report::Report;
use anyhow::Result;

/// What the command line sets.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Alternating pairs.
    pub(crate) pairs: u32,
    /// Repositories, where not the scenario's own number.
    pub(crate) repositories: Option<u32>,
    /// Content-creating writes an hour, where not GitHub's.
    pub(crate) per_hour: Option<u64>,
    /// In real time?
    pub(crate) real_time: bool,
    /// How long a storm lasts, in seconds, where not the scenario's own time.
    pub(crate) storm: Option<u64>,
    /// How long a lease lives, in seconds, where not the scenario's own time.
    pub(crate) lease: Option<u64>,
    /// How often a replica is killed.
    pub(crate) kills: u32,
    /// Which requests faults hit.
    pub(crate) seed: u64,
}

/// How big a scenario is where all of them are run one after another, and nothing is said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Small {
    /// Repositories.
    pub(crate) repositories: u32,
    /// Seconds of a storm.
    pub(crate) storm: u64,
    /// Seconds of a lease.
    pub(crate) lease: u64,
    /// Kills.
    pub(crate) kills: u32,
    /// Pairs.
    pub(crate) pairs: u32,
}

impl Small {
    /// So many repositories, and everything else short.
    const fn of(repositories: u32) -> Self {
        Self { repositories, storm: 60, lease: 3, kills: 4, pairs: 3 }
    }
}

/// A scenario.
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// Another one.
    pub(crate) alias: Option<&'static str>,
    /// What it measures.
    pub(crate) about: &'static str,
    /// How big it is among all others.
    pub(crate) small: Small,
    /// Measures it.
    pub(crate) measure: fn(&Settings) -> Result<Report>,
}

impl Scenario {
    const fn new(
        name: &'static str,
        about: &'static str,
        small: Small,
        measure: fn(&Settings) -> Result<Report>,
    ) -> Self {
        Self { name, alias: None, about, small, measure }
    }

    /// Whether this is its name or its other one.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name || self.alias == Some(name)
    }
}

/// Every scenario.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        alias: Some("script"),
        ..Scenario::new(
            "executor",
            "a whole campaign over 200 repositories against a shell loop of git and curl",
            Small::of(40),
            script::measure,
        )
    },
    Scenario::new(
        "steady",
        "eight runs of 1,000 targets one after another, of which nothing is run",
        Small::of(200),
        large::steady,
    ),
    Scenario::new(
        "large",
        "a run of 10,000 targets of which nothing is run, and one of a tenth; --targets 100000 for ten times as many",
        Small::of(1_000),
        large::large,
    ),
    Scenario::new(
        "idle",
        "what 100,000 pull requests cost that wait for their merge",
        Small::of(10_000),
        idle::measure,
    ),
    Scenario::new(
        "sse",
        "live events to 1,000 clients against a raw write for each",
        Small::of(0),
        sse::measure,
    ),
    Scenario::new(
        "leases",
        "a renewal of all shards' leases, by the life of a lease",
        Small::of(0),
        renewal::measure,
    ),
    Scenario::new(
        "publish",
        "1,000 pull requests within GitHub's limits against the shortest schedule that keeps them",
        Small::of(100),
        publish::limits,
    ),
    Scenario::new(
        "publish-defaults",
        "the same with every default, the daily cap included",
        Small::of(100),
        publish::defaults,
    ),
    Scenario::new(
        "publish-faults",
        "the same with 5 % of writes executed and then lost, 2 % refused, 20 % of webhooks lost and 20 % doubled",
        Small::of(100),
        publish::faults,
    ),
    Scenario::new(
        "chaos",
        "1,000 targets on three replicas while these, Postgres, Redis, the network and the code host fail",
        Small::of(100),
        chaos::measure,
    ),
    Scenario::new(
        "failover",
        "how long the work of a replica stands still that is killed, and of one that is asked to stop",
        Small::of(100),
        failover::measure,
    ),
    Scenario::new(
        "streams",
        "1,000 targets on three replicas that look for nothing by themselves, one of which is killed",
        Small::of(60),
        wakes::streams,
    ),
    Scenario::new(
        "polling",
        "1,000 targets on three replicas whose wake-ups are deleted again and again",
        Small::of(60),
        wakes::polling,
    ),
    Scenario::new(
        "partition",
        "1,000 targets on three replicas, while Redis is late, silent, gone and reset",
        Small::of(60),
        wakes::partition,
    ),
    Scenario::new(
        "spread",
        "one run of 10,000 targets on three replicas, and a fourth that joins them",
        Small::of(1_000),
        spread::measure,
    ),
];
