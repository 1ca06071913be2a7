//! Where the branches of a selection stand, many in one read.
//!
//! Deliberately absent: whatever that read does not show plainly. It is read alone then (`select`).

use super::reads::{NotRead, patiently};
use crate::{
    ports::{CodeHostError, MOST_READ_AT_ONCE, ReadBudget, RepositoryRef},
    scope::Scope,
};
use campaigns_domain::{
    id::{CommitSha, RepositoryId, RunId},
    selection::Selected,
};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, HashMap};

/// Heads of branches, as far as they were shown.
pub(super) type Heads = HashMap<(RepositoryId, String), CommitSha>;

/// The heads of what was chosen.
pub(super) async fn heads(scope: &Scope, run: RunId, chosen: &[Selected]) -> Result<Heads, NotRead> {
    let mut owners: BTreeMap<String, Vec<(RepositoryRef, String)>> = BTreeMap::new();
    for selected in chosen {
        let Some(repository) = selected.included() else { continue };
        let one = RepositoryRef { id: repository.id, name: repository.name.clone() };
        let owner = one.name.owner().to_ascii_lowercase();
        owners.entry(owner).or_default().push((one, selected.branch.clone()));
    }
    let batches = owners.into_iter().flat_map(|(owner, all)| {
        let batches: Vec<_> = all.chunks(MOST_READ_AT_ONCE).map(<[_]>::to_vec).collect();
        batches.into_iter().map(move |batch| (owner.clone(), batch))
    });
    let host = &scope.world.ports.code_host;
    let read: Vec<_> = stream::iter(batches)
        // One alone is read as cheaply by itself.
        .filter(|(_, batch)| std::future::ready(batch.len() > 1))
        .map(|(owner, batch)| async move {
            let read = async |budget: ReadBudget| match host.bases(&owner, &batch, &budget).await {
                // Reading them alone shows what it is.
                Err(error) if !matches!(error, CodeHostError::Limited { .. }) => {
                    tracing::debug!(%error, "branches are read one by one");
                    Ok(vec![])
                }
                answer => answer,
            };
            let bases = patiently(scope, run, &owner, read).await?;
            let known = batch.into_iter().zip(bases);
            Ok::<_, NotRead>(
                known
                    .filter_map(|((repository, branch), base)| Some(((repository.id, branch), base?.commit)))
                    .collect::<Vec<_>>(),
            )
        })
        .buffer_unordered(scope.world.settings.reads_at_once.max(1))
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}
