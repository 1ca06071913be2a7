//! A transition as data: what one owner changes in one fenced commit. All of it becomes durable, or none.
//!
//! Deliberately absent: closures over a transaction. What cannot be said here cannot be committed.

use super::{Fence, Outcome, Trouble};
use campaigns_domain::{
    changeset::{Ask, Changeset, ChangesetState, Place, Proposal},
    execution::{
        rollout::PaceChange,
        run::Run,
        target::{AttemptEnded, Target, TargetState},
    },
    id::{
        CampaignId, ChangesetId, CommandId, EffectId, ExecutionId, MessageId, RepositoryId, RunId, Shard,
        TargetId,
    },
    publish::installation::InstallationState,
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
    /// When changesets' pull requests are read next, counted from this commit, each at most once; no other's time changes.
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
    /// A new run of any shard, told of by a message beside it; paused where its campaign is, left alone where it is there.
    AddRun(Box<Run>),
    /// New targets of a run that has selected, `selected` or `skipped`, in any shard; counted in the fence's part.
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

/// What one shard tells another: an inbox row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its id; sending it again is sending it once, also after it was consumed within the same run.
    pub id: MessageId,
    /// Who is to act on it.
    pub to: Recipient,
    /// What it says.
    pub body: MessageBody,
}

/// Who is to act on a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "id")]
pub enum Recipient {
    /// A run's owner.
    Run(RunId),
    /// A target's owner.
    Target(TargetId),
    /// The owner of an organisation or user, by login.
    Organization(String),
}

impl Recipient {
    /// The shard whose owner consumes the message.
    pub fn shard(&self) -> Shard {
        match self {
            Self::Run(run) => Shard::of_run(*run),
            Self::Target(target) => Shard::of_target(*target),
            Self::Organization(login) => Shard::of_organization(login),
        }
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum MessageBody {
    /// To a run: it was created; select.
    Start,
    /// To a run: somebody cancelled it.
    CancelRun {
        /// Who.
        by: String,
        /// The command that asked for it.
        command: CommandId,
    },
    /// To a run: somebody set its pace.
    PaceRun {
        /// Who.
        by: String,
        /// What they set.
        pace: PaceChange,
        /// The command that asked for it.
        command: CommandId,
    },
    /// To a run: somebody paused it.
    PauseRun {
        /// Who.
        by: String,
        /// The command that asked for it.
        command: CommandId,
    },
    /// To a run: somebody resumed it.
    ResumeRun {
        /// Who.
        by: String,
        /// The command that asked for it.
        command: CommandId,
    },
    /// To a run: an attempt is over.
    AttemptEnded {
        /// The target.
        target: TargetId,
        /// Its word.
        ended: AttemptEnded,
    },
    /// To a run: a changeset that it proposed has nothing left to be sent.
    ChangesetSettled {
        /// Which.
        changeset: ChangesetId,
    },
    /// To a target: this attempt is admitted.
    Admitted {
        /// The attempt.
        attempt: u32,
    },
    /// To a target: the run was cancelled.
    Cancel,
    /// To an organisation: a target has a diff to propose.
    Proposed {
        /// Which changeset.
        place: Box<Place>,
        /// What it is to look like.
        proposal: Box<Proposal>,
    },
    /// To an organisation: read pull requests of a repository afresh now. A hint: lost is later, and twice is once.
    Look {
        /// GitHub's id of the repository.
        repository_id: RepositoryId,
        /// The numbers of its pull requests; none means all that are followed there.
        pull_requests: Vec<u64>,
        /// A run that one of its changesets belongs to: the part that records that the hint was seen to.
        run: RunId,
    },
    /// To an organisation: a person asks something of one of its changesets.
    Ask {
        /// The changeset.
        changeset: ChangesetId,
        /// What.
        ask: Ask,
        /// Who.
        by: String,
        /// The command that asked for it.
        command: CommandId,
        /// A run of the campaign: the part that records that the message was seen to.
        run: RunId,
    },
    /// To an organisation: somebody else met a limit or a refusal while reading it.
    Trouble {
        /// What.
        trouble: Trouble,
        /// The run that was read for: the part that records that the message was seen to.
        run: RunId,
    },
    /// To an organisation: the App's installation there has changed. Of no run; consumed with where it stands.
    Installation {
        /// What GitHub says of it.
        state: InstallationState,
    },
    /// To an organisation: the rollout of its run lets one of its changesets through.
    Released {
        /// The changeset.
        changeset: ChangesetId,
        /// The run.
        run: RunId,
    },
    /// To an organisation: what came of carrying one of its changesets out again.
    Redone {
        /// The changeset.
        changeset: ChangesetId,
        /// The run that did it.
        run: RunId,
        /// Its new content; none where there is none.
        content: Option<Box<Proposal>>,
        /// Why there is none, for people.
        reason: String,
    },
    /// To an organisation: read every open pull request of the campaign afresh.
    Sync {
        /// The campaign.
        campaign: CampaignId,
        /// A run of the campaign (the latest will do): the part that records that the sync was seen to.
        run: RunId,
        /// The command that asked for it.
        command: CommandId,
    },
}
