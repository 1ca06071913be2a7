//! Looking at a rollout: what the store shows of its waves, off the mailbox and only where something has happened or
//! time has changed the answer.
//!
//! Deliberately absent: recording what is decided (`decide`), and deciding (`campaigns_domain::publish::rollout`).

use super::{CampaignMessage, CampaignState, Idle};
use crate::{
    ports::{Held, RolloutCounts, RolloutMark, StoreError, Wanted},
    scope::Scope,
};
use campaigns_domain::{
    execution::{
        rollout::Progress,
        run::{Run, RunState},
    },
    id::ChangesetId,
    publish::rollout::{NO_CHECKS_AFTER, Situation, Step, decide},
    spec::Spec,
};
use chrono::{DateTime, Utc};
use ractor::ActorRef;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

/// The most changesets that are let through and not sent yet: what is decided later still counts for all others.
const AHEAD: u32 = 100;

/// The same where the campaign has caps of its own on how fast it writes: what waits for those takes places that others
/// could have.
const AHEAD_CAPPED: u32 = 2;

/// How long it is waited after a look, in what that took: what is asked grows with the run, and is to cost a twentieth of
/// the time at most.
const REST: u32 = 20;

/// What came of a look.
#[derive(Debug)]
pub(crate) struct Look {
    /// None where nothing has happened since the last one.
    pub(super) showed: Option<Looked>,
    /// How long the store took to answer.
    pub(super) took: Duration,
}

/// What a look showed.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(super) mark: RolloutMark,
    counts: RolloutCounts,
    /// What is held of the waves that are open, or are about to be: first without a pull request, then with one.
    held: (Vec<Held>, Vec<Held>),
}

/// What the last look left to wait for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) events: i64,
    pub(super) again: Option<DateTime<Utc>>,
    /// Whether anything may be held.
    pub(super) held: bool,
}

/// Whether the rollout of a run has to be looked at again: while it runs, and after it was cancelled for as long as
/// something of it is held.
pub(super) fn goes_on(run: &Run, last: Option<Last>) -> bool {
    run.rollout.holds()
        && match run.state {
            RunState::Running => true,
            RunState::Cancelled => last.is_none_or(|last| last.held),
            RunState::Selecting | RunState::Completed | RunState::Failed => false,
        }
}

/// Has the rollout looked at again after a while; at once the first time. A look that is to come already comes: while
/// targets end one after the other, something happens more often than it is looked. How long one took that failed says
/// nothing of the run.
pub(super) fn look_again(myself: &ActorRef<CampaignMessage>, state: &mut CampaignState) {
    if state.next_look.is_some() || state.looking.is_some() {
        return;
    }
    let every = state.scope.world.settings.rollout_every;
    let wait = state.look_took.map_or(Duration::ZERO, |took| every.max(took.saturating_mul(REST)));
    let timer = myself.send_after(wait, || CampaignMessage::Look);
    state.next_look = Some(Idle(timer.abort_handle()));
}

/// Looks at the rollout, off the mailbox.
pub(super) fn begin(myself: &ActorRef<CampaignMessage>, state: &mut CampaignState) {
    let Some(run) = state.run.clone().filter(|run| goes_on(run, state.last)) else { return };
    if state.looking.is_some() || state.scope.is_draining() {
        return;
    }
    let (scope, last) = (state.scope.clone(), state.last);
    let work = async move {
        let begun = Instant::now();
        let showed = look(scope, run, last).await?;
        Ok(Look { showed, took: begun.elapsed() })
    };
    let ended = {
        let myself = myself.clone();
        move |outcome, busy| {
            let _ = myself.send_message(CampaignMessage::Looked(outcome, busy));
        }
    };
    state.looking = Some(state.scope.tasks.perform(work, ended));
}

/// Looks at the rollout of a run; nothing where nothing has happened since.
async fn look(scope: Scope, run: Run, last: Option<Last>) -> Result<Option<Looked>, StoreError> {
    let store = &scope.world.ports.store;
    let mark = store.rollout_mark(run.id).await?;
    let same = |last: Last| last.events == mark.events && last.again.is_none_or(|again| mark.now < again);
    // What was let go of a run that was cancelled leaves its events to others.
    let last = last.filter(|_| run.state == RunState::Running);
    if last.is_some_and(same) {
        return Ok(None);
    }
    let plan = scope.world.plan(run.id).await?;
    let (ends, releasing) = (&run.rollout.ends, &run.rollout.releasing);
    let counts = store.rollout_counts(run.id, ends, releasing, NO_CHECKS_AFTER).await?;
    let mut looked = Looked { mark, counts, held: (vec![], vec![]) };
    let release = match run.state {
        RunState::Running => {
            looked.decide(&plan.spec, &run.rollout).release.map(|it| (it.up_to, it.new, it.updates))
        }
        // What is held of a run that was cancelled is let through too, to be told so.
        _ => Some((u32::MAX, AHEAD, AHEAD)),
    };
    if let Some((up_to, new, updates)) = release {
        let wanted = |opened, limit| Wanted {
            before: run.rollout.end_of(up_to),
            opened,
            except: looked.counts.releasing.clone(),
            limit,
        };
        let held = (
            if new > 0 { store.held(run.id, &wanted(false, new)).await? } else { vec![] },
            if updates > 0 { store.held(run.id, &wanted(true, updates)).await? } else { vec![] },
        );
        looked.held = held;
    }
    Ok(Some(looked))
}

impl Looked {
    /// What follows from it, where the rollout stands so.
    pub(super) fn decide(&self, spec: &Spec, progress: &Progress) -> Step {
        let none = Default::default();
        let caps =
            progress.pace.caps.or(spec.rollout.as_ref().map(|rollout| rollout.caps).unwrap_or_default());
        let capped = caps.per_minute.or(caps.per_hour).or(caps.per_day).is_some();
        let step = decide(&Situation {
            campaign: &spec.name,
            rollout: spec.rollout.as_ref().unwrap_or(&none),
            progress,
            waves: &self.counts.waves,
            ahead: if capped { AHEAD_CAPPED } else { AHEAD },
            now: self.mark.now,
        });
        Step { again: step.again.into_iter().chain(self.counts.settles).min(), ..step }
    }

    /// What goes through of what is held, where so many may.
    pub(super) fn fitting(&self, new: u32, updates: u32) -> impl Iterator<Item = &Held> {
        let most = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        self.held.0.iter().take(most(new)).chain(self.held.1.iter().take(most(updates)))
    }

    /// Everything that was found held.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.0.iter().chain(&self.held.1)
    }

    /// What was let through before and has not been taken note of.
    pub(super) fn releasing(&self) -> BTreeSet<ChangesetId> {
        self.counts.releasing.clone()
    }
}
