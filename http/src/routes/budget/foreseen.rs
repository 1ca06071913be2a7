//! What of a queue can be foreseen, and what nobody can foresee: pauses, gates, and what people do to pull requests.
//!
//! Deliberately absent: deciding it (`campaigns_domain::publish::rollout`), and when the rest goes.

use crate::ports::{HeldAt, OrganizationQueue, Queued, WaitingRun};
use campaigns_domain::{
    execution::run::paused,
    id::{ChangesetId, RunId},
    publish::{
        budget::Planned,
        rollout::{On, Outlook, Situation, outlook},
    },
    spec::Rollout,
};
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// What a changeset waits for, as the API names it, and in words.
type Hold = (&'static str, String);

/// What is being sent and what waits, in the order of their turns, as far as it goes by itself.
pub(super) fn plans(queue: &OrganizationQueue) -> (Vec<Planned>, Vec<Planned>) {
    let holds = holds(queue);
    let of = |sending| {
        let those = queue.queued.iter().filter(move |queued| queued.sending == sending);
        let free = those.filter(|queued| !holds.contains_key(&queued.planned.changeset));
        free.map(|queued| queued.planned.clone()).collect()
    };
    (of(true), of(false))
}

/// What holds those of which nobody can foresee when they go.
pub(super) fn holds(queue: &OrganizationQueue) -> HashMap<ChangesetId, Hold> {
    let runs: HashMap<RunId, (&WaitingRun, Outlook)> =
        queue.runs.iter().map(|run| (run.run, (run, foreseen(run, queue.spending.now)))).collect();
    let hold = |queued: &Queued| {
        let (run, outlook) = runs.get(&queued.run)?;
        // What is being sent is finished although it is paused by itself.
        let own = queued.paused_by.as_deref().filter(|_| !queued.sending).map(|by| paused(by, ""));
        let paused = run.paused.clone().or(own);
        if let (None, Some((pause, _))) = (&paused, &queue.pause) {
            return Some((queued.planned.changeset, ("mending", pause.why.reason.clone())));
        }
        let hold = match (paused, queued.held) {
            (Some(paused), _) => ("resume", paused),
            (None, Some(held)) => held_by(run, outlook, held)?,
            (None, None) => return None,
        };
        Some((queued.planned.changeset, hold))
    };
    queue.queued.iter().filter_map(hold).collect()
}

fn held_by(run: &WaitingRun, outlook: &Outlook, held: HeldAt) -> Option<Hold> {
    if held.before < if held.opened { outlook.updates } else { outlook.new } {
        return None;
    }
    let wave = run.progress.ends.partition_point(|end| *end <= held.position);
    let Some(wait) = outlook.waits.get(wave).and_then(Option::as_ref) else {
        return Some(("wave", "waits for what goes before it".to_owned()));
    };
    let waits_for = match wait.on {
        On::Work | On::Time => "wave",
        On::Reviews => "reviews",
        On::Resume => "resume",
    };
    Some((waits_for, wait.reason.clone()))
}

fn foreseen(run: &WaitingRun, now: DateTime<Utc>) -> Outlook {
    if run.waves.is_empty() {
        return Outlook::default();
    }
    let none = Rollout::default();
    let situation = Situation {
        campaign: &run.campaign.1,
        rollout: run.rollout.as_ref().unwrap_or(&none),
        progress: &run.progress,
        waves: &run.waves,
        ahead: u32::MAX,
        now,
    };
    outlook(&situation, run.alone)
}
