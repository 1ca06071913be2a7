//! The scenarios, each a file of its own.
//!
//! Deliberately absent: anything shared between two of them that is not in `programs` or `measure`.

mod script;

use crate::report::Report;
use anyhow::Result;

/// What the command line sets.
pub(crate) struct Settings {
    /// Alternating pairs.
    pub(crate) pairs: u32,
    /// Repositories, where not the scenario's own number.
    pub(crate) repositories: Option<u32>,
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
pub(crate) const ALL: &[Scenario] = &[Scenario {
    name: "script",
    about: "a whole campaign over 200 repositories against a shell loop of git and curl",
    measure: script::measure,
}];
