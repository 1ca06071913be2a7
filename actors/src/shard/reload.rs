//! Reading what was left behind, off the mailbox and for as long as it takes the store to answer.
//!
//! Deliberately absent: doing anything about it. Only what is nobody's here any more is ended.

use super::{Left, ShardMessage, key};
use crate::{
    ports::{Effect, EffectChange, Recipient, StoreError, Subject},
    scope::Scope,
    tasks::Tasks,
};
use ractor::ActorRef;

/// Stops the tasks of the incarnation before and reads the shard's backlog; the shard is told when it is there.
pub(super) fn begin(shard: &ActorRef<ShardMessage>, scope: &Scope, before: Option<Tasks>) {
    let (shard, scope) = (shard.clone(), scope.clone());
    let busy = scope.world.activity.busy();
    tokio::spawn(async move {
        if let Some(before) = before {
            before.close().await;
        }
        let mut tries = 0;
        loop {
            match left_behind(&scope).await {
                Ok(left) => {
                    let _ = shard.send_message(ShardMessage::Loaded(left, busy));
                    return;
                }
                Err(error) => {
                    tries += 1;
                    let wait = scope.world.settings.patience.wait(tries);
                    tracing::warn!(shard = %scope.shard(), %error, wait = ?wait, "the shard is loaded again");
                    tokio::time::sleep(wait).await;
                    if shard.get_status() >= ractor::ActorStatus::Stopping {
                        return;
                    }
                }
            }
        }
    });
}

async fn left_behind(scope: &Scope) -> Result<Left, StoreError> {
    let backlog = scope.world.ports.store.backlog(scope.shard()).await?;
    let mut left = Left::new();
    for organization in backlog.organizations {
        left.entry(key(&Recipient::Organization(organization))).or_default();
    }
    for run in backlog.rollouts {
        left.entry(Recipient::Run(run)).or_default();
    }
    for effect in backlog.effects {
        match recipient(scope, &effect).await? {
            Some(recipient) if recipient.shard() == scope.shard() => {
                left.entry(recipient).or_default().effects.push(effect);
            }
            Some(elsewhere) => end(scope, &effect, &elsewhere).await,
            None => {}
        }
    }
    Ok(left)
}

/// Ends an effect whose changeset is another shard's by now: that one's owner has begun its own, and alone may see to it.
/// Where this does not get through, the next time that the shard is loaded finds it again.
async fn end(scope: &Scope, effect: &Effect, elsewhere: &Recipient) {
    let mut transition = scope.transition(effect.run);
    transition.effects.push(EffectChange::Done(effect.id));
    match scope.commit(transition).await {
        Ok(_) => tracing::info!(effect = %effect.id, ?elsewhere, "an effect is another shard's to see to"),
        Err(setback) => tracing::warn!(effect = %effect.id, ?setback, "it could not be ended"),
    }
}

/// Who is to see to an effect.
async fn recipient(scope: &Scope, effect: &Effect) -> Result<Option<Recipient>, StoreError> {
    Ok(match effect.subject {
        Subject::Run(run) => Some(Recipient::Run(run)),
        Subject::Target(target) => Some(Recipient::Target(target)),
        Subject::Changeset(changeset) => {
            let row = scope.world.ports.store.changeset(changeset).await?;
            row.map(|row| key(&Recipient::Organization(row.repository.owner().to_owned())))
        }
    })
}
