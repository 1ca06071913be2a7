//! Tidying up: branches of merged pull requests, a few at a time, and only while nobody waits for a turn.
//!
//! What is to be done is the store's, found by its due time like whatever is read; after a crash it is due again.
//! Deliberately absent: deleting (`perform::branch_end`).

use super::{LimiterMessage, LimiterState, fold::Fold};
use crate::{
    perform::{
        branch_end::{self, Tidied},
        sync::Page,
    },
    scope::Setback,
    tasks::Task,
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEvent},
    id::ChangesetId,
    reconcile::Due,
};
use ractor::ActorRef;
use std::time::Duration;

/// How many are seen to together.
const MOST: usize = 10;
/// When one is due again that is being seen to, in case nobody hears how it went.
const UNDER_WAY: Duration = Duration::from_secs(10 * 60);
/// When one is due again that has to wait.
const LATER: Duration = Duration::from_secs(60);

/// What is being tidied up.
#[derive(Default)]
pub(super) struct Tidy {
    next: Vec<Changeset>,
    task: Option<Task>,
}

impl Tidy {
    pub(super) fn is_idle(&self) -> bool {
        self.task.is_none()
    }

    pub(super) fn ended(&mut self) {
        self.task = None;
    }

    /// Takes some of what a page showed to be due. `free` says whether nobody waits for a turn.
    pub(super) fn take(&mut self, fold: &mut Fold<'_>, page: &Page, free: bool) {
        let room = if free && self.task.is_none() { MOST } else { 0 };
        self.next = page.branches.iter().take(room).cloned().collect();
        for (place, changeset) in page.branches.iter().enumerate() {
            fold.due(changeset.id, Due::In(if place < room { UNDER_WAY } else { LATER }));
        }
    }
}

/// Begins with what was taken, except for what a pause or a closed window holds.
pub(super) async fn begin(myself: &ActorRef<LimiterMessage>, state: &mut LimiterState) {
    let mut merged = vec![];
    for changeset in std::mem::take(&mut state.tidy.next) {
        if !state.scope.world.rests(&changeset).await {
            merged.push(changeset);
        }
    }
    if merged.is_empty() || state.scope.is_draining() {
        return;
    }
    let work = branch_end::tidy(state.scope.clone(), state.pace.clone(), merged);
    let ended = {
        let myself = myself.clone();
        move |outcome, busy| {
            let _ = myself.send_message(LimiterMessage::Tidied(outcome, busy));
        }
    };
    state.tidy.task = Some(state.scope.tasks.perform(work, ended));
}

/// Records how it went.
pub(super) async fn record(fold: &mut Fold<'_>, outcomes: &[(ChangesetId, Tidied)]) -> Result<(), Setback> {
    for (id, tidied) in outcomes {
        let what = match tidied {
            Tidied::Gone => ChangesetEvent::BranchDeleted,
            Tidied::Left(reason) => ChangesetEvent::BranchLeft { reason: reason.clone() },
            Tidied::Later => continue,
            Tidied::Fenced => return Err(Setback::Fenced),
        };
        fold.happened(*id, &what).await?;
    }
    Ok(())
}
