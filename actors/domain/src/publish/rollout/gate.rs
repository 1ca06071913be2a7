//! Whether the gate behind a wave holds: enough of it merged or passed its checks, not too much of it closed, all of
//! it in time.
//!
//! Deliberately absent: what follows when it does (`mod`).

use super::{On, Wait, WaveCounts};
use crate::spec::{Amount, Gate};
use chrono::{DateTime, TimeDelta, Utc};

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The next wave may go.
    Holds,
    /// Not yet.
    Waits {
        /// Why, after "waits".
        wait: Wait,
        /// When waiting becomes a halt.
        until: Option<DateTime<Utc>>,
    },
    /// It cannot hold any more, or not in time.
    Fails(String),
}

/// Judges the gate of a wave, all of which had been sent at `sent`; none has not been yet.
pub(super) fn judge(
    gate: Option<&Gate>,
    name: &str,
    counts: &WaveCounts,
    sent: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Verdict {
    if let Some(most) = gate.and_then(|gate| gate.closed)
        && counts.closed > most.at_most(counts.changesets() + counts.unfinished)
    {
        let (closed, opened) = (counts.closed, counts.opened());
        return Verdict::Fails(format!(
            "{closed} of {opened} pull requests of wave `{name}` were closed, more than {most}"
        ));
    }
    let Some(sent) = sent else { return Verdict::Waits { wait: on_its_way(name, counts), until: None } };
    let Some(gate) = gate else { return Verdict::Holds };
    let demands = [
        gate.merged.map(|least| Demand {
            least,
            have: counts.merged,
            hopeful: hopeful(counts),
            what: "merged",
        }),
        gate.checks_passed.map(|least| Demand {
            least,
            have: counts.passed,
            hopeful: hopeful(counts),
            what: "passed their checks",
        }),
    ];
    let all = counts.changesets();
    if all == 0 && counts.failed > 0 {
        let (failed, targets) = (counts.failed, counts.targets);
        return Verdict::Fails(format!(
            "{failed} of {targets} targets of wave `{name}` failed, and it has no pull request"
        ));
    }
    // A wave in which there was nothing to change shows nothing, and holds nothing up.
    let unmet: Vec<Demand> =
        demands.into_iter().flatten().filter(|demand| all > 0 && !demand.is_met(all)).collect();
    if unmet.is_empty() {
        return Verdict::Holds;
    }
    if let Some(hopeless) = unmet.iter().find(|demand| !demand.can_be_met(all)) {
        let Demand { least, what, hopeful, .. } = hopeless;
        return Verdict::Fails(format!(
            "{least} of wave `{name}` cannot have {what} any more: at most {hopeful} of {all} can"
        ));
    }
    let words: Vec<String> = unmet.iter().map(|demand| demand.words(name, all)).collect();
    let words = words.join(" and ");
    match gate.within {
        Some(within) => {
            let until = sent + TimeDelta::minutes(within.minutes.into());
            if now >= until {
                return Verdict::Fails(format!("{within} have passed, and it takes that {words}"));
            }
            Verdict::Waits { wait: Wait::new(format!("until {words}"), On::Reviews), until: Some(until) }
        }
        None => Verdict::Waits { wait: Wait::new(format!("until {words}"), On::Reviews), until: None },
    }
}

/// How many may still come to be merged, or pass.
fn hopeful(counts: &WaveCounts) -> u32 {
    counts.merged + counts.open_now() + counts.kept
}

fn on_its_way(name: &str, counts: &WaveCounts) -> Wait {
    let unsent = counts.waiting + counts.updates + counts.coming + counts.updating;
    let mut words = vec![];
    if counts.unfinished > 0 {
        words.push(format!("{} of {} targets are not done yet", counts.unfinished, counts.targets));
    }
    if unsent > 0 {
        words.push(format!("{unsent} of {} changesets are not sent yet", counts.changesets()));
    }
    Wait::new(format!("until wave `{name}` has been sent: {}", words.join(", ")), On::Work)
}

/// Something of which there has to be enough.
struct Demand {
    least: Amount,
    have: u32,
    hopeful: u32,
    what: &'static str,
}

impl Demand {
    fn is_met(&self, all: u32) -> bool {
        self.have >= self.least.at_least(all)
    }

    fn can_be_met(&self, all: u32) -> bool {
        self.hopeful >= self.least.at_least(all)
    }

    fn words(&self, name: &str, all: u32) -> String {
        let Self { least, have, what, .. } = self;
        format!("{least} of wave `{name}` have {what}: {have} of {all} so far")
    }
}
