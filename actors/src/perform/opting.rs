//! Whoever wants no campaigns is left alone: looked up for all repositories of a selection at once, and again before
//! anything is sent to one.
//!
//! Deliberately absent: what opts out (`campaigns_domain::selection`).

use super::{
    halt::{Halt, limits},
    permits::Writes,
    publish::Sent,
    reads::{NotRead, patiently},
    whereabouts,
};
use crate::{
    ports::{CodeHostError, MOST_READ_AT_ONCE, ReadBudget, RepositoryRef},
    scope::Scope,
};
use campaigns_domain::{
    changeset::Changeset,
    id::RunId,
    selection::{Selected, Verdict},
};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, HashMap};

/// The selection, with those left out that opted out of the campaign of this name.
pub(super) async fn leave_out(
    scope: &Scope,
    run: RunId,
    campaign: &str,
    mut chosen: Vec<Selected>,
) -> Result<Vec<Selected>, NotRead> {
    let mut owners: BTreeMap<String, BTreeMap<_, RepositoryRef>> = BTreeMap::new();
    for repository in chosen.iter().filter_map(|each| each.included()) {
        let one = RepositoryRef { id: repository.id, name: repository.name.clone() };
        owners.entry(one.name.owner().to_ascii_lowercase()).or_default().insert(one.id, one);
    }
    let batches = owners.into_iter().flat_map(|(owner, all)| {
        let all: Vec<_> = all.into_values().collect();
        let batches: Vec<_> = all.chunks(MOST_READ_AT_ONCE).map(<[_]>::to_vec).collect();
        batches.into_iter().map(move |batch| (owner.clone(), batch))
    });
    let host = &scope.world.ports.code_host;
    let said: Vec<_> = stream::iter(batches)
        .map(|(owner, batch)| async move {
            let read = async |budget: ReadBudget| host.opt_outs(&owner, &batch, &budget).await;
            let said = patiently(scope, run, &owner, read).await?;
            Ok::<_, NotRead>(batch.into_iter().zip(said).collect::<Vec<_>>())
        })
        .buffer_unordered(scope.world.settings.reads_at_once.max(1))
        .try_collect()
        .await?;
    let mut reasons = HashMap::new();
    for (RepositoryRef { name, .. }, said) in said.into_iter().flatten() {
        match said {
            Ok(said) => reasons.extend(said.says.reason(campaign).map(|reason| (name.to_string(), reason))),
            // What is gone or closed to us meanwhile shows when its branch is read.
            Err(CodeHostError::NotFound(_) | CodeHostError::Refused(_) | CodeHostError::Away(_)) => {}
            Err(error) => return Err(NotRead::Answer(error)),
        }
    }
    for selected in &mut chosen {
        let name = selected.included().map(|repository| repository.name.to_string());
        if let Some(reason) = name.and_then(|name| reasons.get(&name)) {
            selected.verdict = Verdict::Out { reason: format!("left out: {reason}") };
        }
    }
    Ok(chosen)
}

/// How sending ends where the repository has opted out; none where it has not. What is read is tied to the repository's
/// id, before anything is written, and tells who has it: under another owner it goes on by that one's limits. What is
/// proposed already is left to those there.
pub(super) async fn stops(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
) -> Result<Option<Sent>, Halt> {
    let world = &writes.scope.world;
    let plan = world.plan(changeset.wanted.run).await;
    let campaign = match plan {
        Ok(plan) => plan.spec.name.clone(),
        Err(error) => return Err(Halt::deferred(error.to_string())),
    };
    let (name, one) = (&repository.name, std::slice::from_ref(repository));
    let read = world.ports.code_host.opt_outs(name.owner(), one, &writes.reads).await;
    let said = match limits(writes, read)?.pop() {
        Some(said) => limits(writes, said)?,
        None => return Err(Halt::deferred(format!("GitHub did not say what {name} wants"))),
    };
    if !changeset.is_of(said.name.owner()) {
        whereabouts::confirm(writes, repository).await?;
    }
    Ok(said.says.reason(&campaign).map(|reason| match &changeset.pull_request {
        Some(_) if !changeset.errand.adopt => Sent::HandedOver(reason),
        _ => Sent::Refused(reason),
    }))
}
