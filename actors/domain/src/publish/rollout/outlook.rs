//! What of a rollout can be foreseen: which of the changesets that are held will be let through by our own work and by
//! time alone, and what the others wait for, of which nobody knows when it comes.
//!
//! Deliberately absent: when each is sent (`budget`).

use super::{Deciding, On, Situation, Wait, decide};
use crate::spec::Rollout;

/// What can be foreseen of the changesets that are held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outlook {
    /// So many of those without a pull request go by themselves, the first by the positions of their targets.
    pub new: u32,
    /// So many of those with one.
    pub updates: u32,
    /// For each wave, from the first, what its others wait for.
    pub waits: Vec<Option<Wait>>,
}

/// What can be foreseen. `alone` says whether everything that is still to be sent is in one organisation: otherwise it
/// is not foreseen when a wave has been sent.
pub fn outlook(situation: &Situation<'_>, alone: bool) -> Outlook {
    // Hours in which nothing goes pass by themselves, and so does what is let through a few at a time.
    let rollout = Rollout { windows: vec![], ..situation.rollout.clone() };
    let free = Situation { rollout: &rollout, ahead: u32::MAX, ..*situation };
    let step = decide(&free);
    let release = step.release.map_or((0, 0), |release| (release.new, release.updates));
    let mut outlook = Outlook { new: release.0, updates: release.1, waits: step.waits };
    if let (Some(halt), None) = (&step.progress.halt, &situation.progress.halt) {
        // Its owner has not recorded that yet, and until then there is nothing that a person could resume.
        for wait in outlook.waits.iter_mut().flatten().filter(|wait| wait.on == On::Resume) {
            wait.reason = format!("about to halt: {}", halt.reason);
        }
    }
    if step.progress.halt.is_some() || !alone {
        return outlook;
    }
    let after = Deciding { situation: &free, progress: step.progress, events: vec![], again: None };
    let (most, why) = after.most();
    let mut left = most.saturating_sub(outlook.new);
    for wave in after.progress.wave + 1..rollout.waves_in_all() {
        let before = after.counts(wave - 1);
        let at = |wave: u32| usize::try_from(wave).unwrap_or(usize::MAX);
        let all_go = outlook.waits.get(at(wave - 1)).is_none_or(Option::is_none);
        // A gate is held by people and checks, and steps take as long as they take.
        if !all_go || before.unfinished > 0 || rollout.gate(wave - 1).is_some() {
            break;
        }
        let counts = after.counts(wave);
        let goes = counts.waiting.min(left);
        left -= goes;
        outlook.new += goes;
        outlook.updates += counts.updates;
        if let Some(wait) = outlook.waits.get_mut(at(wave)) {
            *wait = why.clone().filter(|_| goes < counts.waiting);
        }
    }
    outlook
}

/// What the end of a rollout depends on besides our work and time, in words.
pub fn depends_on(rollout: &Rollout) -> Vec<String> {
    let last = rollout.waves_in_all().saturating_sub(1);
    let gated = (0..last).filter(|wave| rollout.gate(*wave).is_some());
    let mut all: Vec<String> =
        gated.map(|wave| format!("the gate of wave `{}`", rollout.wave_name(wave))).collect();
    all.extend(rollout.caps.max_open.map(|most| format!("at most {most} pull requests open at a time")));
    all.extend(rollout.caps.max_pending_checks.map(|most| format!("the checks of at most {most} at a time")));
    all
}
