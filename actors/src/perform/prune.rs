//! Finding out what a run closes of earlier versions: what the store holds, and for what was no target a fresh read of
//! its repository.
//!
//! Deliberately absent: deciding (`campaigns_domain::publish::prune`), and closing, which is asked of the owners.

use super::reads::{NotRead, patiently};
use crate::{
    ports::{Prunable, ReadBudget},
    scope::Scope,
    world::Plan,
};
use campaigns_domain::{
    changeset::Changeset,
    execution::{
        prune::{Named, Pruned},
        run::Run,
    },
    id::RunId,
    publish::prune::{Verdict, dropped, held, judge},
    selection::Query,
};
use std::sync::Arc;

/// What was found out.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// For people.
    pub(crate) what: Pruned,
    /// What is to be closed, each with the run that proposed it.
    pub(crate) close: Vec<(Named, RunId)>,
}

/// Finds out what the run closes. `None` where it may not be done now.
pub(crate) async fn look(scope: Scope, run: Run) -> Option<Found> {
    let (plan, prunable) = stored(&scope, &run).await?;
    let mut found = Found::default();
    if !prunable.in_force {
        return Some(found);
    }
    let mut stay = vec![];
    for candidate in &prunable.candidates {
        let changeset = &candidate.changeset;
        let verdict = match judge(&plan.spec, &plan.version, candidate) {
            Verdict::Look => verify(&scope, &run, &plan, changeset).await?,
            verdict => verdict,
        };
        let named = |why| Named { changeset: changeset.id, repository: changeset.repository.clone(), why };
        match verdict {
            Verdict::Close(why) => found.close.push((named(why), changeset.wanted.run)),
            Verdict::Leave(why) => stay.push(named(why)),
            Verdict::Wanted | Verdict::Look => {}
        }
    }
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let why = held(found.close.len(), prunable.all, run.total, run.options.prune);
    found.what = Pruned {
        closing: count(found.close.len()),
        left: count(stay.len()),
        held: why.unwrap_or_default(),
        closed: found.close.iter().map(|(named, _)| named.clone()).take(Pruned::NAMED).collect(),
        stay: stay.into_iter().take(Pruned::NAMED).collect(),
    };
    if run.options.dry_run || !found.what.held.is_empty() {
        found.close.clear();
    }
    Some(found)
}

/// What is stored about it, read until it is there.
async fn stored(scope: &Scope, run: &Run) -> Option<(Arc<Plan>, Prunable)> {
    let mut tries = 0;
    loop {
        scope.gate(run.id).await.ok()?;
        let read =
            async { Ok((scope.world.plan(run.id).await?, scope.world.ports.store.prunable(run.id).await?)) };
        let error: crate::ports::StoreError = match read.await {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        tries += 1;
        tracing::warn!(%error, "what the run closes could not be read: it is tried again");
        scope.pause(scope.world.settings.patience.wait(tries)).await.ok()?;
    }
}

/// Whether the version really leaves out what was no target; an answer that does not come closes nothing.
async fn verify(scope: &Scope, run: &Run, plan: &Plan, changeset: &Changeset) -> Option<Verdict> {
    let query = Query::Repository(changeset.repository.clone());
    let host = &scope.world.ports.code_host;
    let read = async |budget: ReadBudget| host.repositories(&query, &budget).await;
    match patiently(scope, run.id, changeset.repository.owner(), read).await {
        Ok(answer) => Some(dropped(&plan.spec, &plan.version, changeset, &answer)),
        Err(NotRead::Answer(error)) => {
            Some(Verdict::Leave(format!("the repository could not be read: {error}")))
        }
        Err(NotRead::Closed(_)) => None,
    }
}
