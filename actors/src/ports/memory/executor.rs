//! An executor that plays scripts: what the steps of each repository yield, how long they take, and how often the
//! machinery fails first.
//!
//! What it yields is kept as the real ones keep it: contents, diff and log, and the manifest last; and an attempt
//! whose manifest is there is not run again. Deliberately absent: running anything.

use super::super::{ArtifactKey, Artifacts, Executor, Work};
use async_trait::async_trait;
use bytes::Bytes;
use campaigns_domain::{
    execution::{
        Change, FileMode, Manifest, RepositoryPath, StepReport,
        manifest::{Blob, ChangedFile},
        target::{Failure, FailureCause},
    },
    id::{Digest, ExecutionId, RepositoryName},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What the steps of a repository yield.
#[derive(Debug, Clone)]
pub struct Script {
    /// How the steps end.
    pub ending: Ending,
    /// How long they take.
    pub takes: Duration,
    /// How many attempts the machinery loses first.
    pub lost: u32,
}

/// How steps end.
#[derive(Debug, Clone)]
pub enum Ending {
    /// These files have this content now.
    Changes(Vec<(String, Vec<u8>)>),
    /// They fail like this.
    Fails(Failure),
    /// They take the executor down with them.
    Panics,
}

impl Script {
    /// Steps that write this text into this file, at once.
    pub fn writes(path: &str, text: &str) -> Self {
        Self::ends(Ending::Changes(vec![(path.to_owned(), text.as_bytes().to_vec())]))
    }

    /// Steps that change nothing.
    pub fn changes_nothing() -> Self {
        Self::ends(Ending::Changes(vec![]))
    }

    /// Steps that fail as their author's matter.
    pub fn fails(message: &str) -> Self {
        Self::ends(Ending::Fails(Failure { cause: FailureCause::Author, message: message.to_owned() }))
    }

    /// Steps that end like this, at once.
    pub fn ends(ending: Ending) -> Self {
        Self { ending, takes: Duration::ZERO, lost: 0 }
    }

    /// The same, taking this long.
    #[must_use]
    pub fn taking(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    /// The same, after the machinery has lost this many attempts.
    #[must_use]
    pub fn after_losing(self, lost: u32) -> Self {
        Self { lost, ..self }
    }
}

/// An executor that plays scripts.
pub struct MemoryExecutor {
    artifacts: Arc<dyn Artifacts>,
    parallelism: u32,
    played: Mutex<Played>,
}

#[derive(Default)]
struct Played {
    scripts: HashMap<RepositoryName, Script>,
    lost: HashMap<RepositoryName, u32>,
    /// How often the steps of an attempt began.
    began: HashMap<ExecutionId, u32>,
    now: u32,
    most: u32,
}

impl MemoryExecutor {
    /// An executor that keeps its results in `artifacts`. A repository without a script has its name written into
    /// `CAMPAIGN.md`.
    pub fn new(artifacts: Arc<dyn Artifacts>, parallelism: u32) -> Self {
        Self { artifacts, parallelism, played: Mutex::default() }
    }

    /// Sets what the steps of a repository yield.
    pub fn script(&self, repository: &RepositoryName, script: Script) {
        self.lock().scripts.insert(repository.clone(), script);
    }

    /// How many attempts ran at once at most.
    pub fn most_at_once(&self) -> u32 {
        self.lock().most
    }

    /// How often the steps of each attempt began.
    pub fn began(&self) -> HashMap<ExecutionId, u32> {
        self.lock().began.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Played> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(&self, work: &Work, changes: &[(String, Vec<u8>)]) -> Result<Manifest, Failure> {
        let execution = work.order.execution;
        let mut sorted = changes.to_vec();
        sorted.sort();
        let (mut files, mut diff) = (vec![], String::new());
        for (path, content) in sorted {
            let blob = blob(&content);
            let text = std::str::from_utf8(&content).is_ok_and(|text| !text.contains('\0'));
            diff.push_str(&format!("--- /dev/null\n+++ b/{path}\n"));
            self.put(ArtifactKey::Content(execution, blob.digest.clone()), content).await?;
            let path = RepositoryPath::new(path)
                .map_err(|refused| Failure { cause: FailureCause::Author, message: refused.to_string() })?;
            let change = Change::Put { mode: FileMode::Regular, content: blob, added: true, text };
            files.push(ChangedFile { path, change });
        }
        let log = "played\n";
        let manifest = Manifest {
            version: 1,
            base: work.order.base.clone(),
            changes: files,
            diff: blob(diff.as_bytes()),
            log: blob(log.as_bytes()),
            steps: work.order.steps.iter().map(|_| StepReport { exit_code: 0, milliseconds: 0 }).collect(),
            isolation: "none: played from a script".to_owned(),
        };
        self.put(ArtifactKey::Diff(execution), diff.into_bytes()).await?;
        self.put(ArtifactKey::Log(execution), log.as_bytes().to_vec()).await?;
        let written = serde_json::to_vec(&manifest).map_err(|error| lost(&error))?;
        self.put(ArtifactKey::Manifest(execution), written).await?;
        Ok(manifest)
    }

    async fn put(&self, key: ArtifactKey, content: Vec<u8>) -> Result<(), Failure> {
        self.artifacts.put(&key, Bytes::from(content)).await.map_err(|error| lost(&error))
    }
}

/// Counts an attempt as running until it is dropped.
struct Running<'a>(&'a MemoryExecutor);

impl<'a> Running<'a> {
    fn begin(executor: &'a MemoryExecutor, execution: ExecutionId) -> Self {
        let mut played = executor.lock();
        *played.began.entry(execution).or_default() += 1;
        played.now += 1;
        played.most = played.most.max(played.now);
        Self(executor)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().now -= 1;
    }
}

#[async_trait]
impl Executor for MemoryExecutor {
    async fn execute(&self, work: Work, started: Box<dyn FnOnce() + Send>) -> Result<Manifest, Failure> {
        let (execution, repository) = (work.order.execution, work.order.repository.clone());
        let kept =
            self.artifacts.get(&ArtifactKey::Manifest(execution)).await.map_err(|error| lost(&error))?;
        if let Some(kept) = kept {
            return serde_json::from_slice(&kept).map_err(|error| lost(&error));
        }
        if self.artifacts.size(&work.snapshot).await.map_err(|error| lost(&error))?.is_none() {
            return Err(lost(&format!("the snapshot {} is not there", work.snapshot)));
        }
        let running = Running::begin(self, execution);
        started();
        let (script, lose) = {
            let mut played = self.lock();
            let default = || Script::writes("CAMPAIGN.md", &format!("{repository}\n"));
            let script = played.scripts.get(&repository).cloned().unwrap_or_else(default);
            let lost = played.lost.entry(repository).or_default();
            let lose = *lost < script.lost;
            *lost += u32::from(lose);
            (script, lose)
        };
        tokio::time::sleep(script.takes).await;
        drop(running);
        if lose {
            return Err(lost(&"the machine went away"));
        }
        match script.ending {
            Ending::Changes(changes) => self.keep(&work, &changes).await,
            Ending::Fails(failure) => Err(failure),
            #[allow(clippy::panic, reason = "the script asks for it")]
            Ending::Panics => panic!("the script asks for a panic"),
        }
    }

    fn parallelism(&self) -> u32 {
        self.parallelism
    }
}

fn blob(content: &[u8]) -> Blob {
    Blob { digest: Digest::of(content), size: content.len() as u64 }
}

fn lost(error: &dyn std::fmt::Display) -> Failure {
    Failure { cause: FailureCause::Infrastructure, message: error.to_string() }
}
