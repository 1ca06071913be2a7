//! What people ask for. Every write is one transaction together with its row of the audit log, and none of them
//! changes a row that an owner owns: they create rows and leave messages.
//!
//! Deliberately absent: carrying anything out, which is the owners' business.

use super::StoreError;
use crate::wire::{Applied, Asked, Command, Run, RunState};
use async_trait::async_trait;
use campaigns_domain::{
    changeset::{Ask, Which},
    execution::{rollout::PaceChange, run::RunOptions},
    id::{CampaignId, CommandId, Digest, RunId, Shard},
    spec::Glob,
};
use uuid::Uuid;

/// Who asks, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The token's name.
    pub actor: String,
    /// The token's id; none for the server itself.
    pub token: Option<Uuid>,
    /// The request.
    pub request_id: String,
}

/// A spec that has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSpec {
    /// The id that the campaign gets if it is new.
    pub campaign: CampaignId,
    /// The campaign's name.
    pub name: String,
    /// The text as it came.
    pub raw: String,
    /// The normal form, JSON.
    pub normal: String,
    /// The digest of the normal form.
    pub digest: Digest,
}

/// A text that cannot be an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an Idempotency-Key is 1 to 200 visible ASCII characters")]
pub struct NotAKey;

/// The caller's name for a request: the same key is the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// A caller's key, apart from the keys of other tokens and other kinds of request.
    ///
    /// # Errors
    /// Where the text is empty, longer than 200 characters, or not visible ASCII.
    pub fn new(token: Uuid, scope: &str, text: &str) -> Result<Self, NotAKey> {
        let fits = (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(format!("{token}/{scope}/{text}"))) } else { Err(NotAKey) }
    }

    /// The key as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A run to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The id it gets if it is new.
    pub id: RunId,
    /// The campaign's name.
    pub campaign: String,
    /// How many admissions may be open at once.
    pub window: u32,
    /// What was asked for besides the spec.
    pub options: RunOptions,
    /// The caller's key and the digest of what it asked for with it.
    pub key: Option<(IdempotencyKey, Digest)>,
}

/// What became of a run to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreatedRun {
    /// It was created.
    Created(Box<Run>),
    /// The same request created it before.
    Existing(Box<Run>),
    /// The key was used for something else.
    KeyReused,
    /// There is no campaign of that name.
    NoCampaign,
}

/// A command to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommand {
    /// Its id; a command that is there already is not recorded again.
    pub id: CommandId,
    /// Who asks.
    pub by: Signed,
}

/// What is asked of a run as a whole, or of every run of a campaign that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steer {
    /// Nothing more is admitted or written until it is resumed; what is sent already finishes.
    Pause,
    /// It goes on.
    Resume,
    /// It ends; what runs is stopped.
    Cancel,
}

impl Steer {
    /// The word for it in commands and the audit log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }
}

/// What became of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steered {
    /// The owners are told.
    Accepted(Box<Started>),
    /// The run has ended before.
    Ended(RunState),
    /// A run cannot be resumed while its campaign is paused.
    CampaignPaused {
        /// The campaign.
        campaign: String,
        /// Who paused it.
        by: String,
    },
    /// No run of the campaign is under way.
    NoRun,
    /// There is no such run or campaign.
    Nothing,
}

/// What is asked of many changesets.
#[derive(Debug, Clone)]
pub struct Asking {
    /// What.
    pub ask: Ask,
    /// What is said on the pull request before, if anything.
    pub comment: Option<Ask>,
    /// Of which.
    pub which: Which,
    /// Whether changesets are meant.
    pub changesets: bool,
    /// Whether failed targets of these repositories are meant too: they are run again.
    pub targets: bool,
    /// Only tell what would be covered.
    pub preview: bool,
    /// The digest of the request, by which one that is sent again is known.
    pub fingerprint: Digest,
}

impl Asking {
    /// The selection, for the audit log.
    pub fn selection(&self) -> serde_json::Value {
        let states: Vec<&str> = self.which.states.iter().map(|state| state.as_str()).collect();
        let globs: Vec<&str> = self.which.repositories.iter().map(Glob::as_str).collect();
        serde_json::json!({ "repositories": globs, "states": states, "labels": self.which.labels })
    }
}

/// What became of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedFor {
    /// It is only a preview.
    Preview(Box<Asked>),
    /// The owners have messages now; these shards' are to be woken.
    Recorded(Box<Asked>, Vec<Shard>),
    /// Nothing is covered, for these reasons.
    Nothing(Box<Asked>),
    /// The key was used for something else.
    KeyReused,
    /// There is no campaign of that name.
    NoCampaign,
}

/// What became of setting a pace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paced {
    /// The owners are told.
    Accepted(Box<Started>),
    /// No run of the campaign is under way.
    NoRun,
    /// The spec of the run that is under way has no `rollout`, and only that counts what is open.
    NoRollout,
    /// There is no such campaign.
    Nothing,
}

/// A command that was recorded and the shards whose owners have a message now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The command.
    pub command: Command,
    /// Whom to wake.
    pub wake: Vec<Shard>,
}

/// What people ask for.
#[async_trait]
pub trait Writes: Send + Sync + 'static {
    /// Puts a spec in force, creating its campaign if that is new. The digest in force already is no new version; an
    /// earlier one comes back into force under its own number.
    async fn apply(&self, by: &Signed, spec: NewSpec) -> Result<Applied, StoreError>;

    /// Creates a run of the spec in force, in the state `selecting`, and tells its owner.
    async fn create_run(&self, by: &Signed, run: NewRun) -> Result<CreatedRun, StoreError>;

    /// Tells a run's owner to pause, resume or cancel it.
    async fn steer_run(&self, run: RunId, steer: Steer, command: NewCommand) -> Result<Steered, StoreError>;

    /// Tells the owners of every run of the campaign that is under way. A pause holds for the whole campaign: for runs
    /// that are created later, and for what is asked of its changesets, until it is resumed.
    async fn steer_campaign(
        &self,
        campaign: &str,
        steer: Steer,
        command: NewCommand,
    ) -> Result<Steered, StoreError>;

    /// Asks something of every changeset of the campaign that is selected and fits.
    async fn ask(&self, campaign: &str, asking: Asking, command: NewCommand) -> Result<AskedFor, StoreError>;

    /// Tells the owners of every run of the campaign that is under way at which pace to go on.
    async fn pace_campaign(
        &self,
        campaign: &str,
        pace: PaceChange,
        command: NewCommand,
    ) -> Result<Paced, StoreError>;

    /// Tells every organisation with changesets of the campaign to read its pull requests afresh; `None` where
    /// there is no campaign of that name.
    async fn sync(&self, campaign: &str, command: NewCommand) -> Result<Option<Started>, StoreError>;
}

/// Tells the owners of shards that messages wait; lost wake-ups cost latency only.
#[async_trait]
pub trait Wake: Send + Sync + 'static {
    /// Wakes the owners of these shards.
    async fn wake(&self, shards: &[Shard]);
}

#[async_trait]
impl Wake for std::sync::Arc<dyn campaigns_actors::ports::Cluster> {
    async fn wake(&self, shards: &[Shard]) {
        campaigns_actors::ports::Cluster::wake(&**self, shards).await;
    }
}
