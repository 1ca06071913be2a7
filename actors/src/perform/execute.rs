//! Running one attempt: the snapshot is kept, the order made, the steps run, and the result made into what is
//! proposed.
//!
//! Doing it twice does it once: an executor passes over an attempt whose complete manifest is there. Deliberately
//! absent: how steps run (the executor), and what the outcome means for the target (its machine).

use super::{
    reads::{NotRead, briefly},
    whereabouts,
};
use crate::{
    ports::{ArtifactError, ArtifactKey, CodeHostError, ReadBudget, RepositoryRef, StoreError, Work},
    scope::{Closed, Scope},
    world::Plan,
};
use campaigns_domain::{
    changeset::{Place, Proposal},
    execution::{
        Manifest, Order,
        target::{Failure, FailureCause, Target},
    },
    publish::place,
};
use std::sync::Arc;

/// How an attempt went.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one a running attempt, moved twice; nearly all of them are the large one"
)]
pub(crate) enum Attempted {
    /// There is a complete manifest; with changes, this is what it proposes.
    Finished { manifest: Manifest, proposal: Option<(Place, Proposal)> },
    /// It failed.
    Failed(Failure),
    /// It may not be run now.
    NotRun,
}

enum Stop {
    Closed(Closed),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Runs the target's current attempt; `started` is called when its steps begin.
pub(crate) async fn attempt(scope: Scope, target: Target, started: Box<dyn FnOnce() + Send>) -> Attempted {
    match run(&scope, &target, started).await {
        Ok((manifest, proposal)) => Attempted::Finished { manifest, proposal },
        Err(Stop::Failed(failure)) => Attempted::Failed(failure),
        Err(Stop::Closed(closed)) => {
            tracing::debug!(?closed, "the attempt is not run");
            Attempted::NotRun
        }
    }
}

async fn run(
    scope: &Scope,
    target: &Target,
    started: Box<dyn FnOnce() + Send>,
) -> Result<(Manifest, Option<(Place, Proposal)>), Stop> {
    let plan = plan(scope, target).await?;
    let snapshot = snapshot(scope, target).await?;
    let order = Order::new(&plan.spec, target, scope.world.settings.limits.clone());
    scope.gate(target.run).await.map_err(Stop::Closed)?;
    let manifest = scope.world.ports.executor.execute(Work { order, snapshot }, started).await?;
    let proposal = if manifest.changes.is_empty() { None } else { propose(&plan, target, &manifest) };
    if proposal.is_none() && !manifest.changes.is_empty() {
        let message =
            "the spec has steps that change files, and no changesetTemplate to propose them by: add one";
        return Err(Stop::Failed(Failure { cause: FailureCause::Author, message: message.to_owned() }));
    }
    Ok((manifest, proposal))
}

fn propose(plan: &Plan, target: &Target, manifest: &Manifest) -> Option<(Place, Proposal)> {
    let place = place(&plan.spec, target)?;
    let proposal = Proposal::new(&plan.spec, &plan.version, &plan.options, target, manifest)?;
    Some((place, proposal))
}

async fn plan(scope: &Scope, target: &Target) -> Result<Arc<Plan>, Stop> {
    let mut tries = 0;
    loop {
        match scope.world.plan(target.run).await {
            Ok(plan) => return Ok(plan),
            Err(error @ StoreError::Corrupt(_)) => return Err(infrastructure(&error).into()),
            Err(error) => {
                tries += 1;
                tracing::warn!(%error, "the spec could not be read: it is tried again");
                let wait = scope.world.settings.patience.wait(tries);
                scope.pause(wait).await.map_err(Stop::Closed)?;
            }
        }
    }
}

/// Keeps the snapshot of the target's base, if it is not kept yet.
async fn snapshot(scope: &Scope, target: &Target) -> Result<ArtifactKey, Stop> {
    let key = ArtifactKey::Snapshot(target.repository_id, target.base.clone());
    if !scope.world.ports.executor.reads_snapshots() {
        return Ok(key);
    }
    let artifacts = &scope.world.ports.artifacts;
    let kept = |error: ArtifactError| infrastructure(&error);
    if artifacts.size(&key).await.map_err(kept)?.is_some() {
        return Ok(key);
    }
    let folder = scope.world.settings.scratch.clone();
    let file =
        tokio::task::spawn_blocking(move || tempfile::NamedTempFile::with_prefix_in("snapshot-", folder))
            .await
            .map_err(|error| infrastructure(&error))?
            .map_err(|error| {
                let folder = scope.world.settings.scratch.display();
                infrastructure(&format!("no file can be made in {folder}: {error}"))
            })?
            .into_temp_path();
    let repository = RepositoryRef { id: target.repository_id, name: target.repository.clone() };
    let host = &scope.world.ports.code_host;
    let read = async |budget: ReadBudget| host.snapshot(&repository, &target.base, &file, &budget).await;
    // Nobody is kept waiting for a paused organisation.
    let fetched = briefly(scope, target.run, target.repository.owner(), read).await;
    match fetched {
        Ok(()) => {}
        Err(NotRead::Closed(closed)) => return Err(Stop::Closed(closed)),
        Err(NotRead::Answer(error)) => return Err(Stop::Failed(unreadable(scope, target, &error).await)),
    }
    artifacts.put_file(&key, &file).await.map_err(kept)?;
    Ok(key)
}

async fn unreadable(scope: &Scope, target: &Target, error: &CodeHostError) -> Failure {
    if let CodeHostError::NotFound(_) | CodeHostError::Away(_) = error
        && let Some(away) = whereabouts::of_target(scope, target).await
    {
        return Failure { cause: FailureCause::Repository, message: away.reason };
    }
    let cause = match error {
        CodeHostError::NotFound(_) | CodeHostError::Refused(_) | CodeHostError::Away(_) => {
            FailureCause::Repository
        }
        CodeHostError::Unauthorized(_) => FailureCause::Paused,
        _ => FailureCause::Infrastructure,
    };
    Failure { cause, message: format!("the repository's files could not be read: {error}") }
}

fn infrastructure(error: &dyn std::fmt::Display) -> Failure {
    Failure { cause: FailureCause::Infrastructure, message: error.to_string() }
}
