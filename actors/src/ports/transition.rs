//! A transition as data: what one owner changes in one fenced commit. All of it becomes durable, or none.
//!
//! Deliberately absent: closures over a transaction. What cannot be said here cannot be committed.

use super::{Fence, Message, Outcome};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::{
        run::Run,
        target::{Target, TargetState},
    },
    id::{ChangesetId, EffectId, ExecutionId, MessageId, RunId, Shard, TargetId},
    reconcile::Due,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What one owner changes in one commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The shard and epoch it is made under; where they no longer hold, nothing is written.
    pub fence: Fence,
    /// The run whose part (this run and this shard) numbers the events and counts the targets.
    pub run: RunId,
    /// Rows of the fence's shard; each names the state after, and its `version` is the stored one plus 1.
    pub changes: Vec<RowChange>,
    /// What happened, in order; the store gives each the next sequence number of the part, and the time.
    pub events: Vec<NewEvent>,
    /// Effects begun and done.
    pub effects: Vec<EffectChange>,
    /// What other shards (or this one) are told. A message id that is there already is left as it is.
    pub messages: Vec<Message>,
    /// Messages that this transition is the consequence of; they leave the inbox.
    pub consumed: Vec<MessageId>,
    /// When changesets' pull requests are read the next time, counted from this commit; each at most once. Those whose
    /// rows it changes are among them or keep the time they had.
    pub due: Vec<(ChangesetId, Due)>,
}

impl Transition {
    /// An empty transition of `run` under `fence`.
    pub fn new(fence: Fence, run: RunId) -> Self {
        Self {
            fence,
            run,
            changes: vec![],
            events: vec![],
            effects: vec![],
            messages: vec![],
            consumed: vec![],
            due: vec![],
        }
    }
}

/// One changed row.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a transition holds a few, and most of them are rows of this size"
)]
pub enum RowChange {
    /// A run's own row. `open` and `again` are not part of it: they are admissions.
    Run(Run),
    /// A new run of any shard, with a message beside it that tells its owner. It is paused where its campaign is, and
    /// left alone where it is there already.
    AddRun(Box<Run>),
    /// New targets of a run whose selection is done, in any shard, in the state `selected` or `skipped`. They
    /// are counted in the part of the fence's shard.
    AddTargets(Vec<Target>),
    /// A target of the fence's shard.
    Target {
        /// The state it is in now.
        before: TargetState,
        /// The whole target afterwards.
        after: Target,
    },
    /// An execution of a target of the fence's shard; made or replaced.
    Execution(Execution),
    /// A new changeset of an organisation of the fence's shard.
    AddChangeset(Changeset),
    /// A changeset of an organisation of the fence's shard.
    Changeset {
        /// The state it is in now.
        before: ChangesetState,
        /// The whole changeset afterwards.
        after: Box<Changeset>,
    },
    /// How a command went, once; a row of its own.
    Outcome(Outcome),
    /// An admission of the run; made or replaced.
    Admission {
        /// The target.
        target: TargetId,
        /// The attempt.
        attempt: u32,
        /// What it is now.
        state: AdmissionState,
    },
}

/// What an admission row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdmissionState {
    /// Asked for again by the target; not admitted yet.
    Asked,
    /// Admitted; counts against the window.
    Open,
    /// The attempt is over.
    Closed,
}

/// One attempt of a target's steps, as a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Its id, a function of target and attempt.
    pub id: ExecutionId,
    /// The target.
    pub target: TargetId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// `executing`, `unchanged`, `changed` or `failed`.
    pub state: TargetState,
    /// How it went, for people; empty while it runs.
    pub reason: String,
    /// The manifest, once there is one.
    pub manifest: Option<Value>,
}

/// What an event or an effect is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "id")]
pub enum Subject {
    /// A run.
    Run(RunId),
    /// A target.
    Target(TargetId),
    /// A changeset.
    Changeset(ChangesetId),
}

impl Subject {
    /// The id without its type.
    pub fn id(self) -> Uuid {
        match self {
            Self::Run(id) => id.0,
            Self::Target(id) => id.0,
            Self::Changeset(id) => id.0,
        }
    }

    /// `run`, `target` or `changeset`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Target(_) => "target",
            Self::Changeset(_) => "changeset",
        }
    }
}

/// Something that happened, before the store has numbered and timed it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What it happened to.
    pub subject: Subject,
    /// Its name, such as `target.changed`.
    pub kind: &'static str,
    /// The domain event, serialised; with `kind` it is enough to fold the state again.
    pub data: Value,
}

/// An intended effect on the world, as a row of the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Its id, a function of subject, kind and generation.
    pub id: EffectId,
    /// The shard that owns it.
    pub shard: Shard,
    /// The run it belongs to.
    pub run: RunId,
    /// What it is about.
    pub subject: Subject,
    /// What is to be done.
    pub kind: EffectKind,
    /// The attempt or generation it is for.
    pub generation: u32,
    /// How far it is.
    pub state: EffectState,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// Choose a run's repositories.
    Select,
    /// Run a target's steps.
    Execute,
    /// Bring a changeset's branch and pull request to what is wanted.
    Publish,
    /// Find out what a run closes of earlier versions.
    Prune,
}

impl EffectKind {
    /// The kind's name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Execute => "execute",
            Self::Publish => "publish",
            Self::Prune => "prune",
        }
    }
}

/// How far an effect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectState {
    /// Its owner is at it, or was when it ended.
    InFlight,
    /// An earlier owner was at it: the world is observed before anything is sent.
    Unknown,
    /// Its outcome is recorded.
    Done,
}

/// A change to the outbox.
#[derive(Debug, Clone, PartialEq)]
pub enum EffectChange {
    /// The intent: from this commit on the effect may be performed, by the fence's epoch.
    Begin(Effect),
    /// The outcome is part of this commit.
    Done(EffectId),
}
