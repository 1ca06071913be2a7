//! Whom a run admits: it fills its window with attempts that were asked for again and with new targets.
//!
//! What a paused organisation has put off waits beside, for as long as the pause lasts, and costs nothing meanwhile.
//! Deliberately absent: when a paused organisation is tried again, which its standing says.

use super::run::{Run, RunEffect, RunState};
use crate::id::TargetId;

impl Run {
    /// Fills the window: retries first, then new positions, oldest first. A paused run is not filled.
    pub(super) fn admit(&mut self) -> Vec<RunEffect> {
        let mut effects = vec![];
        let mut room = self.room();
        while room > 0
            && let Some(at) = self.again.iter().position(|(target, _)| !self.put_off.contains_key(target))
        {
            let (target, attempt) = self.again.remove(at);
            self.open.insert((target, attempt));
            effects.push(RunEffect::AdmitAgain { target, attempt });
            room -= 1;
        }
        let count = room.min(self.total - self.next_position);
        if count > 0 {
            effects.push(RunEffect::AdmitNext { from: self.next_position, count });
            self.next_position += count;
        }
        effects
    }

    fn room(&self) -> u32 {
        if self.state != RunState::Running || self.paused.is_some() {
            return 0;
        }
        self.most_open().saturating_sub(u32::try_from(self.open.len()).unwrap_or(u32::MAX))
    }

    /// How many admissions may be open at once.
    pub fn most_open(&self) -> u32 {
        if self.options.each { self.window.saturating_mul(self.replicas.max(1)) } else { self.window }
    }

    /// The targets that the pause of an organisation put off, in the order in which they are tried again.
    pub fn put_off_by(&self, organization: &str) -> impl Iterator<Item = TargetId> {
        let of_it = self.put_off.iter().filter(move |(_, by)| *by == organization);
        of_it.map(|(target, _)| *target)
    }
}
