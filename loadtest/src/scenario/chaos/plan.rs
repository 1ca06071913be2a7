//! What goes wrong when: drawn from a seed before anything starts, so that a storm can be had again.
//!
//! Deliberately absent: doing it, and which replica it hits, which depends on who is up by then.

use crate::world::{Badness, Before};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
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

/// Every mishap of a storm with its time from the beginning, in order.
pub(super) fn draw(scale: Scale, seed: u64) -> Vec<(Duration, Mishap)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut plan = vec![];
    let every = |gap: Duration| (1..).map(move |n| gap * n).take_while(move |at| *at < scale.storm);
    for at in every(scale.hit) {
        let what = if random.random_bool(0.5) { Mishap::Kill } else { Mishap::Freeze };
        plan.push((at, what));
        // In between, the network is bad somewhere.
        let before = [Before::Postgres, Before::Redis, Before::Host][random.random_range(0..3)];
        let badness = [Badness::Late, Badness::Reset, Badness::BlackHole, Badness::HalfOpen];
        plan.push((at + scale.hit / 2, Mishap::Network(before, badness[random.random_range(0..4)])));
    }
    plan.extend(every(scale.flush).map(|at| (at + scale.hit / 4, Mishap::Flush)));
    plan.extend([1, 2].map(|part| (scale.storm * part / 3 + scale.hit / 3, Mishap::Database)));
    plan.sort_by_key(|(at, _)| *at);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_storm_again_and_everything_is_in_a_long_one() {
        let seconds = Duration::from_secs;
        let scale = Scale { storm: seconds(300), hit: seconds(15), flush: seconds(60) };
        let plan = draw(scale, 7);
        assert_eq!(plan, draw(scale, 7));
        assert_ne!(plan, draw(scale, 8));
        let count = |wanted: fn(&Mishap) -> bool| plan.iter().filter(|(_, what)| wanted(what)).count();
        assert_eq!(count(|what| matches!(what, Mishap::Kill | Mishap::Freeze)), 19);
        assert_eq!(count(|what| matches!(what, Mishap::Network(..))), 19);
        assert_eq!(count(|what| *what == Mishap::Flush), 4);
        assert_eq!(count(|what| *what == Mishap::Database), 2);
        assert!(plan.is_sorted_by_key(|(at, _)| *at));
    }
}
