//! Looking closely at a head that is not on record: whether it is the "Update branch" button's, or by somebody whom the
//! spec trusts.
//!
//! Reads only. Deliberately absent: concluding (`campaigns_domain::publish`).

use crate::{
    ports::{CodeHost, CodeHostError, ReadBudget, RepositoryRef, StoreError},
    world::World,
};
use campaigns_domain::{
    changeset::Changeset,
    id::CommitSha,
    publish::{Adopted, BranchHead, Comparison, Merged, merges_into_ours},
};

/// The logins that the spec of a changeset's run trusts.
pub(super) async fn trusted(world: &World, changeset: &Changeset) -> Result<Vec<String>, StoreError> {
    let plan = world.plan(changeset.wanted.run).await?;
    Ok(plan.spec.policy.trusted_committers.clone())
}

/// Looks at the head of a changeset's branch; none where it is a human's. `trusted`: the logins that the spec trusts.
pub(super) async fn look(
    host: &dyn CodeHost,
    budget: &ReadBudget,
    changeset: &Changeset,
    head: &BranchHead,
    trusted: &[String],
) -> Result<Option<Adopted>, CodeHostError> {
    let Some(ours) = &changeset.head else { return Ok(None) };
    let repository = RepositoryRef { id: changeset.repository_id, name: changeset.repository.clone() };
    let compare = async |base: &str, head: &CommitSha| -> Result<Comparison, CodeHostError> {
        host.compare(&repository, base, &head.0, budget).await
    };
    let (branch, theirs) = (changeset.base_branch.as_str(), &head.commit);
    if let Some(base) = merges_into_ours(changeset, head) {
        let held = changeset.shown.base.as_ref().unwrap_or(&changeset.wanted.base);
        let merged = Merged {
            branch: compare(branch, base).await?,
            ours: compare(&held.0, ours).await?,
            base: compare(&held.0, base).await?,
            merge: compare(&base.0, theirs).await?,
        };
        if merged.is_automatic() {
            return Ok(Some(Adopted { head: theirs.clone(), base: base.clone() }));
        }
    }
    if trusted.is_empty() {
        return Ok(None);
    }
    match compare(&ours.0, theirs).await {
        Ok(on_top) if on_top.is_by(trusted) => {
            let base = compare(branch, theirs).await?.common;
            Ok(Some(Adopted { head: theirs.clone(), base }))
        }
        // Nothing connects it with our head, or that is gone from the repository.
        Ok(_) | Err(CodeHostError::NotFound(_) | CodeHostError::Refused(_) | CodeHostError::Away(_)) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
