//! Whether more has gone wrong than `haltOn` allows.
//!
//! Deliberately absent: gates, which halt for reasons of their own (`gate`).

use super::WaveCounts;
use crate::{
    execution::rollout::Tally,
    spec::{Amount, HaltOn},
};

/// A share is held against at least so many, where there are so many at all: one of one is not yet all.
const AT_LEAST: u32 = 10;

/// Why the run is to be halted, if it is. What a person has accepted does not halt it again; one more does.
pub(super) fn too_many(halt_on: &HaltOn, all: &WaveCounts, accepted: Tally) -> Option<String> {
    let tally = all.tally();
    let ended = all.targets - all.unfinished.min(all.targets);
    let kinds = [
        (halt_on.failed, tally.failed, accepted.failed, ended, ("targets", "failed")),
        (halt_on.closed, tally.closed, accepted.closed, all.opened(), ("pull requests", "were closed")),
        (
            halt_on.checks_failed,
            tally.checks_failed,
            accepted.checks_failed,
            all.opened(),
            ("pull requests", "have failing checks"),
        ),
    ];
    kinds.into_iter().find_map(|(most, count, accepted, so_far, (what, how))| {
        let most = most?;
        let whole = so_far.max(AT_LEAST.min(all.targets));
        (count > accepted && count > most.at_most(whole)).then(|| match most {
            Amount::Share(_) => format!("{count} of {so_far} {what} {how}, more than {most}"),
            Amount::Count(_) => format!("{count} {what} {how}, more than {most}"),
        })
    })
}
