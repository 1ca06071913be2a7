//! Reading a campaign's pull requests afresh.
//!
//! Deliberately absent: what an observation means (`campaigns_domain::reconcile`). An error is no observation.

use crate::{
    ports::{CodeHostError, RepositoryRef, StoreError},
    scope::Scope,
};
use campaigns_domain::{
    changeset::Changeset,
    id::{CampaignId, ChangesetId},
    publish::PullRequest,
};
use futures::{StreamExt, stream};

/// One page of changesets, each with its fresh read.
#[derive(Debug)]
pub(crate) struct Page {
    /// The changeset's id and the version it was read for, with what was seen.
    pub(crate) seen: Vec<(ChangesetId, i64, Result<PullRequest, CodeHostError>)>,
    /// Where the next page begins; none where this was the last.
    pub(crate) next: Option<ChangesetId>,
}

/// Reads the next page of the campaign's pull requests in an organisation.
pub(crate) async fn page(
    scope: Scope,
    campaign: CampaignId,
    organization: String,
    after: Option<ChangesetId>,
) -> Result<Page, StoreError> {
    let scope = &scope;
    let limit = scope.world.settings.followed_page.max(1);
    let followed = scope.world.ports.store.followed(campaign, &organization, after, limit).await?;
    let full = followed.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = followed.last().map(|changeset| changeset.id).filter(|_| full);
    let seen = stream::iter(followed)
        .map(|changeset| async move {
            let seen = read(scope, &changeset).await;
            (changeset.id, changeset.version, seen)
        })
        .buffer_unordered(scope.world.settings.reads_at_once.max(1))
        .collect()
        .await;
    Ok(Page { seen, next })
}

async fn read(scope: &Scope, changeset: &Changeset) -> Result<PullRequest, CodeHostError> {
    let Some(reference) = &changeset.pull_request else {
        return Err(CodeHostError::NotFound(format!("a pull request of {}", changeset.repository)));
    };
    let repository = RepositoryRef { id: changeset.repository_id, name: changeset.repository.clone() };
    let budget = scope.world.reading(repository.name.owner()).await;
    let seen = scope.world.ports.code_host.pull_request(&repository, reference.number, &budget).await;
    if let Err(CodeHostError::Limited { wait, reason }) = &seen {
        budget.quiet_for(*wait, reason);
    }
    seen
}
