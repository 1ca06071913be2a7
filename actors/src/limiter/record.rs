//! What an organisation's inputs amount to: events on its changesets, and turns for those that wait.
//!
//! Deliberately absent: reading rows (`mod`) and making transitions of events (`fold`).

use super::{Input, LimiterMessage, LimiterState, Sync, Timer, fold::Fold, queue::Queue};
use crate::{
    perform::publish::{Outcome, Sent},
    ports::{EffectKind, MessageBody, Subject},
    scope::{Setback, count},
    world::World,
};
use campaigns_domain::{
    changeset::{ChangesetEvent, ChangesetState},
    execution::run::RunState,
    id::{CampaignId, ChangesetId},
    publish::PullRequestState,
    reconcile::observed,
};
use ractor::ActorRef;
use std::collections::HashSet;

/// Records everything that waits, with the next turns; what is to be sent now.
pub(super) async fn record(
    state: &mut LimiterState,
    inputs: &[Input],
) -> Result<Vec<(ChangesetId, u32)>, Setback> {
    let mut resumed = vec![];
    let mut syncs: Vec<Sync> = vec![];
    let mut finished = None;
    let mut put_off = HashSet::new();
    let mut read = HashSet::new();
    let mut fold = Fold::new(&state.scope, &mut state.rows);
    for input in inputs {
        match input {
            Input::Message(message) if !read.insert(message.id) => {}
            Input::Message(message) => match &message.body {
                MessageBody::Proposed { place, proposal } => {
                    fold.propose(message.id, place, proposal).await?
                }
                MessageBody::Sync { campaign, run, .. } => {
                    let (message, campaign, run) = (message.id, *campaign, *run);
                    syncs.push(Sync { message, campaign, run, after: None, failed: 0 });
                }
                // A hint, which may be lost: nothing is read by it until pull requests are read by a schedule.
                MessageBody::Look { run, .. } => fold.consume(*run, message.id),
                MessageBody::Released { changeset, run } => {
                    // What was let through for one run is not for the proposal of another.
                    if fold.row(changeset).is_some_and(|row| row.wanted.run == *run) {
                        fold.happened(*changeset, &ChangesetEvent::Released).await?;
                    }
                    fold.consume(*run, message.id);
                }
                MessageBody::Ask { changeset, ask, by, command, run } => {
                    let beyond = match fold.row(changeset) {
                        Some(row) => {
                            let control = state.scope.world.control_of(row.wanted.run).await?;
                            control.state == RunState::Cancelled
                        }
                        None => false,
                    };
                    let what =
                        ChangesetEvent::Asked { ask: ask.clone(), by: by.clone(), command: *command, beyond };
                    fold.ask(message.id, *run, *changeset, ask, &what).await?;
                }
                // Nobody sends an organisation anything else.
                _ => tracing::error!(message = %message.id, "a message that is not for an organisation"),
            },
            Input::Resumed(effect) => {
                let Subject::Changeset(id) = effect.subject else { continue };
                let row = fold.row(&id);
                let owed = row.is_some_and(|row| {
                    row.state == ChangesetState::Publishing && row.publishing == Some(effect.generation)
                });
                if owed {
                    if !state.sending.contains_key(&id) {
                        resumed.push((id, effect.generation));
                    }
                } else if row.is_some_and(|row| {
                    // One that waits for a turn of the same generation begins the effect anew.
                    row.state != ChangesetState::Scheduled || row.generation != effect.generation
                }) {
                    fold.done(id, effect.generation);
                }
            }
            Input::Sent(id, generation, outcome) => {
                let Some(what) = meaning(*generation, outcome)? else { continue };
                fold.done(*id, *generation);
                fold.happened(*id, &what).await?;
                if matches!(outcome.sent, Sent::Deferred(_)) {
                    put_off.insert(*id);
                }
            }
            Input::Read(page) => {
                for (id, version, seen) in &page.seen {
                    let Ok(seen) = seen else { continue };
                    // Whatever changed since it was read was changed by something as fresh as the read.
                    let current =
                        fold.row(id).filter(|row| row.version == *version && row.publishing.is_none());
                    if let Some(what) = current.and_then(|row| observed(row, seen)) {
                        fold.happened(*id, &what).await?;
                    }
                }
                if page.next.is_none()
                    && let Some(sync) = state.syncs.front()
                {
                    fold.consume(sync.run, sync.message);
                    finished = Some(sync.message);
                }
            }
        }
    }
    let scheduled = std::mem::take(&mut fold.scheduled);
    for id in scheduled {
        let Some(row) = fold.row(&id).filter(|row| row.state == ChangesetState::Scheduled) else { continue };
        if put_off.contains(&id) {
            continue;
        }
        // Whoever is urgent is taken in however many wait.
        let room = state.queue.len() < state.scope.world.settings.scheduled_page;
        if room || state.scope.world.is_urgent(row.wanted.run).await {
            state.queue.push(row.campaign, id);
        } else {
            state.more = true;
        }
    }
    // One that a pause or a closed window holds before its next write keeps nobody else waiting.
    let mut under_way = resumed.len();
    for id in state.sending.keys() {
        let rests = if let Some(row) = fold.row(id) { state.scope.world.rests(row).await } else { false };
        under_way += usize::from(!rests);
    }
    let free = state.scope.world.settings.publish_at_once.saturating_sub(under_way);
    if !state.scope.is_draining() && state.pace.stopped_for().is_none() {
        let urgent = urgent(&state.scope.world, &state.queue, &fold).await;
        let mut given = 0;
        while given < free
            && let Some(id) = state.queue.pop(&urgent)
        {
            // Two of one changeset are never under way at once.
            if state.sending.contains_key(&id) {
                continue;
            }
            let Some(row) = fold.row(&id).cloned() else { continue };
            // Passed over: it keeps its place in the store, and is read again once nothing holds it.
            if state.scope.world.rests(&row).await {
                state.put_off.remove(&id);
                state.held = true;
                continue;
            }
            let started = ChangesetEvent::PublishStarted { generation: row.generation };
            given += usize::from(fold.happened(id, &started).await?);
        }
    }
    fold.flush().await?;
    resumed.extend(std::mem::take(&mut fold.send));
    for sync in syncs {
        if state.syncs.iter().all(|known| known.message != sync.message) {
            state.syncs.push_back(sync);
        }
    }
    if let Some(finished) = finished
        && state.syncs.front().is_some_and(|sync| sync.message == finished)
        && let Some(sync) = state.syncs.pop_front()
    {
        let failed = sync.failed + failed(inputs);
        if failed > 0 {
            tracing::warn!(campaign = %sync.campaign, failed, "pull requests could not be read; the next sync tries them again");
        }
    }
    Ok(resumed)
}

/// The campaigns that go before all others.
async fn urgent(world: &World, queue: &Queue, fold: &Fold<'_>) -> HashSet<CampaignId> {
    let mut urgent = HashSet::new();
    for (campaign, first) in queue.fronts() {
        if let Some(row) = fold.row(&first)
            && world.is_urgent(row.wanted.run).await
        {
            urgent.insert(campaign);
        }
    }
    urgent
}

fn failed(inputs: &[Input]) -> usize {
    let pages = inputs.iter().filter_map(|input| match input {
        Input::Read(page) => Some(page),
        _ => None,
    });
    pages.flat_map(|page| &page.seen).filter(|(_, _, seen)| seen.is_err()).count()
}

/// The event that an outcome amounts to; none where nothing is concluded from it.
fn meaning(generation: u32, outcome: &Outcome) -> Result<Option<ChangesetEvent>, Setback> {
    let head = || outcome.head.clone();
    let refused =
        |reason: &str| ChangesetEvent::PublishRefused { generation, reason: reason.to_owned(), head: head() };
    let deferred = |reason: &str| ChangesetEvent::PublishDeferred {
        generation,
        reason: reason.to_owned(),
        head: head(),
    };
    let (outcome, event) = match &outcome.sent {
        Sent::Published(published) => (
            "published",
            Some(ChangesetEvent::Published { generation, published: published.as_ref().clone() }),
        ),
        Sent::Withdrawn => ("withdrawn", Some(ChangesetEvent::Withdrawn { generation })),
        Sent::Errand(said) => {
            ("errand_done", Some(ChangesetEvent::ErrandDone { generation, said: said.clone() }))
        }
        Sent::Ended(PullRequestState::Merged) => ("ended", Some(ChangesetEvent::SeenMerged)),
        Sent::Ended(PullRequestState::Closed) => ("ended", Some(ChangesetEvent::SeenClosed)),
        Sent::Ended(PullRequestState::Open) => {
            ("deferred", Some(deferred("the pull request was opened again")))
        }
        Sent::HandedOver(reason) => {
            ("handed_over", Some(ChangesetEvent::HandedOver { reason: reason.clone() }))
        }
        Sent::Refused(reason) => ("refused", Some(refused(reason))),
        Sent::Deferred(reason) => ("deferred", Some(deferred(reason))),
        Sent::RunEnded => ("run_ended", Some(refused("the run was cancelled before it was sent: run again"))),
        Sent::Draining => ("draining", None),
        Sent::Fenced => return Err(Setback::Fenced),
    };
    count(EffectKind::Publish, outcome);
    Ok(event)
}

/// Takes to heart what the recorded inputs mean for later turns.
pub(super) fn learn(myself: &ActorRef<LimiterMessage>, state: &mut LimiterState, inputs: &[Input]) {
    for input in inputs {
        match input {
            Input::Sent(id, _, Outcome { sent: Sent::Deferred(reason), .. }) => {
                state.failures += 1;
                let patience = state.scope.world.settings.patience;
                let tries = state.put_off.get(id).map_or(0, |(tries, _)| *tries) + 1;
                let wait = patience.wait(tries);
                tracing::info!(changeset = %id, reason, wait = ?wait, "the changeset waits for another turn");
                let clock = &state.scope.world.clock;
                let timer = Timer::by_store(clock, wait, myself, LimiterMessage::Due(*id));
                state.put_off.insert(*id, (tries, Some(timer)));
                // One after another, whichever it is: not the changesets are at fault.
                let many = u32::try_from(state.scope.world.settings.publish_at_once).unwrap_or(u32::MAX);
                if state.failures > many {
                    state.pace.stop_for(patience.wait(state.failures - many));
                }
            }
            Input::Sent(_, _, Outcome { sent: Sent::Draining, .. }) => {}
            Input::Sent(id, ..) => {
                state.failures = 0;
                state.put_off.remove(id);
            }
            Input::Read(page) => {
                if let Some(next) = page.next
                    && let Some(sync) = state.syncs.front_mut()
                {
                    sync.after = Some(next);
                    sync.failed += page.seen.iter().filter(|(_, _, seen)| seen.is_err()).count();
                }
            }
            Input::Message(_) | Input::Resumed(_) => {}
        }
    }
}
