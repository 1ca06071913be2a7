//! Choosing a run's repositories: asks what the spec's `on` names, lets the domain choose, and reads where the
//! chosen branches stand.
//!
//! Deliberately absent: choosing (`campaigns_domain::selection`).

use super::{
    heads::{Heads, heads},
    opting,
    reads::{NotRead, patiently},
};
use crate::{
    ports::{CodeHostError, ReadBudget, RepositoryRef},
    scope::Scope,
    world::Plan,
};
use campaigns_domain::{
    execution::{
        run::Run,
        target::{Target, TargetState},
    },
    id::CommitSha,
    publish::standing::PauseCause,
    selection::{Answer, Few, Glob, Query, Selected, Verdict, select, waves},
    spec::{Priority, Rollout},
};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;

/// A run's targets, those left out included, or why there are none, for people. `None` where it may not be done
/// now.
pub(crate) async fn targets(scope: Scope, run: Run) -> Option<Result<Chosen, String>> {
    match choose(&scope, &run).await {
        Ok(chosen) => Some(Ok(chosen)),
        Err(Stop::Closed) => None,
        Err(Stop::Failed(message)) => Some(Err(message)),
    }
}

/// What a run's selection led to.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The targets, those left out included.
    pub(crate) targets: Vec<Target>,
    /// For each wave of the rollout the position of the first target after it; empty where there is no rollout.
    pub(crate) ends: Vec<u32>,
    /// Who goes first.
    pub(crate) priority: Priority,
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

async fn choose(scope: &Scope, run: &Run) -> Result<Chosen, Stop> {
    let plan = plan(scope, run).await?;
    let host = &scope.world.ports.code_host;
    let reads = scope.world.settings.reads_at_once.max(1);
    let only = run.options.only.as_deref().map(Glob::new).transpose();
    let only = only.map_err(|flaw| Stop::Failed(flaw.to_string()))?;
    let few = Few::of(&plan.spec, run.options.again.iter().map(|again| &again.repository));
    let answers: BTreeMap<_, _> = stream::iter(few.queries())
        .map(|query| async move {
            let owner = match &query {
                Query::Organization(owner) => owner,
                Query::Repository(name) => name.owner(),
            };
            let read = async |budget: ReadBudget| host.repositories(&query, &budget).await;
            let answer = match (patiently(scope, run.id, owner, read).await, &query) {
                // One repository that nobody here can see stops none of the others.
                (Err(NotRead::Answer(CodeHostError::Unauthorized(why))), Query::Repository(_))
                    if why.cause == PauseCause::NotInstalled =>
                {
                    Answer::NotFound
                }
                (answer, _) => answer?,
            };
            Ok::<_, Stop>((query, answer))
        })
        .buffer_unordered(reads)
        .try_collect()
        .await?;
    let answers = few.answers(answers);
    let chosen = select(&plan.spec, &answers, only.as_ref()).map_err(|why| Stop::Failed(why.to_string()))?;
    let chosen = chosen.into_iter().filter(|each| run.options.takes(&each.name, &each.branch)).collect();
    let chosen = opting::leave_out(scope, run.id, &plan.spec.name, chosen).await?;
    let known = &heads(scope, run.id, &chosen).await?;
    let targets: Vec<_> = stream::iter(chosen)
        .map(|selected| async move {
            let (selected, base) = stand(scope, run, known, selected).await?;
            Ok::<_, Stop>(Target::selected(run.id, run.campaign, 0, &selected, base))
        })
        .buffered(reads)
        .try_collect()
        .await?;
    // What is open already does not wait for waves.
    let rollout = plan.spec.rollout.as_ref().filter(|_| !run.options.rebase);
    let (targets, ends) = in_order(rollout, targets);
    Ok(Chosen { targets, ends, priority: plan.spec.priority })
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
    known: &Heads,
    mut selected: Selected,
) -> Result<(Selected, Option<CommitSha>), Stop> {
    use crate::ports::CodeHostError as E;
    let Some(repository) = selected.included() else { return Ok((selected, None)) };
    if let Some(head) = known.get(&(repository.id, selected.branch.clone())) {
        let head = head.clone();
        return Ok((selected, Some(head)));
    }
    let reference = RepositoryRef { id: repository.id, name: repository.name.clone() };
    let host = &scope.world.ports.code_host;
    let read = async |budget: ReadBudget| host.base(&reference, &selected.branch, &budget).await;
    match patiently(scope, run.id, reference.name.owner(), read).await {
        Ok(base) => Ok((selected, base.map(|base| base.commit))),
        Err(NotRead::Answer(error @ (E::NotFound(_) | E::Away(_) | E::Refused(_) | E::Conflict(_)))) => {
            selected.verdict = Verdict::Out { reason: format!("left out: {error}") };
            Ok((selected, None))
        }
        Err(not_read) => Err(not_read.into()),
    }
}

/// Numbers the targets: those that take part come first, wave by wave and within one in the order they were chosen
/// in. With the first position after each wave.
fn in_order(rollout: Option<&Rollout>, targets: Vec<Target>) -> (Vec<Target>, Vec<u32>) {
    let (order, left_out): (Vec<_>, Vec<_>) =
        targets.into_iter().partition(|target| target.state == TargetState::Selected);
    let of_targets = rollout
        .map(|rollout| waves(rollout, &order.iter().map(|target| &target.repository).collect::<Vec<_>>()));
    let ends = of_targets.as_ref().map_or_else(Vec::new, |taken| {
        let last = rollout.map_or(0, Rollout::waves_in_all);
        let before = |wave: u32| taken.iter().filter(|taken| **taken <= wave).count();
        (0..last).map(|wave| u32::try_from(before(wave)).unwrap_or(u32::MAX)).collect()
    });
    let mut waved: Vec<_> =
        of_targets.unwrap_or_else(|| vec![0; order.len()]).into_iter().zip(order).collect();
    waved.sort_by_key(|(wave, _)| *wave);
    let mut order: Vec<_> = waved.into_iter().map(|(_, target)| target).collect();
    order.extend(left_out);
    for (position, target) in (0..).zip(&mut order) {
        target.position = position;
    }
    (order, ends)
}
