//! Looking whether a base branch that moved calls for carrying a changeset out again. What it changed is compared once
//! for each of its heads, and only where that matters.
//!
//! Reads only. Deliberately absent: deciding (`campaigns_domain::reconcile`), and beginning it (`limiter::redo`).

use crate::{
    ports::{ArtifactKey, CodeHostError, ReadBudget, RepositoryRef, StoreError},
    scope::Scope,
};
use campaigns_domain::{
    changeset::Changeset,
    execution::{Manifest, run::RunState},
    id::CommitSha,
    publish::{Comparison, Reading},
    reconcile::{Moved, moved, not_before, touched},
    spec::Rebase,
};
use chrono::{DateTime, Utc};
use std::{sync::Arc, time::Duration};

/// How long until a pull request is read again whose mergeability GitHub works out just now.
const SOON: Duration = Duration::from_secs(60);

/// What a look at the base came to.
#[derive(Debug, Default)]
pub(crate) struct Based {
    /// What is to be said of it from now on, where that is known: something, or nothing.
    pub(crate) says: Option<Option<String>>,
    /// That the changeset is to be carried out again.
    pub(crate) called: Option<Called>,
    /// How soon the pull request is to be read again for it.
    pub(crate) again: Option<Duration>,
}

/// What calls for carrying a changeset out again.
#[derive(Debug, Clone)]
pub(crate) struct Called {
    /// The head of the base branch.
    pub(crate) base: CommitSha,
    /// What the base has done, for people.
    pub(crate) why: String,
    /// When that was known, by the store's clock.
    pub(crate) at: DateTime<Utc>,
}

/// Looks at the base as a fresh read of the pull request shows it.
pub(super) async fn look(
    scope: &Scope,
    budget: &ReadBudget,
    changeset: &Changeset,
    fresh: &Reading,
) -> Result<Based, StoreError> {
    let world = &scope.world;
    // Most bases have not moved, whatever the policy; the plan is not read for those.
    let mut called = moved(changeset, fresh, Rebase::OnTouched);
    if !matches!(called, Moved::Untold | Moved::Rests(_)) {
        let plan = world.plan(changeset.wanted.run).await?;
        called = moved(changeset, fresh, plan.spec.policy.rebase);
    }
    match &called {
        Moved::Untold => return Ok(Based::default()),
        Moved::Rests(said) => return Ok(rests(said.clone())),
        Moved::Calls { .. } | Moved::IfTouched { .. } | Moved::NotWorkedOut(_) => {}
    }
    // While somebody holds the campaign, and once its run was cancelled, nothing begins by itself.
    let control = world.control_at(changeset.wanted.run).await?;
    let Some(at) = control.at else { return Ok(Based::default()) };
    if control.paused.is_some() || control.state == RunState::Cancelled {
        return Ok(Based::default());
    }
    let not_worked_out = |now: &CommitSha| {
        let again = world.bases.ask_again(changeset.id, now).then_some(SOON);
        Based { again, ..rests(None) }
    };
    let (base, why) = match called {
        Moved::Untold | Moved::Rests(_) => return Ok(Based::default()),
        Moved::NotWorkedOut(now) => return Ok(not_worked_out(&now)),
        Moved::Calls { now, why } => (now, why),
        Moved::IfTouched { held, now, clean } => match weigh(scope, budget, changeset, &held, &now).await {
            Some(Some(why)) => (now, why),
            Some(None) if clean => return Ok(rests(None)),
            Some(None) => return Ok(not_worked_out(&now)),
            None => return Ok(Based::default()),
        },
    };
    if let Some(then) = not_before(changeset, at) {
        let soonest = then.format("%Y-%m-%d %H:%M");
        let said = format!("{why}; since it moves often, it is carried out again at {soonest} UTC or later");
        let again = (then - at).to_std().ok();
        return Ok(Based { again, ..rests(Some(said)) });
    }
    Ok(Based { called: Some(Called { base, why, at }), ..Based::default() })
}

/// Nothing is to be done; this is to be said, if anything.
fn rests(said: Option<String>) -> Based {
    Based { says: Some(said), ..Based::default() }
}

/// What the base did to the changeset's files between the commit that it holds and this head, in words; `Some(None)`
/// where it left them alone, or nobody can tell. None where that could not be read now.
async fn weigh(
    scope: &Scope,
    budget: &ReadBudget,
    changeset: &Changeset,
    held: &CommitSha,
    now: &CommitSha,
) -> Option<Option<String>> {
    let bases = &scope.world.bases;
    let since = bases.since(changeset.id, held);
    if since == *now {
        return Some(None);
    }
    let compared = compare(scope, budget, changeset, &since, now).await?;
    let why = match compared {
        Some(compared) => {
            let ours = manifest(scope, changeset).await?;
            touched(&compared, ours.changes.iter().map(|changed| changed.path.as_str()))
        }
        None => None,
    };
    if why.is_none() {
        bases.weighed(changeset.id, held, now);
    }
    Some(why)
}

/// What the base changed; `Some(None)` where GitHub has no answer to that, and none where it gives none now.
async fn compare(
    scope: &Scope,
    budget: &ReadBudget,
    changeset: &Changeset,
    since: &CommitSha,
    now: &CommitSha,
) -> Option<Option<Arc<Comparison>>> {
    let world = &scope.world;
    let between = (changeset.repository_id, since.clone(), now.clone());
    if let Some(known) = world.bases.compared(&between) {
        return Some(Some(known));
    }
    let repository = RepositoryRef { id: changeset.repository_id, name: changeset.repository.clone() };
    match world.ports.code_host.compare(&repository, &since.0, &now.0, budget).await {
        Ok(comparison) => Some(Some(world.bases.keep(between, comparison))),
        Err(error @ (CodeHostError::NotFound(_) | CodeHostError::Refused(_))) => {
            tracing::info!(changeset = %changeset.id, %error, "what its base changed cannot be compared");
            Some(None)
        }
        Err(error) => {
            if let CodeHostError::Limited { wait, reason } = &error {
                budget.quiet_for(*wait, reason);
            }
            // The pull request itself was read; the next read looks again.
            tracing::debug!(changeset = %changeset.id, %error, "what its base changed is compared later");
            None
        }
    }
}

/// What the changeset's content changes; none where that cannot be read now.
async fn manifest(scope: &Scope, changeset: &Changeset) -> Option<Manifest> {
    let key = ArtifactKey::Manifest(changeset.wanted.execution());
    let stored = scope.world.ports.artifacts.get(&key).await.ok()??;
    serde_json::from_slice(&stored).ok()
}
