//! What an organisation's inputs amount to: events on its changesets, and turns for those that wait.
//!
//! Deliberately absent: reading rows (`mod`) and making transitions of events (`fold`).

use super::{
    Input, LimiterMessage, LimiterState, Sync, Timer,
    elsewhere::passed_on,
    fold::Fold,
    follow,
    standing::{installed, told},
    tidy,
};
use crate::{
    perform::{
        publish::{Outcome, Sent},
        sync::Of,
    },
    ports::{EffectKind, MessageBody, Subject, SyncReport},
    scope::{Setback, count},
    world::World,
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEvent, ChangesetState},
    execution::run::RunState,
    id::{CampaignId, ChangesetId},
    publish::{Adopted, PullRequestState, budget::Opening, queue::Queue},
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
    let mut synced = None;
    let mut put_off = HashSet::new();
    let mut read = HashSet::new();
    let (mut troubles, mut installations) = (vec![], vec![]);
    let mut fold = Fold::new(&state.scope, &mut state.rows);
    for input in inputs {
        match input {
            Input::Message(message) if !read.insert(message.id) => {}
            Input::Message(message) if let Some((run, there)) = passed_on(&state.elsewhere, message) => {
                fold.pass_on(run, message.id, there);
            }
            Input::Message(message) => match &message.body {
                MessageBody::Proposed { place, proposal } => {
                    fold.propose(message.id, place, proposal).await?
                }
                MessageBody::Sync { campaign, run, command } => {
                    let (message, campaign, run, command) = (message.id, *campaign, *run, *command);
                    let report = SyncReport::default();
                    syncs.push(Sync { message, campaign, run, command, after: None, report });
                }
                MessageBody::Look { repository_id, pull_requests, run } => {
                    follow::hinted(&mut fold, *repository_id, pull_requests);
                    fold.consume(*run, message.id);
                    state.due = true;
                }
                MessageBody::Trouble { trouble, run } => {
                    troubles.push(trouble);
                    fold.consume(*run, message.id);
                }
                MessageBody::Installation { state } => installations.push((message.id, *state)),
                MessageBody::Released { changeset, run } => {
                    // What was let through for one run is not for the proposal of another.
                    if fold.row(changeset).is_some_and(|row| row.wanted.run == *run) {
                        fold.happened(*changeset, &ChangesetEvent::Released).await?;
                    }
                    fold.consume(*run, message.id);
                }
                MessageBody::Arrived { changeset, run } => {
                    // It waits for a turn, or its pull request is to be read.
                    fold.arrived(*changeset);
                    (state.more, state.due) = (true, true);
                    fold.consume(*run, message.id);
                }
                MessageBody::Redone { changeset, run, content, reason } => {
                    fold.redone(message.id, *changeset, *run, content.as_deref(), reason).await?;
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
                let report = follow::page(&mut fold, &state.scope, &state.organization, page).await?;
                let free =
                    state.queue.is_empty() || state.room.closed_for(&state.scope.world.clock).is_some();
                state.tidy.take(&mut fold, page, free && !state.pace.is_paused());
                if let (Of::Campaign(..), Some(sync)) = (page.of, state.syncs.front()) {
                    let over = follow::outcome(sync, &state.organization, page, &report);
                    if let Some(outcome) = &over {
                        fold.outcome(sync.run, outcome.clone());
                        fold.consume(sync.run, sync.message);
                    }
                    let after = page.read.last().map(|fresh| fresh.id);
                    synced = Some((over.is_some(), after, report));
                }
            }
            Input::Tidied(outcomes) => tidy::record(&mut fold, outcomes).await?,
        }
    }
    for trouble in troubles {
        told(&state.pace, trouble);
    }
    for (message, found) in installations {
        installed(&state.pace, &state.organization, found);
        state.heard.push(message);
    }
    let scheduled = std::mem::take(&mut fold.scheduled);
    for id in scheduled {
        let waits = |row: &&_| is_here(&state.organization, row);
        let Some(row) = fold.row(&id).filter(waits) else { continue };
        if put_off.contains(&id) {
            continue;
        }
        // A campaign that is new here takes its turns beside those that fill the page, and whoever is urgent is taken in
        // however many wait.
        let room = state.queue.len() < state.scope.world.settings.scheduled_page;
        if room || !state.queue.has(&row.campaign) || state.scope.world.is_urgent(row.wanted.run).await {
            state.queue.push(row.campaign, id);
        } else {
            state.more = true;
        }
    }
    // One that a pause, a closed window or its campaign's own cap holds before its next write keeps nobody else waiting.
    let mut under_way = resumed.len();
    for id in state.sending.keys() {
        let rests = if let Some(row) = fold.row(id) { state.scope.world.rests(row).await } else { false };
        let rests = rests || state.pace.is_capped(id);
        under_way += usize::from(!rests);
    }
    // While something has to be mended, one is tried and no more.
    let most = if state.pace.is_paused() { 1 } else { state.scope.world.settings.publish_at_once };
    let free = most.saturating_sub(under_way);
    let closed = state.room.closed_for(&state.scope.world.clock).is_some();
    if !closed && !state.scope.is_draining() && state.pace.stopped_for().is_none() {
        let urgent = urgent(&state.scope.world, &state.queue, &fold).await;
        let mut given = 0;
        let mut opening = Opening::default();
        let under_way = state.sending.keys().chain(resumed.iter().map(|(id, _)| id));
        for row in under_way.filter_map(|id| fold.row(id)).filter(|row| row.pull_request.is_none()) {
            opening.add(row.campaign);
        }
        let world = &state.scope.world;
        let mut judge = state.room.judge(&world.settings.budget, &state.organization, opening);
        while given < free
            && let Some(id) = state.queue.pop_where(&urgent, |campaign, id| {
                judge.may_begin(campaign, fold.row(&id).is_none_or(|row| row.pull_request.is_none()))
            })
        {
            // Two of one changeset are never under way at once.
            if state.sending.contains_key(&id) {
                continue;
            }
            let Some(row) = fold.row(&id).filter(|row| row.is_of(&state.organization)).cloned() else {
                continue;
            };
            // Passed over: it keeps its place in the store, and is read again once nothing holds it.
            if state.scope.world.rests(&row).await {
                state.put_off.remove(&id);
                state.held = true;
                continue;
            }
            let started = ChangesetEvent::PublishStarted { generation: row.generation };
            given += usize::from(fold.happened(id, &started).await?);
        }
        let nobody = (given == 0).then(|| judge.closed_for()).flatten();
        state.room.close(nobody.map(|wait| world.clock.now() + wait));
    }
    fold.flush().await?;
    resumed.extend(std::mem::take(&mut fold.send));
    for sync in syncs {
        if state.syncs.iter().all(|known| known.message != sync.message) {
            state.syncs.push_back(sync);
        }
    }
    match synced {
        Some((true, ..)) => drop(state.syncs.pop_front()),
        Some((false, after, report)) => {
            if let Some(sync) = state.syncs.front_mut() {
                sync.after = after.or(sync.after);
                sync.report.add(&report);
            }
        }
        None => {}
    }
    Ok(resumed)
}

/// Whether a changeset waits for a turn of this organisation.
fn is_here(organization: &str, row: &Changeset) -> bool {
    row.state == ChangesetState::Scheduled && row.is_of(organization)
}

/// The campaigns that go before all others.
async fn urgent(world: &World, queue: &Queue, fold: &Fold<'_>) -> HashSet<CampaignId> {
    let mut urgent = HashSet::new();
    for (campaign, first) in queue.heads() {
        if let Some(row) = fold.row(&first)
            && world.is_urgent(row.wanted.run).await
        {
            urgent.insert(campaign);
        }
    }
    urgent
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
        Sent::Errand(done) => {
            ("errand_done", Some(ChangesetEvent::ErrandDone { generation, done: done.as_ref().clone() }))
        }
        Sent::Adopted(Adopted { head, base }) => {
            ("adopted", Some(ChangesetEvent::HeadAdopted { head: head.clone(), base: base.clone() }))
        }
        Sent::Ended(PullRequestState::Merged) => ("ended", Some(ChangesetEvent::SeenMerged)),
        Sent::Ended(PullRequestState::Closed) => ("ended", Some(ChangesetEvent::SeenClosed)),
        Sent::Ended(PullRequestState::Open) => {
            ("deferred", Some(deferred("the pull request was opened again")))
        }
        Sent::HandedOver(reason) => {
            ("handed_over", Some(ChangesetEvent::HandedOver { reason: reason.clone() }))
        }
        Sent::Away(away) => (
            "away",
            Some(ChangesetEvent::RepositoryAway {
                generation: Some(generation),
                away: away.clone(),
                head: head(),
            }),
        ),
        Sent::Transferred(repository) => (
            "transferred",
            Some(ChangesetEvent::Transferred {
                generation: Some(generation),
                repository: repository.clone(),
                head: head(),
            }),
        ),
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
            Input::Read(page) => follow::learn(state, page),
            Input::Message(_) | Input::Resumed(_) | Input::Tidied(_) => {}
        }
    }
}
