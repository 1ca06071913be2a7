//! What a pull request wears is put on: seen first, and only what is missing is written, so that doing it again after a
//! crash or a lost answer does it once. What GitHub refuses is told and stops nothing.
//!
//! Where several are refused together, GitHub does not say for whose sake: each is tried alone. Deliberately absent:
//! what is missing (`campaigns_domain::publish::dress`).

use super::{
    permits::Writes,
    publish::{Halt, Sent, limits},
};
use crate::ports::RepositoryRef;
use campaigns_domain::{
    changeset::{Changeset, Dressed, Worn, has},
    publish::{
        budget::WriteKind,
        dress::{Missing, missing, part, undressed, writes as kinds},
    },
};
use futures::{FutureExt, TryFutureExt};

/// Puts on what is missing; none where there is nothing to put on.
pub(super) async fn dress(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    number: u64,
) -> Result<Option<Dressed>, Halt> {
    let undressed = undressed(changeset);
    if undressed.is_empty() {
        return Ok(None);
    }
    let host = &writes.scope.world.ports.code_host;
    let seen = limits(writes, host.wearer(repository, number, &writes.reads).await)?;
    let Missing { worn, mut notes } = missing(&undressed, &seen);
    // What is there already, and what is put on below.
    let mut on = undressed.without(&undressed.without(&seen.worn));
    let mut labels = seen.worn.labels;
    for kind in kinds(&worn) {
        let together = part(&worn, kind);
        let alone = together.singles();
        let batches = match put(writes, repository, number, kind, &together).await? {
            // None of them went, and it is not known for whose sake.
            Err(_) if alone.len() > 1 => {
                let mut each = vec![];
                for one in alone {
                    let answer = put(writes, repository, number, kind, &one).await?;
                    each.push((one, answer));
                }
                each
            }
            answer => vec![(together, answer)],
        };
        for (batch, answer) in batches {
            match answer {
                Ok(Some(now)) if kind == WriteKind::Assignees => {
                    let (there, passed): (Vec<_>, Vec<_>) =
                        batch.assignees.into_iter().partition(|login| has(&now, login));
                    notes
                        .extend(passed.iter().map(|login| format!("`{login}` cannot be assigned: {PASSED}")));
                    on = on.and(&Worn { assignees: there, ..Worn::default() });
                }
                Ok(now) => {
                    labels = now.unwrap_or(labels);
                    on = on.and(&batch);
                }
                Err(why) => notes.push(format!("{batch} not put on: {why}")),
            }
        }
    }
    Ok(Some(Dressed { worn: on, labels, notes }))
}

const PASSED: &str =
    "GitHub passed over it, for want of access to the repository or because there are ten already";

/// One write; what there is of that kind then, where the answer tells, or why it is not allowed.
async fn put(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    number: u64,
    kind: WriteKind,
    part: &Worn,
) -> Result<Result<Option<Vec<String>>, String>, Halt> {
    let host = &writes.scope.world.ports.code_host;
    let answer = writes
        .send(kind, |permit| match kind {
            WriteKind::Labels => {
                host.add_labels(repository, number, &part.labels, permit).map_ok(Some).boxed()
            }
            WriteKind::Assignees => {
                host.add_assignees(repository, number, &part.assignees, permit).map_ok(Some).boxed()
            }
            _ => {
                let asked = host.request_reviews(repository, number, &part.reviewers, &part.teams, permit);
                asked.map_ok(|()| None).boxed()
            }
        })
        .await?;
    match limits(writes, answer) {
        Ok(now) => Ok(Ok(now)),
        Err(Halt::Sent(Sent::Refused(why))) => Ok(Err(why)),
        Err(halt) => Err(halt),
    }
}
