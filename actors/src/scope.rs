//! One incarnation of a shard as its actors see it: the lease they act under, their tasks, the one place where
//! they commit, and the gate before every effect on the world.
//!
//! Deliberately absent: deciding what to commit.

use crate::{
    ports::{
        CommitError, Effect, EffectKind, EffectState, Lease, Message, MessageBody, NewEvent, Recipient,
        StoreError, Subject, Transition, Trouble,
    },
    tasks::{Busy, Tasks},
    world::World,
};
use campaigns_domain::{
    execution::run::RunState,
    id::{EffectId, MessageId, RunId, Shard},
};
use ractor::ActorProcessingErr;
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

/// How long a task waits before it asks again whether it may act.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long a wait goes on before the run's state is asked for again.
pub(crate) const HEAR_AFTER: Duration = Duration::from_secs(2);

/// One incarnation of a shard.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) world: Arc<World>,
    pub(crate) lease: Lease,
    pub(crate) tasks: Tasks,
    /// Whether nothing new is to be begun.
    pub(crate) draining: watch::Receiver<bool>,
}

/// Why an actor cannot go on from what it holds.
#[derive(Debug)]
pub(crate) enum Setback {
    /// The shard has another owner: the shard stops.
    Fenced,
    /// The rows are not as they were believed to be: read them again.
    Refused(String),
    /// The store does not answer: the shard stops its actors, reloads and resumes.
    Unavailable(String),
    /// A bug, or a row that cannot be read: the actor crashes.
    Bug(ActorProcessingErr),
}

impl From<CommitError> for Setback {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Fenced(_) => Self::Fenced,
            CommitError::Refused(reason) => Self::Refused(reason),
            CommitError::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => Self::Unavailable(reason),
            error @ StoreError::Corrupt(_) => Self::Bug(error.into()),
        }
    }
}

impl From<serde_json::Error> for Setback {
    fn from(error: serde_json::Error) -> Self {
        Self::Bug(error.into())
    }
}

/// Why an effect is not to be performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The run was cancelled, or failed.
    RunEnded,
    /// The process or the shard is being given up; the next owner sees to it.
    Draining,
}

impl Scope {
    pub(crate) fn shard(&self) -> Shard {
        self.lease.shard()
    }

    /// An empty transition of `run` under this shard's fence.
    pub(crate) fn transition(&self, run: RunId) -> Transition {
        Transition::new(self.lease.fence(), run)
    }

    /// Commits, and wakes the owners of what was sent. Where there is nothing to commit, nothing is.
    pub(crate) async fn commit(&self, transition: Transition) -> Result<(), Setback> {
        if transition == self.transition(transition.run) {
            return Ok(());
        }
        let consumed = transition.consumed.clone();
        let shards: BTreeSet<_> = transition.messages.iter().map(|message| message.to.shard()).collect();
        let committed = self.world.ports.store.commit(transition).await;
        let outcome = match &committed {
            Ok(_) => "committed",
            Err(CommitError::Fenced(_)) => "fenced",
            Err(CommitError::Refused(_)) => "refused",
            Err(CommitError::Unavailable(_)) => "unavailable",
        };
        metrics::counter!("campaigns_commits_total", "outcome" => outcome).increment(1);
        committed?;
        self.world.inbox.consumed(&consumed);
        self.world.wake(shards);
        Ok(())
    }

    /// Tells the owner of an organisation what was met there. It is told for everybody's sake: where it is lost, the
    /// next one who meets it says so.
    pub(crate) async fn report(&self, run: RunId, owner: &str, trouble: Trouble) {
        let organization = owner.to_ascii_lowercase();
        let body = MessageBody::Trouble { trouble, run };
        let id = MessageId(Uuid::new_v4());
        let mut transition = self.transition(run);
        transition.messages.push(Message { id, to: Recipient::Organization(organization), body });
        if let Err(setback) = self.commit(transition).await {
            tracing::debug!(?setback, owner, "what was met there was not told");
        }
    }

    /// An effect that begins now.
    pub(crate) fn effect(&self, run: RunId, subject: Subject, kind: EffectKind, generation: u32) -> Effect {
        Effect {
            id: EffectId::of(subject.id(), kind.as_str(), generation),
            shard: self.shard(),
            run,
            subject,
            kind,
            generation,
            state: EffectState::InFlight,
        }
    }

    /// Waits until an effect of `run` may be performed: the lease is trusted, and the run, by a copy of its
    /// state no older than a second, goes on and is not paused. While the lease is in doubt or the store does not
    /// answer, nothing is performed.
    pub(crate) async fn gate(&self, run: RunId) -> Result<(), Closed> {
        self.gate_unless(run, RunState::is_end).await
    }

    /// The same for what is sent for a changeset, which outlives its run: only a run that was cancelled holds it
    /// up, and not even that where it was asked for later (`beyond`).
    pub(crate) async fn gate_of_changeset(&self, run: RunId, beyond: bool) -> Result<(), Closed> {
        self.gate_unless(run, |state| state == RunState::Cancelled && !beyond).await
    }

    async fn gate_unless(&self, run: RunId, shut: impl Fn(RunState) -> bool) -> Result<(), Closed> {
        loop {
            if *self.draining.borrow() {
                return Err(Closed::Draining);
            }
            match self.world.control_of(run).await {
                Ok(control) if shut(control.state) => return Err(Closed::RunEnded),
                Ok(control) if control.paused.is_some() => {}
                Ok(_) if self.lease.is_trusted() => return Ok(()),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%run, %error, "the run's state could not be read: its effects wait")
                }
            }
            self.pause(ASK_AGAIN).await?;
        }
    }

    /// Waits, unless the shard is given up meanwhile.
    pub(crate) async fn pause(&self, wait: Duration) -> Result<(), Closed> {
        let mut draining = self.draining.clone();
        tokio::select! {
            // An error means that the shard is gone, which is the same.
            _ = draining.wait_for(|draining| *draining) => Err(Closed::Draining),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    /// Waits by the store's clock, for hours if need be, and hears meanwhile that the run was cancelled.
    pub(crate) async fn wait_for(&self, run: RunId, wait: Duration) -> Result<(), Closed> {
        let then = self.world.clock.now() + wait;
        while !self.world.clock.until(then).is_zero() {
            self.rest(then).await?;
            self.gate(run).await?;
        }
        Ok(())
    }

    /// Waits until `then` by the store's clock, at most for as long as nobody need be asked whether to go on.
    pub(crate) async fn rest(&self, then: Instant) -> Result<(), Closed> {
        tokio::select! {
            closed = self.pause(HEAR_AFTER) => closed,
            () = self.world.clock.sleep_until(then) => Ok(()),
        }
    }

    /// Whether nothing new is to be begun.
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }
}

/// What is handed to an actor.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// Inbox rows.
    pub(crate) messages: Vec<Message>,
    /// Effects that an earlier incarnation left behind.
    pub(crate) effects: Vec<Effect>,
    /// The look at the inbox that showed the messages.
    pub(crate) look: u64,
    /// Whether pull requests are due to be read.
    pub(crate) due: bool,
    /// Effects count as unfinished until their actor has seen to them; messages do by themselves.
    pub(crate) busy: Option<Busy>,
}

/// An event about `subject`, ready to be recorded.
pub(crate) fn event<E: Serialize>(
    subject: Subject,
    kind: &'static str,
    event: &E,
) -> Result<NewEvent, Setback> {
    Ok(NewEvent { subject, kind, data: serde_json::to_value(event)? })
}

/// Counts an effect's outcome.
pub(crate) fn count(kind: EffectKind, outcome: &'static str) {
    metrics::counter!("campaigns_effects_total", "kind" => kind.as_str(), "outcome" => outcome).increment(1);
}
