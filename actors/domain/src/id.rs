//! Identities as types: what is named by what, and which names are pure functions of others.
//!
//! A target, an execution, a changeset, an effect and a message take their ids from the ids of what they
//! belong to (UUID version 5), so that doing a thing twice names the same thing. Campaign, run and command ids
//! are minted by whoever creates them. Deliberately absent: minting, which needs a clock or randomness.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// How many shards the work is split over; stored at installation, the same for every replica.
pub const SHARDS: u16 = 64;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Uuid::from_str(text).map(Self) }
        }
    };
}

uuid_id!(/// A campaign: what is wanted, over all its spec versions.
    CampaignId);
uuid_id!(/// One carrying-out of one spec version.
    RunId);
uuid_id!(/// One repository, branch and workspace in a run.
    TargetId);
uuid_id!(/// One attempt of a target's steps.
    ExecutionId);
uuid_id!(/// Campaign, repository and branch: a diff and at most one open pull request.
    ChangesetId);
uuid_id!(/// One intended effect on the world.
    EffectId);
uuid_id!(/// One inbox row: what one shard tells another.
    MessageId);
uuid_id!(/// Something a person asked for through the API.
    CommandId);

impl RunId {
    /// The run that a command starts.
    pub fn of_command(command: CommandId) -> Self {
        Self(Uuid::new_v5(&command.0, b"run"))
    }

    /// The run that carries changesets out again by itself of which this is the first, as it stands at this version.
    pub fn of_moved_base(first: ChangesetId, version: i64) -> Self {
        Self(derive(first.0, &["redo", &version.to_string()]))
    }
}

impl TargetId {
    /// The target of `run` on `branch` of the repository with GitHub's id `repository`, in folder `workspace`
    /// ("" is the root).
    pub fn of(run: RunId, repository: RepositoryId, branch: &str, workspace: &str) -> Self {
        Self(derive(run.0, &["target", &repository.0.to_string(), branch, workspace]))
    }

    /// The left-out target of a repository that GitHub does not show, which has a name and no id.
    pub fn of_missing(run: RunId, repository: &RepositoryName, branch: &str) -> Self {
        Self(derive(run.0, &["missing", &repository.to_string().to_ascii_lowercase(), branch]))
    }
}

impl ExecutionId {
    /// The `attempt`th execution of `target`, counted from 1.
    pub fn of(target: TargetId, attempt: u32) -> Self {
        Self(derive(target.0, &["execution", &attempt.to_string()]))
    }
}

impl ChangesetId {
    /// The changeset of `campaign` that proposes head branch `head` to the repository.
    pub fn of(campaign: CampaignId, repository: RepositoryId, head: &str) -> Self {
        Self(derive(campaign.0, &["changeset", &repository.0.to_string(), head]))
    }
}

impl EffectId {
    /// The effect `kind` on `subject` (a run, target or changeset id), the `generation`th of its kind.
    pub fn of(subject: Uuid, kind: &str, generation: u32) -> Self {
        Self(derive(subject, &["effect", kind, &generation.to_string()]))
    }
}

impl MessageId {
    /// The message `kind` about `subject`, the `generation`th of its kind. Sending it again is sending it once.
    pub fn of(subject: Uuid, kind: &str, generation: u32) -> Self {
        Self(derive(subject, &["message", kind, &generation.to_string()]))
    }
}

fn derive(parent: Uuid, parts: &[&str]) -> Uuid {
    Uuid::new_v5(&parent, parts.join("\u{1f}").as_bytes())
}

/// GitHub's numeric repository id: it survives renames and transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RepositoryId(pub u64);

/// `owner/name`, as GitHub shows it. Compared without regard to case, as GitHub does.
#[derive(Debug, Clone, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName {
    owner: String,
    name: String,
}

/// A text that is not a repository name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a repository: write `owner/name` (letters, digits, `-`, `_`, `.`)")]
pub struct NotARepository(pub String);

impl RepositoryName {
    /// Builds `owner/name` from its two parts.
    ///
    /// # Errors
    /// Where a part is empty, too long (owner 39, name 100) or has a character GitHub does not allow.
    pub fn new(owner: &str, name: &str) -> Result<Self, NotARepository> {
        let fits = |part: &str, most: usize| {
            !part.is_empty()
                && part.len() <= most
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
                && part != "."
                && part != ".."
        };
        if fits(owner, 39) && fits(name, 100) {
            Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
        } else {
            Err(NotARepository(format!("{owner}/{name}")))
        }
    }

    /// The user or organisation that owns it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The name without its owner.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for RepositoryName {
    type Err = NotARepository;

    /// Accepts `owner/name` and `host/owner/name`, the form batch specs use; the host is dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [owner, name] => Self::new(owner, name),
            [host, owner, name] if host.contains('.') => Self::new(owner, name),
            _ => Err(NotARepository(text.to_owned())),
        }
        .map_err(|_| NotARepository(text.to_owned()))
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = NotARepository;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl PartialEq for RepositoryName {
    fn eq(&self, other: &Self) -> bool {
        self.owner.eq_ignore_ascii_case(&other.owner) && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl std::hash::Hash for RepositoryName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.to_string().to_ascii_lowercase().hash(state);
    }
}

impl PartialOrd for RepositoryName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RepositoryName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.to_string().to_ascii_lowercase().cmp(&other.to_string().to_ascii_lowercase())
    }
}

/// A git commit's object id: 40 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitSha(pub String);

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256 of some content, as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub String);

impl Digest {
    /// The digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(hex::encode(sha2::Sha256::digest(content)))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One of the [`SHARDS`] parts that the work is split over; each has at most one owner at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shard(pub u16);

impl Shard {
    /// Where a run lives.
    pub fn of_run(run: RunId) -> Self {
        Self::of_bytes(run.0.as_bytes())
    }

    /// Where a target lives.
    pub fn of_target(target: TargetId) -> Self {
        Self::of_bytes(target.0.as_bytes())
    }

    /// Where an organisation (or user) lives, with its limiter, its tokens and its changesets.
    pub fn of_organization(owner: &str) -> Self {
        Self::of_bytes(owner.to_ascii_lowercase().as_bytes())
    }

    /// Every shard, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    /// FNV-1a: small, stable over versions of Rust, and spread well enough for 64 places.
    fn of_bytes(bytes: &[u8]) -> Self {
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(u16::try_from((hash >> 32) % u64::from(SHARDS)).unwrap_or_default())
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The fencing token of a shard's ownership: minted in Postgres, grows with every change of owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);
