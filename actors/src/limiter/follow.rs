//! Following pull requests: one page at a time is read of what is due or of a campaign that somebody syncs, and what
//! was seen is recorded, with the time of the next read.
//!
//! What waits is the store's: nothing is held here for a pull request that is not being read. Deliberately absent:
//! reading the code host (`perform::sync`), and what a read means (`campaigns_domain::reconcile`).

use super::{Input, LimiterMessage, LimiterState, Sync, fold::Fold, redo};
use crate::{
    perform::sync::{self, Fresh, Look, Of, Page},
    ports::{CodeHostError, Message, MessageBody, Outcome, StoreError, SyncFailure, SyncReport},
    scope::{Scope, Setback},
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEvent},
    id::RepositoryId,
    reconcile::{Due, due, lost, noticed, observed, whereabouts},
};
use ractor::ActorRef;
use std::time::Duration;
use tokio::time::Instant;

impl LimiterState {
    /// The store did not hand out a page: it is asked again after a while that grows.
    pub(super) fn stumble(&mut self, error: &StoreError, what: &'static str) {
        let tries = self.stumbles.map_or(0, |(tries, _)| tries) + 1;
        let wait = self.scope.world.settings.patience.wait(tries);
        tracing::warn!(%error, what, wait = ?wait, "it could not be read from the database and is read again");
        self.stumbles = Some((tries, Instant::now() + wait));
    }

    /// How long the store is not asked for a page.
    pub(super) fn resting(&self) -> Option<Duration> {
        let (_, until) = self.stumbles?;
        Some(until.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    /// How long nothing is read of the code host although somebody waits for it.
    pub(super) fn reading_rests(&self) -> Option<Duration> {
        if self.syncs.is_empty() || self.reading.is_some() { None } else { self.pace.stopped_for() }
    }
}

/// Reads the next page of what is to be read.
pub(super) fn read_on(myself: &ActorRef<LimiterMessage>, state: &mut LimiterState) {
    if state.reading.is_some() || state.scope.is_draining() || state.resting().is_some() {
        return;
    }
    if state.pace.stopped_for().is_some() {
        // Whatever is due stays so, and is told of again.
        state.due = false;
        return;
    }
    let of = match state.syncs.front() {
        Some(sync) => Of::Campaign(sync.campaign, sync.after),
        None if state.due => Of::Due,
        None => return,
    };
    let work = sync::page(state.scope.clone(), state.organization.clone(), of);
    let ended = {
        let myself = myself.clone();
        move |outcome, busy| {
            let _ = myself.send_message(LimiterMessage::Read(outcome, busy));
        }
    };
    state.reading = Some(state.scope.tasks.perform(work, ended));
}

/// The hints among the inputs, by repository.
pub(super) fn hints(inputs: &[Input]) -> impl Iterator<Item = RepositoryId> {
    inputs.iter().filter_map(|input| match input {
        Input::Message(Message { body: MessageBody::Look { repository_id, .. }, .. }) => Some(*repository_id),
        _ => None,
    })
}

/// Has the followed pull requests that a hint speaks of read at once.
pub(super) fn hinted(fold: &mut Fold<'_>, repository: RepositoryId, numbers: &[u64]) {
    let meant = |row: &&Changeset| {
        let number = row.pull_request.as_ref().map(|reference| reference.number);
        row.repository_id == repository
            && (row.away.is_some()
                || number.is_some_and(|number| numbers.is_empty() || numbers.contains(&number)))
    };
    let ids: Vec<_> = fold.rows().filter(meant).map(|row| row.id).collect();
    for id in ids {
        fold.due(id, Due::In(Duration::ZERO));
    }
}

/// Records what a page showed, and when each pull request is read the next time.
pub(super) async fn page(
    fold: &mut Fold<'_>,
    scope: &Scope,
    organization: &str,
    page: &Page,
) -> Result<SyncReport, Setback> {
    let mut report = SyncReport::default();
    let mut called = vec![];
    for fresh in &page.read {
        // Whatever changed since it was read was changed by something as fresh as the read.
        let current = |fold: &Fold<'_>| {
            fold.row(&fresh.id)
                .filter(|row| row.version == fresh.version && row.publishing.is_none())
                .cloned()
        };
        let failure = match &fresh.looked {
            Ok(_) => None,
            Err(error) => Some(failure(fresh, error)),
        };
        report.read += u64::from(failure.is_none());
        report.failed += u64::from(failure.is_some());
        report.failures.extend(failure.filter(|_| report.failures.len() < SyncReport::TOLD));
        let Some(row) = current(fold) else { continue };
        let mut changed = seen(fold, &row, fresh).await?;
        changed |= redo::based(fold, row.id, fresh).await?;
        changed |= redo::wordless(fold, scope, &row, fresh.quiet).await?;
        called.extend(fresh.based.called.clone().map(|called| (row.id, called)));
        if changed {
            report.changed += 1;
        } else {
            fold.due(row.id, due(&row, fresh.quiet).no_later_than(fresh.based.again));
        }
    }
    redo::begin(fold, scope, organization, called).await?;
    for id in &page.awaited {
        fold.happened(*id, &ChangesetEvent::ReviewsDue).await?;
    }
    Ok(report)
}

/// Records what one look showed; whether it was anything new.
async fn seen(fold: &mut Fold<'_>, row: &Changeset, fresh: &Fresh) -> Result<bool, Setback> {
    let state = |row: &Changeset| match &fresh.looked {
        Ok(Look::Whole(reading)) => observed(row, &reading.pull_request, fresh.adopted.as_ref()),
        Ok(Look::State(seen)) => observed(row, seen, fresh.adopted.as_ref()),
        Ok(Look::Lost(reason)) => lost(row, reason),
        Ok(Look::None) | Err(_) => None,
    };
    let mut changed = false;
    // One that is open again may be somebody else's by now.
    for _ in 0..2 {
        let Some(what) = fold.row(&row.id).and_then(state) else { break };
        changed |= fold.happened(row.id, &what).await?;
    }
    if let (Some(found), Some(row)) = (&fresh.repository, fold.row(&row.id))
        && let Some(what) = whereabouts(row, found)
    {
        changed |= fold.happened(row.id, &what).await?;
    }
    if let (Ok(Look::Whole(reading)), Some(row)) = (&fresh.looked, fold.row(&row.id).cloned()) {
        for what in noticed(&row, reading) {
            changed |= fold.happened(row.id, &what).await?;
        }
    }
    Ok(changed)
}

fn failure(fresh: &Fresh, error: &CodeHostError) -> SyncFailure {
    SyncFailure { changeset: Some(fresh.id), repository: fresh.name.clone(), reason: error.to_string() }
}

/// How a sync went that ends with this page; none where it goes on after it.
pub(super) fn outcome(sync: &Sync, organization: &str, page: &Page, report: &SyncReport) -> Option<Outcome> {
    let over = match &page.halted {
        None => !page.more,
        // A limit passes, and the rest is read then.
        Some(error) => !matches!(error, CodeHostError::Limited { .. }),
    };
    if !over {
        return None;
    }
    let mut whole = sync.report.clone();
    whole.add(report);
    if let Some(error) = &page.halted
        && page.more
    {
        whole.failed += 1;
        let repository = format!("{organization}/*");
        whole.failures.push(SyncFailure { changeset: None, repository, reason: error.to_string() });
    }
    if whole.failed > 0 {
        tracing::warn!(campaign = %sync.campaign, failed = whole.failed, "pull requests could not be read");
    }
    Some(Outcome { command: sync.command, organization: organization.to_owned(), report: whole })
}

/// Takes to heart how a page ended.
pub(super) fn learn(state: &mut LimiterState, page: &Page) {
    match &page.halted {
        Some(CodeHostError::Limited { wait, .. }) => state.pace.stop_for(*wait),
        Some(CodeHostError::Unauthorized(why)) => state.pace.out_of_use(why),
        _ if page.read.iter().any(|fresh| fresh.looked.is_ok()) => state.pace.answered(false),
        _ => {}
    }
    if page.of == Of::Due {
        state.due = page.more && page.halted.is_none();
    }
}
