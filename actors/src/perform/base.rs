//! Which base a result is put on: its own, unless our head holds a newer one by now.
//!
//! A run takes its base when it selects. Where "Update branch" has merged a newer one meanwhile, a tree built on the
//! older would take the base's own changes back. Reads only. Deliberately absent: writing the tree (`tree`).

use super::{
    halt::{Halt, limits},
    permits::Writes,
    tree,
};
use crate::ports::RepositoryRef;
use campaigns_domain::changeset::Changeset;

/// The changeset as it is to be sent where its result has to go onto a newer base than its own; none where it goes
/// onto its own.
pub(super) async fn onto(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
) -> Result<Option<Changeset>, Halt> {
    let wanted = &changeset.wanted.base;
    let Some(held) = changeset.shown.base.as_ref().filter(|held| *held != wanted) else { return Ok(None) };
    if changeset.errand.adopt {
        return Ok(None);
    }
    let host = &writes.scope.world.ports.code_host;
    let newer = limits(writes, host.compare(repository, &wanted.0, &held.0, &writes.reads).await)?;
    if newer.ahead == 0 || newer.behind > 0 {
        return Ok(None);
    }
    let manifest = tree::manifest(writes, changeset).await?;
    let mut paths = manifest.changes.iter().map(|changed| changed.path.as_str());
    if !newer.all_files || paths.any(|path| newer.files.contains_key(path)) {
        return Err(Halt::refused(format!(
            "the branch `{}` holds a newer base ({held}) than this result was made on, and the base has changed the \
             same files: `rebase` makes it again on the base as it is now",
            changeset.head_branch
        )));
    }
    let mut onto = changeset.clone();
    onto.wanted.base = held.clone();
    Ok(Some(onto))
}
