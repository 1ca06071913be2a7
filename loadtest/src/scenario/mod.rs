//! The scenarios, each a file of its own.
//!
//! Deliberately absent: anything shared between two of them that is not in `programs` or `measure`.

mod chaos;
mod failover;
mod publish;
mod script;
mod spread;
mod wakes;

use crate::report::Report;
use anyhow::Result;

/// What the command line sets.
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

/// A scenario.
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it measures.
    pub(crate) about: &'static str,
    /// Measures it.
    pub(crate) measure: fn(&Settings) -> Result<Report>,
}

/// Every scenario.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "script",
        about: "a whole campaign over 200 repositories against a shell loop of git and curl",
        measure: script::measure,
    },
    Scenario {
        name: "publish",
        about: "1,000 pull requests within GitHub's limits against the shortest schedule that keeps them",
        measure: publish::limits,
    },
    Scenario {
        name: "publish-defaults",
        about: "the same with every default, the daily cap included",
        measure: publish::defaults,
    },
    Scenario {
        name: "publish-faults",
        about: "the same with 5 % of writes executed and then lost, 2 % refused, 20 % of webhooks lost and 20 % doubled",
        measure: publish::faults,
    },
    Scenario {
        name: "chaos",
        about: "1,000 targets on three replicas while these, Postgres, Redis, the network and the code host fail",
        measure: chaos::measure,
    },
    Scenario {
        name: "failover",
        about: "how long the work of a replica stands still that is killed, and of one that is asked to stop",
        measure: failover::measure,
    },
    Scenario {
        name: "streams",
        about: "1,000 targets on three replicas that look for nothing by themselves, one of which is killed",
        measure: wakes::streams,
    },
    Scenario {
        name: "polling",
        about: "1,000 targets on three replicas whose wake-ups are deleted again and again",
        measure: wakes::polling,
    },
    Scenario {
        name: "partition",
        about: "1,000 targets on three replicas, while Redis is late, silent, gone and reset",
        measure: wakes::partition,
    },
    Scenario {
        name: "spread",
        about: "one run of 10,000 targets on three replicas, and a fourth that joins them",
        measure: spread::measure,
    },
];
