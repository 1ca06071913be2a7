//! Targets that a paused organisation has put off: where it stands is looked at for as long as there are some, which costs
//! a read and no row, and once it may be tried again they are, one first, then more and more as long as none is put off
//! again.
//!
//! Deliberately absent: admitting (`campaigns_domain::execution`), and what pauses an organisation (the limiter).

use super::{CampaignMessage, CampaignState, Idle, Input};
use crate::{
    ports::{Message, MessageBody, Standing},
    scope::HEAR_AFTER,
    tasks::Busy,
};
use campaigns_domain::{execution::run::Run, id::TargetId};
use ractor::ActorRef;
use std::collections::{BTreeSet, HashMap};

/// How an organisation is being tried again.
struct Trial {
    /// With how many targets the last time.
    targets: u32,
    /// Which they were.
    which: Vec<TargetId>,
}

/// The organisations that are being tried again, and the timer of the next look.
#[derive(Default)]
pub(super) struct PutOff {
    trials: HashMap<String, Trial>,
    timer: Option<Idle>,
    /// Counted in the process's activity and not in the shard's: what only waits does not hold up a drain.
    busy: Option<Busy>,
}

impl PutOff {
    /// Somebody was put off again: it is one by one that the organisation is tried from now on.
    pub(super) fn hear(&mut self, message: &Message) {
        if let MessageBody::AttemptEnded { organization: Some(organization), .. } = &message.body {
            self.trials.remove(organization);
        }
    }
}

/// Has the organisations looked at after a while, where some of the run's targets wait for them; whether they do.
pub(super) fn look_again(myself: &ActorRef<CampaignMessage>, state: &mut CampaignState, run: &Run) -> bool {
    let put_off = &mut state.put_off;
    let waits = !run.put_off.is_empty() && !run.state.is_end();
    if !waits {
        *put_off = PutOff::default();
    } else if put_off.timer.is_none() && !state.scope.is_draining() {
        put_off.busy.get_or_insert_with(|| state.scope.world.activity.busy());
        let timer = myself.send_after(HEAR_AFTER, || CampaignMessage::PutOff);
        put_off.timer = Some(Idle(timer.abort_handle()));
    }
    waits
}

/// Looks at the organisations; what follows waits to be decided. Whether anything does.
pub(super) async fn look(myself: &ActorRef<CampaignMessage>, state: &mut CampaignState) -> bool {
    state.put_off.timer = None;
    let Some(run) = state.run.take() else { return false };
    let organizations: BTreeSet<&String> = run.put_off.values().collect();
    let mut found = false;
    for organization in organizations.into_iter().filter(|_| !state.scope.is_draining()) {
        let standing = state.scope.world.ports.store.standing(organization).await;
        let Ok(standing) =
            standing.inspect_err(|error| tracing::debug!(organization, %error, "not looked at"))
        else {
            continue;
        };
        let before = state.put_off.trials.get(organization);
        if !may_be_tried(&run, &standing, before) {
            continue;
        }
        let targets = before.map_or(1, |before| before.targets.saturating_mul(2));
        let which =
            run.put_off_by(organization).take(usize::try_from(targets).unwrap_or(usize::MAX)).collect();
        state.put_off.trials.insert(organization.clone(), Trial { targets, which });
        state.waiting.push(Input::TriedAgain(organization.clone(), targets));
        found = true;
    }
    if !found {
        look_again(myself, state, &run);
    }
    state.run = Some(run);
    found
}

/// Whether an organisation may be tried: where nothing pauses it any more, and else as a probe when its time has come and
/// those that were tried before have ended.
fn may_be_tried(run: &Run, standing: &Standing, before: Option<&Trial>) -> bool {
    let under_way = |target: &TargetId| run.open.iter().chain(&run.again).any(|(known, _)| known == target);
    match (&standing.pause, &standing.quiet) {
        (None, _) => true,
        (Some(_), Some(_)) => false,
        (Some(_), None) => before.is_none_or(|before| !before.which.iter().any(under_way)),
    }
}
