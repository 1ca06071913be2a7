//! One-for-one restarts: so many crashes in a period are answered by a restart after a growing wait; one more,
//! and the actor is given up.
//!
//! An error while spawning counts as a crash. Losing the database is no crash and never comes here. Deliberately
//! absent: what giving up means (the supervisor's matter).

use crate::settings::{RestartPolicy, jittered};
use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    time::Duration,
};
use tokio::time::Instant;

/// What to do about a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Start it again after this long.
    After(Duration),
    /// It crashed this often in the period: give it up.
    GiveUp(usize),
}

/// The crashes of a supervisor's children.
#[derive(Debug)]
pub(crate) struct Restarts<K> {
    policy: RestartPolicy,
    crashes: HashMap<K, VecDeque<Instant>>,
}

impl<K: Eq + Hash> Restarts<K> {
    pub(crate) fn new(policy: RestartPolicy) -> Self {
        Self { policy, crashes: HashMap::new() }
    }

    /// Notes a crash of `child` and says what to do.
    pub(crate) fn crashed(&mut self, child: K) -> Verdict {
        let now = Instant::now();
        // Whoever has been quiet for a whole period is forgotten, so that the map does not grow.
        self.crashes.retain(|_, times| times.back().is_some_and(|last| now - *last <= self.policy.within));
        let times = self.crashes.entry(child).or_default();
        while times.front().is_some_and(|first| now - *first > self.policy.within) {
            times.pop_front();
        }
        times.push_back(now);
        if times.len() > self.policy.most {
            return Verdict::GiveUp(times.len());
        }
        let nth = u32::try_from(times.len()).unwrap_or(u32::MAX);
        Verdict::After(jittered(self.policy.first, self.policy.longest, nth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> RestartPolicy {
        RestartPolicy {
            most: 3,
            within: Duration::from_secs(60),
            first: Duration::from_millis(100),
            longest: Duration::from_secs(1),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn intensity_is_counted_by_child_and_period() {
        let mut restarts = Restarts::new(policy());
        for _ in 0..3 {
            assert!(matches!(restarts.crashed("a"), Verdict::After(_)));
        }
        assert_eq!(restarts.crashed("a"), Verdict::GiveUp(4));
        assert!(matches!(restarts.crashed("b"), Verdict::After(_)), "another child has its own count");
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(matches!(restarts.crashed("a"), Verdict::After(_)), "an old crash is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_up_to_the_longest() {
        let mut restarts = Restarts::new(RestartPolicy { most: 10, ..policy() });
        let mut ceilings = vec![];
        for _ in 0..6 {
            let Verdict::After(wait) = restarts.crashed(()) else { panic!("given up") };
            ceilings.push(wait);
        }
        for (n, wait) in ceilings.iter().enumerate() {
            let whole = Duration::from_millis(100 * (1 << n)).min(Duration::from_secs(1));
            assert!(*wait >= whole / 2 && *wait <= whole, "crash {n} waits {wait:?} of {whole:?}");
        }
    }
}
