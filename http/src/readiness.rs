//! Whether this server can serve, with hysteresis: one lost answer of the database does not take a replica out.
//!
//! Deliberately absent: anything that all replicas share and that serving a page does not need (GitHub, Redis).

use crate::{
    ports::Probe,
    wire::{Check, Health, HealthState},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// How many looks in a row have to fail before a server that was ready is not.
const FAILURES: u32 = 3;

/// How long a look holds; more callers than that do not mean more questions to the database.
const HOLDS: Duration = Duration::from_secs(1);

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at what this server needs, and remembers.
pub(crate) struct Readiness {
    probe: Arc<dyn Probe>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    looked: Option<Instant>,
    checks: Vec<Check>,
    ready: bool,
    failures: u32,
}

impl Readiness {
    pub(crate) fn new(probe: Arc<dyn Probe>) -> Self {
        Self { probe, seen: Mutex::default() }
    }

    /// Whether it is ready, and the last look.
    pub(crate) async fn look(&self, version: &str) -> (bool, Health) {
        let mut seen = self.seen.lock().await;
        if seen.looked.is_none_or(|looked| looked.elapsed() >= HOLDS) {
            let checks = tokio::time::timeout(PATIENCE, self.probe.checks()).await.unwrap_or_else(|_| {
                let detail = format!("no answer within {} s", PATIENCE.as_secs());
                vec![Check { name: String::from("database"), ok: false, detail }]
            });
            seen.note(checks);
        }
        let ok = seen.checks.iter().all(|check| check.ok);
        let status = if ok { HealthState::Ok } else { HealthState::Unavailable };
        (seen.ready, Health { status, version: version.to_owned(), checks: seen.checks.clone() })
    }
}

impl Seen {
    fn note(&mut self, checks: Vec<Check>) {
        self.looked = Some(Instant::now());
        if checks.iter().all(|check| check.ok) {
            self.failures = 0;
            self.ready = true;
        } else {
            self.failures += 1;
            if self.failures >= FAILURES {
                self.ready = false;
            }
        }
        self.checks = checks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(ok: bool) -> Vec<Check> {
        vec![Check { name: String::from("database"), ok, detail: String::new() }]
    }

    #[test]
    fn it_takes_one_good_look_to_become_ready_and_three_bad_ones_to_stop() {
        let mut seen = Seen::default();
        let mut after = |ok| {
            seen.note(look(ok));
            seen.ready
        };
        assert!(!after(false), "never ready before a good look");
        assert!(after(true));
        assert!(after(false));
        assert!(after(false));
        assert!(after(true), "a good look forgets the bad ones");
        assert!(after(false));
        assert!(after(false));
        assert!(!after(false));
        assert!(!after(false));
        assert!(after(true));
    }
}
