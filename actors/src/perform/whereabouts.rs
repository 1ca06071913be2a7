//! Where a changeset's repository is by now: asked before anything is concluded from an answer that misses it, and
//! before anything is written that no other read has tied to the repository's id.
//!
//! Deliberately absent: what follows for the changeset (`campaigns_domain::changeset`), and how the code host finds a
//! repository.

use super::{
    halt::{Halt, limits},
    permits::Writes,
    publish::Sent,
};
use crate::{
    ports::{CodeHost, CodeHostError, ReadBudget, RepositoryRef},
    scope::Scope,
};
use campaigns_domain::{
    changeset::{Away, Changeset},
    execution::target::Target,
    id::RepositoryName,
};

/// The repository is where it can be written to, by its id, or sending ends: also where it has another owner, whose limits
/// are not those that this goes by.
pub(super) async fn confirm(writes: &Writes<'_>, repository: &RepositoryRef) -> Result<RepositoryName, Halt> {
    let host = &writes.scope.world.ports.code_host;
    let name = limits(writes, host.whereabouts(repository, &writes.reads).await)?;
    match name.owner().eq_ignore_ascii_case(repository.name.owner()) {
        true => Ok(name),
        false => Err(Halt::Sent(Sent::Transferred(name))),
    }
}

/// What it means that something was not found: the repository may be out of reach, or have another name than was used,
/// or the answer may have been a bad one. Only where the repository was found under the same name before (`found`) is it
/// there and the thing is not.
pub(super) async fn missing(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    found: &mut Option<RepositoryName>,
    words: String,
) -> Halt {
    match confirm(writes, repository).await {
        Ok(name) if found.as_ref() != Some(&name) => {
            *found = Some(name);
            Halt::Again(words)
        }
        Ok(_) | Err(Halt::Missing(_)) => Halt::refused(words),
        Err(halt) => halt,
    }
}

/// What a look shows of a repository that was out of reach: its name, or why it still is.
pub(super) async fn back(
    host: &dyn CodeHost,
    changeset: &Changeset,
    budget: &ReadBudget,
) -> Result<Result<RepositoryName, Away>, CodeHostError> {
    let repository = RepositoryRef { id: changeset.repository_id, name: changeset.repository.clone() };
    match host.whereabouts(&repository, budget).await {
        Ok(name) => Ok(Ok(name)),
        Err(CodeHostError::Away(away)) => Ok(Err(away)),
        Err(error) => Err(error),
    }
}

/// Why a target's repository cannot be read, where it is out of reach, by a second look after a while; none where it is
/// not, or where that cannot be said.
pub(super) async fn of_target(scope: &Scope, target: &Target) -> Option<Away> {
    let repository = RepositoryRef { id: target.repository_id, name: target.repository.clone() };
    let host = &scope.world.ports.code_host;
    let mut doubted = false;
    loop {
        let (budget, paused) = scope.world.reading(repository.name.owner()).await;
        if paused.is_some() {
            return None;
        }
        match host.whereabouts(&repository, &budget).await {
            Err(CodeHostError::Away(away)) if doubted || away.cause.is_said() => return Some(away),
            Err(CodeHostError::Away(_)) => doubted = true,
            _ => return None,
        }
        scope.wait_for(target.run, scope.world.settings.patience.wait(1)).await.ok()?;
    }
}
