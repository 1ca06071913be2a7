//! What goes wrong when: drawn from a seed before anything starts, so that a storm can be had again.
//!
//! Deliberately absent: doing it, and which replica it hits, which depends on who is up by then.

use crate::world::{Badness, Before};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use std::time::Duration;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// A replica is killed, and started again at once.
    Kill,
    /// A replica is frozen for two lives of a lease, and wakes.
    Freeze,
    /// Redis forgets everything.
    Flush,
    /// Postgres is killed and started again.
    Database,
    /// The network before something is bad for a while.
    Network(Before, Badness),
}

/// How long a storm is, and how dense.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// From the first mishap to the last.
    pub(super) storm: Duration,
    /// A replica is hit so often.
    pub(super) hit: Duration,
    /// Redis forgets everything so often.
    pub(super) flush: Duration,
}

/// Every mishap of a storm with its time from the beginning, in order. Each network is bad in each way once, as far as the
/// storm is long enough: more of it, and the run is held up by the networks alone.
pub(super) fn draw(scale: Scale, seed: u64) -> Vec<(Duration, Mishap)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut plan = vec![];
    let every = |gap: Duration| (1..).map(move |n| gap * n).take_while(move |at| *at < scale.storm);
    for at in every(scale.hit) {
        plan.push((at, if random.random_bool(0.5) { Mishap::Kill } else { Mishap::Freeze }));
    }
    let mut networks: Vec<(Before, Badness)> = [Before::Postgres, Before::Redis, Before::Host]
        .into_iter()
        .flat_map(|before| {
            [Badness::Late, Badness::Reset, Badness::BlackHole, Badness::HalfOpen]
                .map(|badness| (before, badness))
        })
        .collect();
    networks.shuffle(&mut random);
    let gap = (scale.storm / (u32::try_from(networks.len()).unwrap_or(u32::MAX) + 1)).max(scale.hit);
    // Between two hits of a replica.
    let bad = every(gap).zip(networks).map(|(at, (before, badness))| (at + scale.hit / 2, before, badness));
    plan.extend(bad.map(|(at, before, badness)| (at, Mishap::Network(before, badness))));
    plan.extend(every(scale.flush).map(|at| (at + scale.hit / 4, Mishap::Flush)));
    plan.extend([1, 2].map(|part| (scale.storm * part / 3 + scale.hit / 3, Mishap::Database)));
    plan.sort_by_key(|(at, _)| *at);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_seed_draws_the_same_storm_again_and_everything_is_in_a_long_one() {
        let seconds = Duration::from_secs;
        let scale = Scale { storm: seconds(600), hit: seconds(15), flush: seconds(60) };
        let plan = draw(scale, 7);
        assert_eq!(plan, draw(scale, 7));
        assert_ne!(plan, draw(scale, 8));
        let count = |wanted: fn(&Mishap) -> bool| plan.iter().filter(|(_, what)| wanted(what)).count();
        assert_eq!(count(|what| matches!(what, Mishap::Kill | Mishap::Freeze)), 39);
        assert_eq!(count(|what| *what == Mishap::Flush), 9);
        assert_eq!(count(|what| *what == Mishap::Database), 2);
        let networks: HashSet<_> = plan
            .iter()
            .filter_map(|(_, what)| match what {
                Mishap::Network(before, badness) => Some(format!("{before:?} {badness:?}")),
                _ => None,
            })
            .collect();
        assert_eq!((networks.len(), count(|what| matches!(what, Mishap::Network(..)))), (12, 12));
        assert!(plan.is_sorted_by_key(|(at, _)| *at));
        // In a short one there is some of it.
        let short = draw(Scale { storm: seconds(16), hit: seconds(8), flush: seconds(7) }, 7);
        assert_eq!(short.iter().filter(|(_, what)| matches!(what, Mishap::Network(..))).count(), 1);
    }
}
