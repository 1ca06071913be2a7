//! Choosing a run's repositories: asks what the spec's `on` names, lets the domain choose, and reads where the
//! chosen branches stand.
//!
//! Deliberately absent: choosing (`campaigns_domain::selection`).

use super::reads::{NotRead, patiently};
use crate::{
    ports::{ReadBudget, RepositoryRef},
    scope::Scope,
    world::Plan,
};
use campaigns_domain::{
    execution::{
        run::Run,
        target::{Target, TargetState},
    },
    id::CommitSha,
    selection::{Glob, Query, Selected, Verdict, queries, select},
};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;

/// A run's targets, those left out included, or why there are none, for people. `None` where it may not be done
/// now.
pub(crate) async fn targets(scope: Scope, run: Run) -> Option<Result<Vec<Target>, String>> {
    match choose(&scope, &run).await {
        Ok(targets) => Some(Ok(targets)),
        Err(Stop::Closed) => None,
        Err(Stop::Failed(message)) => Some(Err(message)),
    }
}

enum Stop {
    /// It may not be done now.
    Closed,
    Failed(String),
}

impl From<NotRead> for Stop {
    fn from(not_read: NotRead) -> Self {
        match not_read {
            NotRead::Closed(_) => Self::Closed,
            NotRead::Answer(error) => Self::Failed(format!("the repositories could not be listed: {error}")),
        }
    }
}

async fn choose(scope: &Scope, run: &Run) -> Result<Vec<Target>, Stop> {
    let plan = plan(scope, run).await?;
    // A rollout that was read and not kept would send everything at once.
    if plan.spec.rollout.is_some() || !plan.spec.priority.is_normal() {
        let message =
            "rollouts and priorities are checked and not carried out yet: take `rollout` and `priority` out";
        return Err(Stop::Failed(message.to_owned()));
    }
    let host = &scope.world.ports.code_host;
    let reads = scope.world.settings.reads_at_once.max(1);
    let only = run.options.only.as_deref().map(Glob::new).transpose();
    let only = only.map_err(|flaw| Stop::Failed(flaw.to_string()))?;
    let answers: BTreeMap<_, _> = stream::iter(queries(&plan.spec))
        .map(|query| async move {
            let owner = match &query {
                Query::Organization(owner) => owner,
                Query::Repository(name) => name.owner(),
            };
            let read = async |budget: ReadBudget| host.repositories(&query, &budget).await;
            let answer = patiently(scope, run.id, owner, read).await?;
            Ok::<_, Stop>((query, answer))
        })
        .buffer_unordered(reads)
        .try_collect()
        .await?;
    let chosen = select(&plan.spec, &answers, only.as_ref()).map_err(|why| Stop::Failed(why.to_string()))?;
    let chosen = chosen.into_iter().filter(|each| run.options.takes(&each.name, &each.branch));
    let targets: Vec<_> = stream::iter(chosen)
        .map(|selected| async move {
            let (selected, base) = stand(scope, run, selected).await?;
            Ok::<_, Stop>(Target::selected(run.id, run.campaign, 0, &selected, base))
        })
        .buffered(reads)
        .try_collect()
        .await?;
    Ok(in_order(targets))
}

async fn plan(scope: &Scope, run: &Run) -> Result<std::sync::Arc<Plan>, Stop> {
    let mut tries = 0;
    loop {
        match scope.world.plan(run.id).await {
            Ok(plan) => return Ok(plan),
            Err(error @ crate::ports::StoreError::Corrupt(_)) => return Err(Stop::Failed(error.to_string())),
            Err(error) => {
                tries += 1;
                tracing::warn!(%error, "the spec could not be read: it is tried again");
                let wait = scope.world.settings.patience.wait(tries);
                scope.pause(wait).await.map_err(|_| Stop::Closed)?;
            }
        }
    }
}

/// Where the branch of a chosen repository stands. One that may not be read is left out, with GitHub's reason.
async fn stand(
    scope: &Scope,
    run: &Run,
    mut selected: Selected,
) -> Result<(Selected, Option<CommitSha>), Stop> {
    use crate::ports::CodeHostError as E;
    let Some(repository) = selected.included() else { return Ok((selected, None)) };
    let reference = RepositoryRef { id: repository.id, name: repository.name.clone() };
    let host = &scope.world.ports.code_host;
    let read = async |budget: ReadBudget| host.base(&reference, &selected.branch, &budget).await;
    match patiently(scope, run.id, reference.name.owner(), read).await {
        Ok(base) => Ok((selected, base.map(|base| base.commit))),
        Err(NotRead::Answer(error @ (E::NotFound(_) | E::Refused(_) | E::Conflict(_)))) => {
            selected.verdict = Verdict::Out { reason: format!("left out: {error}") };
            Ok((selected, None))
        }
        Err(not_read) => Err(not_read.into()),
    }
}

/// Numbers the targets: those that take part come first, in the order they were chosen in.
fn in_order(targets: Vec<Target>) -> Vec<Target> {
    let (mut order, left_out): (Vec<_>, Vec<_>) =
        targets.into_iter().partition(|target| target.state == TargetState::Selected);
    order.extend(left_out);
    for (position, target) in (0..).zip(&mut order) {
        target.position = position;
    }
    order
}
