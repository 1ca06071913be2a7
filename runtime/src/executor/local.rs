//! Running attempts on this machine with the `runner` crate, a bounded number at once.
//!
//! An attempt is one blocking call on a thread that stays with it, since the sandbox's processes end with the thread
//! that started them. Dropping the future closes a pipe that the runner watches, which kills the steps; the thread then
//! removes what is left. Deliberately absent: control groups, and attempts on other machines.

use super::session::{AttemptFolder, Session};
use async_trait::async_trait;
use bytes::Bytes;
use campaigns_actors::ports::{ArtifactError, ArtifactKey, Artifacts, Executor, Work};
use campaigns_domain::execution::target::{Failure, FailureCause};
use campaigns_domain::execution::{Change, Manifest, Order};
use campaigns_domain::id::{Digest, ExecutionId};
use campaigns_runner::{CONTENTS, Containers, DIFF, Isolation, LOG, Runner, Sandbox};
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, PipeWriter};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// How many of an attempt's contents are stored at once.
const STORED_AT_ONCE: usize = 8;

/// What becomes of steps that name a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerPolicy {
    /// They run in docker or podman, and are refused where neither answers.
    Require,
    /// They run in the sandbox like any other; their manifests say so.
    Ignore,
}

/// Why no attempt can be run on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the work folder `{folder}` cannot be used: {source}; give a folder that can be written")]
pub struct LocalExecutorError {
    /// The work folder.
    pub folder: PathBuf,
    /// What went wrong.
    pub source: io::Error,
}

/// Runs attempts on this machine.
pub struct LocalExecutor {
    sandbox: Sandbox,
    policy: ContainerPolicy,
    /// Asked for when the first step names a container: an engine may take its time to answer.
    containers: Arc<OnceLock<Containers>>,
    session: Arc<Session>,
    places: Arc<Semaphore>,
    parallelism: u32,
    artifacts: Arc<dyn Artifacts>,
}

impl LocalExecutor {
    /// An executor whose attempts work inside `folder`, at most `parallelism` at once. The program that this is part of
    /// has to call [`campaigns_runner::sandbox::entry`] first thing in `main`.
    ///
    /// What earlier processes left in `folder` is removed. Where the kernel allows steps no namespaces, that is logged
    /// once here; [`Self::isolation`] says the same.
    ///
    /// # Errors
    /// Where `folder` cannot be used.
    pub fn new(
        folder: &Path,
        parallelism: u32,
        policy: ContainerPolicy,
        artifacts: Arc<dyn Artifacts>,
    ) -> Result<Self, LocalExecutorError> {
        Self::with_program(Path::new("/proc/self/exe"), folder, parallelism, policy, artifacts)
    }

    /// The same with another program for the sandbox's processes, one that calls
    /// [`campaigns_runner::sandbox::entry`].
    ///
    /// # Errors
    /// Where `folder` cannot be used.
    pub fn with_program(
        program: &Path,
        folder: &Path,
        parallelism: u32,
        policy: ContainerPolicy,
        artifacts: Arc<dyn Artifacts>,
    ) -> Result<Self, LocalExecutorError> {
        let opened =
            Session::open(folder).and_then(|session| Ok((Sandbox::probe(program, folder)?, session)));
        let (sandbox, session) =
            opened.map_err(|source| LocalExecutorError { folder: folder.to_owned(), source })?;
        if let Isolation::None { reason } = sandbox.isolation() {
            tracing::warn!(
                %reason,
                "steps are not kept apart from this machine: they can read what this user can, and use the network"
            );
        }
        let parallelism = parallelism.max(1);
        Ok(Self {
            sandbox,
            policy,
            containers: Arc::new(OnceLock::new()),
            session: Arc::new(session),
            places: Arc::new(Semaphore::new(usize::try_from(parallelism).unwrap_or(Semaphore::MAX_PERMITS))),
            parallelism,
            artifacts,
        })
    }

    /// How steps are kept apart from this machine.
    pub fn isolation(&self) -> &Isolation {
        self.sandbox.isolation()
    }

    /// The manifest of an attempt that was run to its end before.
    async fn kept(&self, execution: ExecutionId) -> Result<Option<Manifest>, Failure> {
        let kept = self.artifacts.get(&ArtifactKey::Manifest(execution)).await.map_err(not_kept)?;
        // One that cannot be read is not complete; the attempt is run and it is written again.
        Ok(kept.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// Runs the attempt on a thread of its own. Dropping the future ends it.
    async fn run(
        &self,
        order: Order,
        snapshot: PathBuf,
        attempt: AttemptFolder,
        started: Box<dyn FnOnce() + Send>,
    ) -> Result<(AttemptFolder, Result<Manifest, campaigns_runner::Failure>), Failure> {
        let (watched, lives) = io::pipe().map_err(|error| infrastructure("no pipe can be made", &error))?;
        let lives: PipeWriter = lives;
        let sandbox = self.sandbox.clone();
        let (policy, containers) = (self.policy, Arc::clone(&self.containers));
        let session = Arc::clone(&self.session);
        let running = tokio::task::spawn_blocking(move || {
            let runner = Runner { sandbox, containers: containers_for(&order, policy, &containers) };
            let (work, out) = (attempt.path().join("work"), attempt.path().join("out"));
            let ended = File::open(&snapshot)
                .map_err(|error| {
                    campaigns_runner::Failure::Infrastructure(format!("the snapshot is gone: {error}"))
                })
                .and_then(|snapshot| runner.run(&order, snapshot, &work, &out, started, Some(&watched)));
            // The session's folder outlives every attempt in it.
            drop(session);
            (attempt, ended)
        });
        let ended = running.await;
        drop(lives);
        ended.map_err(|error| infrastructure("the attempt's thread broke", &error))
    }

    /// Keeps everything that the manifest names, and the manifest last.
    async fn keep(&self, execution: ExecutionId, manifest: &Manifest, out: &Path) -> Result<(), Failure> {
        let digests: BTreeSet<Digest> = manifest
            .changes
            .iter()
            .filter_map(|change| match &change.change {
                Change::Put { content, .. } => Some(content.digest.clone()),
                Change::Delete => None,
            })
            .collect();
        // Each future owns what it needs, so that the whole can move between threads.
        let contents = digests.into_iter().map(|digest| {
            let (artifacts, file) = (Arc::clone(&self.artifacts), out.join(CONTENTS).join(&digest.0));
            async move { artifacts.put_file(&ArtifactKey::Content(execution, digest), &file).await }
        });
        let contents: Vec<_> = contents.collect();
        futures::stream::iter(contents)
            .buffer_unordered(STORED_AT_ONCE)
            .try_collect::<Vec<()>>()
            .await
            .map_err(not_kept)?;
        self.artifacts.put_file(&ArtifactKey::Diff(execution), &out.join(DIFF)).await.map_err(not_kept)?;
        self.artifacts.put_file(&ArtifactKey::Log(execution), &out.join(LOG)).await.map_err(not_kept)?;
        let text = serde_json::to_vec(manifest).map_err(|error| infrastructure("no manifest", &error))?;
        self.artifacts.put(&ArtifactKey::Manifest(execution), Bytes::from(text)).await.map_err(not_kept)
    }
}

#[async_trait]
impl Executor for LocalExecutor {
    async fn execute(&self, work: Work, started: Box<dyn FnOnce() + Send>) -> Result<Manifest, Failure> {
        let execution = work.order.execution;
        if let Some(manifest) = self.kept(execution).await? {
            return Ok(manifest);
        }
        let places = Arc::clone(&self.places);
        let _place =
            places.acquire_owned().await.map_err(|error| infrastructure("the executor is closed", &error))?;
        let attempt = self
            .session
            .attempt()
            .map_err(|error| infrastructure("no folder can be made for the attempt", &error))?;
        let snapshot = attempt.path().join("snapshot.tar");
        if !self.artifacts.get_file(&work.snapshot, &snapshot).await.map_err(not_kept)? {
            let what = format!("the snapshot {} is not kept any more", work.snapshot);
            return Err(Failure { cause: FailureCause::Infrastructure, message: what });
        }
        let (attempt, ended) = self.run(work.order, snapshot, attempt, started).await?;
        let out = attempt.path().join("out");
        let kept = match &ended {
            Ok(manifest) => self.keep(execution, manifest, &out).await,
            Err(_) if out.join(LOG).is_file() => {
                self.artifacts.put_file(&ArtifactKey::Log(execution), &out.join(LOG)).await.map_err(not_kept)
            }
            Err(_) => Ok(()),
        };
        let removed = tokio::task::spawn_blocking(move || drop(attempt)).await;
        // A failed removal has been logged; the next start tries again.
        removed.unwrap_or_default();
        match (ended, kept) {
            // What the steps did says more than a log that could not be kept.
            (Err(failure), _) => Err(told(&failure)),
            (Ok(_), Err(failure)) => Err(failure),
            (Ok(manifest), Ok(())) => Ok(manifest),
        }
    }

    fn parallelism(&self) -> u32 {
        self.parallelism
    }
}

/// What becomes of the order's containers; an engine is looked for once, when one is wanted.
fn containers_for(order: &Order, policy: ContainerPolicy, found: &OnceLock<Containers>) -> Containers {
    match policy {
        ContainerPolicy::Ignore => Containers::Ignored,
        ContainerPolicy::Require if order.steps.iter().all(|step| step.container.is_none()) => {
            Containers::Missing { reason: "none was looked for".to_owned() }
        }
        ContainerPolicy::Require => match found.get() {
            Some(engine) => engine.clone(),
            // Only an engine that answered is remembered: one that is started later is found then.
            None => match Containers::find() {
                engine @ Containers::Engine(_) => found.get_or_init(|| engine).clone(),
                missing => missing,
            },
        },
    }
}

fn told(failure: &campaigns_runner::Failure) -> Failure {
    let cause = if failure.is_authors() { FailureCause::Author } else { FailureCause::Infrastructure };
    Failure { cause, message: failure.to_string() }
}

fn not_kept(error: ArtifactError) -> Failure {
    Failure { cause: FailureCause::Infrastructure, message: error.to_string() }
}

fn infrastructure(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure { cause: FailureCause::Infrastructure, message: format!("{what}: {error}") }
}
