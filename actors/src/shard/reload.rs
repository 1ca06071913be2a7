//! Reading what was left behind, off the mailbox and for as long as it takes the store to answer.
//!
//! Deliberately absent: doing anything about it.

use super::{Left, ShardMessage, key};
use crate::{
    ports::{Effect, Recipient, StoreError, Subject},
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
        if let Some(recipient) = recipient(scope, &effect).await? {
            left.entry(recipient).or_default().effects.push(effect);
        }
    }
    Ok(left)
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
