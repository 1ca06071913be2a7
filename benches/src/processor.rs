//! Processor time of this process and of the database server, which a busy machine moves far less than the clock.
//!
//! Deliberately absent: what it is spent on.

use anyhow::{Context as _, Result};
use std::fs;

/// Processor time that has been taken, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    /// By this process.
    pub(crate) here: f64,
    /// By the server with all of its processes.
    pub(crate) server: f64,
}

impl Taken {
    /// What has been taken until now, where `server` is the server's first process.
    pub(crate) fn now(server: i32) -> Result<Self> {
        let mut taken = Self { here: taken_here()?, server: 0.0 };
        for entry in fs::read_dir("/proc").context("there is no /proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            // A process that has ended meanwhile is counted by the one that started it.
            let Ok(stat) = Stat::of(&pid.to_string()) else { continue };
            if pid == server {
                taken.server += stat.own + stat.of_ended;
            } else if stat.parent == server {
                taken.server += stat.own;
            }
        }
        Ok(taken)
    }

    /// Microseconds of each for one of `count` since `before`.
    pub(crate) fn since(self, before: Self, count: usize) -> Self {
        let each = |now: f64, before: f64| (now - before) * 1e6 / count as f64;
        Self { here: each(self.here, before.here), server: each(self.server, before.server) }
    }
}

/// Seconds that this process has taken until now, in user mode and in the kernel.
pub(crate) fn taken_here() -> Result<f64> {
    Ok(Stat::of("self")?.own)
}

/// Linux counts processor time in hundredths of a second on every architecture that we build for.
const TICKS: f64 = 100.0;

struct Stat {
    parent: i32,
    own: f64,
    of_ended: f64,
}

impl Stat {
    fn of(pid: &str) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name comes second, in brackets, and may hold anything.
        let fields: Vec<&str> =
            text.rsplit_once(')').context("an unreadable stat")?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).context("a short stat")?.parse::<f64>().context("ticks");
        Ok(Self {
            parent: fields.get(1).context("a short stat")?.parse()?,
            own: (ticks(11)? + ticks(12)?) / TICKS,
            of_ended: (ticks(13)? + ticks(14)?) / TICKS,
        })
    }
}
