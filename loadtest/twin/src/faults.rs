//! Faults as fields of the world: what is broken right now, and for which operation. A test says what is wrong
//! with GitHub, not which call returns what. Faults live in memory: a restarted twin is healthy. Secondary
//! limits and webhook loss are not here.

use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// What goes wrong with an operation that a [`Fault`] matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
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
}

/// One thing that is broken, for the requests it matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// GitHub's operation id (`pulls/create`, `git/create-tree`, `git/receive-pack`); absent means every one.
    #[serde(default)]
    pub operation: Option<String>,
    /// `owner/name`, or only the name; absent means every repository.
    #[serde(default)]
    pub repository: Option<String>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub after: u32,
    /// How many matching requests are hit before the fault heals itself; absent means until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub effect: Effect,
}

impl Fault {
    /// A fault of one operation, until cleared.
    pub fn on(operation: &str, effect: Effect) -> Self {
        Self { operation: Some(operation.to_owned()), repository: None, after: 0, times: None, effect }
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

    fn matches(&self, operation: &str, repository: Option<&str>) -> bool {
        let named = |wanted: &String| {
            repository.is_some_and(|full| {
                full.eq_ignore_ascii_case(wanted)
                    || full.split_once('/').is_some_and(|(_, name)| name.eq_ignore_ascii_case(wanted))
            })
        };
        self.operation.as_ref().is_none_or(|wanted| wanted == operation)
            && self.repository.as_ref().is_none_or(named)
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
    pub fn strike(&self, operation: &str, repository: Option<&str>) -> Vec<Effect> {
        let mut list = self.lock();
        let mut struck = Vec::new();
        for fault in list.iter_mut().filter(|fault| fault.matches(operation, repository)) {
            if fault.after > 0 {
                fault.after -= 1;
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

    #[test]
    fn counts_down_and_heals() {
        let faults = Faults::default();
        faults.add(
            Fault::on("pulls/create", Effect::ExecuteThenRefuse { status: 502 })
                .after(1)
                .times(1)
                .repository("one"),
        );
        assert!(faults.strike("pulls/create", Some("acme/two")).is_empty());
        assert!(faults.strike("pulls/list", Some("acme/one")).is_empty());
        assert!(faults.strike("pulls/create", Some("acme/one")).is_empty());
        assert_eq!(faults.strike("pulls/create", Some("acme/one")).len(), 1);
        assert!(faults.list().is_empty());
    }
}
