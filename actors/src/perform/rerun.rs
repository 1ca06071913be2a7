//! Having failed checks run again: what has failed is found and put on record, and asked for in the next turn, as far as
//! a fresh look still shows the same attempts failed.
//!
//! So an attempt is asked for once, also where an answer is lost or the process ends in between. Deliberately absent:
//! waiting for what comes of it, which the read that follows a pull request shows.

use super::{
    halt::{Halt, limits},
    permits::Writes,
};
use crate::ports::RepositoryRef;
use campaigns_domain::{
    changeset::{Changeset, FailedChecks, Rerun},
    publish::{PullRequest, budget::WriteKind},
};

/// Goes one step on with a re-run; how far it is then.
pub(super) async fn step(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    wanted: &Rerun,
    seen: &PullRequest,
) -> Result<Rerun, Halt> {
    let head = match &changeset.head {
        Some(head) if *head == seen.head => head,
        _ => return Ok(Rerun::overtaken()),
    };
    let host = &writes.scope.world.ports.code_host;
    let now = limits(writes, host.failed_checks(repository, head, &writes.reads).await)?;
    match wanted {
        Rerun::Found { failed } if failed.head == *head => ask(writes, repository, failed, &now).await,
        Rerun::Found { .. } | Rerun::Owed | Rerun::Asked { .. } if now.runs.is_empty() => {
            Ok(Rerun::Asked { runs: 0, note: now.note() })
        }
        Rerun::Found { .. } | Rerun::Owed | Rerun::Asked { .. } => Ok(Rerun::Found { failed: now }),
    }
}

/// Asks for what was found, unless it runs again already.
async fn ask(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    found: &FailedChecks,
    now: &FailedChecks,
) -> Result<Rerun, Halt> {
    let host = &writes.scope.world.ports.code_host;
    let mut asked = FailedChecks { runs: vec![], ..found.clone() };
    for failed in &found.runs {
        if now.runs.contains(failed) {
            let rerun = |permit| host.rerun_failed_jobs(repository, failed, permit);
            let sent = limits(writes, writes.send(WriteKind::Rerun, rerun).await?);
            if let Err(halt) = sent {
                // The others run again all the same.
                asked.left.push(format!("{}: {}", failed.name, halt.into_refusal()?));
                continue;
            }
        }
        asked.runs.push(failed.clone());
    }
    let runs = u32::try_from(asked.runs.len()).unwrap_or(u32::MAX);
    Ok(Rerun::Asked { runs, note: asked.note() })
}
