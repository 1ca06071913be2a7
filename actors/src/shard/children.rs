//! A shard's children: a map from what is worked on to the actor that does, spawned when needed.
//!
//! Deliberately absent: passivation, which is each child's own decision.

use super::{ShardMessage, ShardState};
use crate::{
    campaign::{CampaignActor, CampaignArguments, CampaignMessage},
    limiter::{LimiterActor, LimiterArguments, LimiterMessage},
    ports::{Backlog, Effect, Recipient, Subject},
    repo::{RepoActor, RepoArguments, RepoMessage},
    restarts::Verdict,
    scope::Delivery,
};
use campaigns_domain::id::RunId;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr};

/// One child.
pub(super) enum Child {
    Run(ActorRef<CampaignMessage>),
    Target(ActorRef<RepoMessage>),
    Organization(ActorRef<LimiterMessage>),
}

impl Child {
    fn cell(&self) -> ActorCell {
        match self {
            Self::Run(actor) => actor.get_cell(),
            Self::Target(actor) => actor.get_cell(),
            Self::Organization(actor) => actor.get_cell(),
        }
    }

    /// Hands something over. A child that is just leaving does not get it: the messages are looked for again when
    /// it has left.
    fn deliver(&self, delivery: Delivery) {
        let _ = match self {
            Self::Run(actor) => actor.send_message(CampaignMessage::Deliver(delivery)).map_err(drop),
            Self::Target(actor) => actor.send_message(RepoMessage::Deliver(delivery)).map_err(drop),
            Self::Organization(actor) => actor.send_message(LimiterMessage::Deliver(delivery)).map_err(drop),
        };
    }
}

/// Hands something to whoever works on `recipient`, who is spawned if nobody does.
pub(super) async fn deliver(
    myself: &ActorRef<ShardMessage>,
    state: &mut ShardState,
    recipient: Recipient,
    delivery: Delivery,
) -> Result<(), ActorProcessingErr> {
    if state.parked.contains(&recipient) || state.resting.contains_key(&recipient) {
        return Ok(());
    }
    if let Some(child) = state.children.get(&recipient) {
        child.deliver(delivery);
        return Ok(());
    }
    match spawn(myself, state, &recipient).await {
        Ok(child) => {
            if let (Child::Target(actor), Some(reason)) = (&child, state.condemned.get(&recipient)) {
                let _ = actor.send_message(RepoMessage::Condemn(reason.clone()));
            }
            child.deliver(delivery);
            state.by_actor.insert(child.cell().get_id(), recipient.clone());
            state.children.insert(recipient, child);
            Ok(())
        }
        // No supervision event follows a failed start.
        Err(error) => crashed(myself, state, recipient, &error.to_string()),
    }
}

async fn spawn(
    myself: &ActorRef<ShardMessage>,
    state: &ShardState,
    recipient: &Recipient,
) -> Result<Child, SpawnErr> {
    let (scope, shard, me) = (state.scope.clone(), myself.clone(), myself.get_cell());
    Ok(match recipient {
        Recipient::Run(run) => {
            let arguments = CampaignArguments { scope, shard, run: *run };
            Child::Run(Actor::spawn_linked(None, CampaignActor, arguments, me).await?.0)
        }
        Recipient::Target(target) => {
            let arguments = RepoArguments { scope, shard, target: *target };
            Child::Target(Actor::spawn_linked(None, RepoActor, arguments, me).await?.0)
        }
        Recipient::Organization(login) => {
            let (organization, name) = (login.clone(), recipient.clone());
            let arguments = LimiterArguments { scope, shard, me: name, organization };
            Child::Organization(Actor::spawn_linked(None, LimiterActor, arguments, me).await?.0)
        }
    })
}

/// Stops every child at once. Nobody hears of their ends.
pub(super) fn stop_all(state: &mut ShardState) {
    state.by_actor.clear();
    state.resting.clear();
    state.condemned.clear();
    state.parked.clear();
    for (_, child) in state.children.drain() {
        child.cell().kill();
    }
}

/// Answers a crash: a restart after a while, and where that was tried too often, the target is failed. A run or an
/// organisation cannot be: the shard itself stops then, and its supervisor loads it again.
pub(super) fn crashed(
    myself: &ActorRef<ShardMessage>,
    state: &mut ShardState,
    recipient: Recipient,
    error: &str,
) -> Result<(), ActorProcessingErr> {
    metrics::counter!("campaigns_restarts_total", "actor" => name(&recipient)).increment(1);
    tracing::error!(?recipient, error, "an actor crashed");
    let wait = match state.restarts.crashed(recipient.clone()) {
        Verdict::After(wait) => wait,
        Verdict::GiveUp(times) => match &recipient {
            Recipient::Target(_) if !state.condemned.contains_key(&recipient) => {
                let reason = format!("the work on it crashed {times} times, last with: {error}");
                state.condemned.insert(recipient.clone(), reason);
                state.scope.world.settings.restarts.longest
            }
            Recipient::Target(_) => {
                tracing::error!(
                    ?recipient,
                    error,
                    "a target can neither be worked on nor failed: it is left alone"
                );
                state.parked.insert(recipient);
                return Ok(());
            }
            _ => return Err(format!("{recipient:?} crashed {times} times, last with: {error}").into()),
        },
    };
    state.resting.insert(recipient.clone(), state.scope.world.activity.busy());
    let (scope, shard) = (state.scope.clone(), myself.clone());
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        let backlog = match scope.world.ports.store.backlog(scope.shard()).await {
            Ok(mut backlog) => {
                backlog.effects.retain(|effect| belongs(effect, &recipient));
                backlog
            }
            Err(error) => {
                let _ = shard.send_message(ShardMessage::StoreLost(error.to_string()));
                Backlog::default()
            }
        };
        let _ = shard.send_message(ShardMessage::Restart(recipient, backlog));
    });
    Ok(())
}

/// Whether an effect is a child's to resume. Those of changesets are handed to every organisation of the shard;
/// one that it does not know is looked up by it.
fn belongs(effect: &Effect, recipient: &Recipient) -> bool {
    match (effect.subject, recipient) {
        (Subject::Run(run), Recipient::Run(child)) => run == *child,
        (Subject::Target(target), Recipient::Target(child)) => target == *child,
        (Subject::Changeset(_), Recipient::Organization(_)) => true,
        _ => false,
    }
}

fn name(recipient: &Recipient) -> &'static str {
    match recipient {
        Recipient::Run(RunId(_)) => "campaign",
        Recipient::Target(_) => "repo",
        Recipient::Organization(_) => "limiter",
    }
}
