//! Faults as fields of the world: what is broken right now, and for which operation. A test says what is wrong
//! with GitHub, not which call returns what. Faults live in memory: a restarted twin has those of its flags alone.
//! The loss of webhooks is in `hooks::loss`.

use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// What goes wrong with an operation that a [`Fault`] matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Answers with `status` and `message` without executing anything.
    Refuse {
        /// The HTTP status to answer with.
        status: u16,
        /// The `message` of the JSON error.
        #[serde(default)]
        message: Option<String>,
        /// `Retry-After` in seconds, when GitHub would send one.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Waits before executing.
    Delay {
        /// Milliseconds to wait.
        ms: u64,
    },
    /// Executes and journals, then holds the answer: the time in which a caller may die not knowing.
    HoldAnswer {
        /// Milliseconds to hold the answer.
        ms: u64,
    },
    /// Executes and journals, then answers as a proxy does whose upstream was lost.
    ExecuteThenRefuse {
        /// The HTTP status to answer with, usually 502.
        status: u16,
    },
    /// Executes and journals, then cuts the connection without an answer.
    ExecuteThenDrop,
    /// Refuses as a secondary limit does, without executing anything. The status is the one in the limits' settings.
    SecondaryLimit {
        /// `Retry-After` in seconds; absent leaves the header out.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Refuses with "was submitted too quickly", without executing anything.
    TooQuickly,
    /// A read answers what was true of every repository's pull requests and issues a while ago, as a replica that
    /// lags does. Branches and commits are those of now. A write is not touched.
    Stale {
        /// How many seconds ago, by the twin's clock.
        #[serde(default)]
        seconds: u64,
        /// Before how many of each repository's last changes.
        #[serde(default)]
        changes: usize,
    },
}

/// One thing that is broken, for the requests it matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// GitHub's operation id (`pulls/create`, `git/create-tree`, `git/receive-pack`, `graphql`), or the beginning of
    /// one and a star (`pulls/*`); absent means every one.
    #[serde(default)]
    pub operation: Option<String>,
    /// Only requests that write?
    #[serde(default)]
    pub writes: bool,
    /// `owner/name`, or only the name; absent means every repository.
    #[serde(default)]
    pub repository: Option<String>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub after: u32,
    /// How many matching requests are hit before the fault heals itself; absent means until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// The share of the remaining matching requests that is hit, from 0 to 1; absent means all of them.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Which of them: the same seed hits the same ones, counted in the order in which they arrive.
    #[serde(default)]
    pub seed: u64,
    /// How many it has drawn for so far.
    #[serde(default)]
    pub drawn: u64,
    /// What happens.
    pub effect: Effect,
}

/// A request, as far as faults care.
#[derive(Clone, Copy, Debug)]
pub struct Met<'a> {
    /// GitHub's operation id.
    pub operation: &'a str,
    /// `owner/name`.
    pub repository: Option<&'a str>,
    /// Does it write?
    pub writes: bool,
}

impl Fault {
    /// A fault of one operation, until cleared.
    pub fn on(operation: &str, effect: Effect) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::of_all(effect) }
    }

    /// A fault of every operation, until cleared.
    pub fn of_all(effect: Effect) -> Self {
        Self {
            operation: None,
            writes: false,
            repository: None,
            after: 0,
            times: None,
            probability: None,
            seed: 0,
            drawn: 0,
            effect,
        }
    }

    /// Limits the fault to a share of the matching requests, which ones by a seed.
    #[must_use]
    pub fn share(mut self, probability: f64, seed: u64) -> Self {
        (self.probability, self.seed) = (Some(probability), seed);
        self
    }

    /// Limits the fault to requests that write.
    #[must_use]
    pub fn writes(mut self) -> Self {
        self.writes = true;
        self
    }

    /// Limits the fault to the first `n` matching requests.
    #[must_use]
    pub fn times(mut self, n: u32) -> Self {
        self.times = Some(n);
        self
    }

    /// Lets `n` matching requests pass first.
    #[must_use]
    pub fn after(mut self, n: u32) -> Self {
        self.after = n;
        self
    }

    /// Limits the fault to one repository (`owner/name` or name).
    #[must_use]
    pub fn repository(mut self, name: &str) -> Self {
        self.repository = Some(name.to_owned());
        self
    }

    fn matches(&self, met: Met<'_>) -> bool {
        let named = |wanted: &String| {
            met.repository.is_some_and(|full| {
                full.eq_ignore_ascii_case(wanted)
                    || full.split_once('/').is_some_and(|(_, name)| name.eq_ignore_ascii_case(wanted))
            })
        };
        let called = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => met.operation.starts_with(beginning),
            None => wanted == met.operation,
        };
        (met.writes || !self.writes)
            && self.operation.as_ref().is_none_or(called)
            && self.repository.as_ref().is_none_or(named)
    }

    /// Does chance let it hit the next one?
    fn draws(&mut self) -> bool {
        let Some(probability) = self.probability else { return true };
        self.drawn += 1;
        // SplitMix64: the n-th draw of a seed is a function of the two, whatever was drawn elsewhere.
        let mut mixed = self.seed.wrapping_add(self.drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // The upper 53 bits are a fraction that an f64 holds exactly.
        ((mixed >> 11) as f64) < probability * (1_u64 << 53) as f64
    }
}

/// Everything that is broken at the moment.
#[derive(Debug, Default)]
pub struct Faults {
    list: Mutex<Vec<Fault>>,
}

impl Faults {
    /// Breaks something.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Heals everything.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// What is broken, with `after` and `times` counted down.
    pub fn list(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// The effects that hit this request; counts it against every fault that matches.
    pub fn strike(&self, met: Met<'_>) -> Vec<Effect> {
        let mut list = self.lock();
        let mut struck = Vec::new();
        for fault in list.iter_mut().filter(|fault| fault.matches(met)) {
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if !fault.draws() {
                continue;
            }
            if let Some(times) = &mut fault.times {
                if *times == 0 {
                    continue;
                }
                *times -= 1;
            }
            struck.push(fault.effect.clone());
        }
        list.retain(|fault| fault.times != Some(0));
        struck
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met<'a>(operation: &'a str, repository: &'a str) -> Met<'a> {
        let writes = operation.ends_with("create");
        Met { operation, repository: Some(repository), writes }
    }

    #[test]
    fn counts_down_and_heals() {
        let faults = Faults::default();
        faults.add(
            Fault::on("pulls/create", Effect::ExecuteThenRefuse { status: 502 })
                .after(1)
                .times(1)
                .repository("one"),
        );
        assert!(faults.strike(met("pulls/create", "acme/two")).is_empty());
        assert!(faults.strike(met("pulls/list", "acme/one")).is_empty());
        assert!(faults.strike(met("pulls/create", "acme/one")).is_empty());
        assert_eq!(faults.strike(met("pulls/create", "acme/one")).len(), 1);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_seed_hits_the_same_share_again() {
        let run = |seed| {
            let faults = Faults::default();
            faults.add(Fault::of_all(Effect::TooQuickly).writes().share(0.05, seed));
            let strike = |_| !faults.strike(met("pulls/create", "acme/one")).is_empty();
            (0..10_000).map(strike).collect::<Vec<bool>>()
        };
        let (first, hits) = (run(7), run(7).iter().filter(|hit| **hit).count());
        assert!(first == run(7) && first != run(8));
        assert!((400..600).contains(&hits), "{hits} of 10,000 at 5 %");
    }

    #[test]
    fn a_fault_may_be_of_writes_or_of_a_family_alone() {
        let faults = Faults::default();
        faults.add(Fault::of_all(Effect::TooQuickly).writes());
        faults.add(Fault::on("pulls/*", Effect::Stale { seconds: 5, changes: 0 }));
        assert_eq!(faults.strike(met("pulls/list", "acme/one")), [Effect::Stale { seconds: 5, changes: 0 }]);
        assert_eq!(faults.strike(met("git/create", "acme/one")), [Effect::TooQuickly]);
        assert!(faults.strike(met("git/get-ref", "acme/one")).is_empty());
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let text = r#"{"probabilty": 0.1, "effect": {"kind": "too_quickly"}}"#;
        assert!(serde_json::from_str::<Fault>(text).is_err());
    }
}
