//! What a pull request wears is put on: seen first, and only what is missing is written, so that doing it again after a
//! crash or a lost answer does it once. What GitHub refuses is told and stops nothing.
//!
//! Where several are refused together, GitHub does not say for whose sake: each is tried alone. Nobody is asked to review
//! a draft. Deliberately absent: what is missing (`campaigns_domain::publish::dress`), and code owners (`owners`).

use super::{
    halt::{Halt, limits},
    owners,
    permits::Writes,
};
use crate::ports::RepositoryRef;
use campaigns_domain::{
    changeset::{Changeset, Dressed, Worn, has},
    publish::{
        budget::WriteKind,
        dress::{Missing, missing, part, undressed, writes as kinds},
        reviewers::names_of,
    },
};
use futures::{FutureExt, TryFutureExt};

/// A pull request while it is being dressed.
pub(super) struct Dressing<'a> {
    writes: &'a Writes<'a>,
    repository: &'a RepositoryRef,
    number: u64,
    /// What is there already of what was to be put on, and what was put on since.
    on: Worn,
    labels: Vec<String>,
    notes: Vec<String>,
}

/// Puts on what is missing; none where there is nothing to put on.
pub(super) async fn dress(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    number: u64,
    draft: bool,
) -> Result<Option<Dressed>, Halt> {
    put_on(writes, repository, changeset, number, undressed(changeset, draft), !draft).await
}

/// Asks those for a review who are still to be asked; none where there is nobody.
pub(super) async fn reviews(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    number: u64,
) -> Result<Option<Dressed>, Halt> {
    let reviewers = part(&undressed(changeset, false), WriteKind::Reviewers);
    put_on(writes, repository, changeset, number, reviewers, true).await
}

async fn put_on(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    number: u64,
    undressed: Worn,
    asks: bool,
) -> Result<Option<Dressed>, Halt> {
    let owners_owed = asks && changeset.owes_owners();
    if undressed.is_empty() && !owners_owed {
        return Ok(None);
    }
    let host = &writes.scope.world.ports.code_host;
    let mut seen = limits(writes, host.wearer(repository, number, &writes.reads).await)?;
    let Missing { worn, notes } = missing(&undressed, &seen);
    let on = undressed.without(&undressed.without(&seen.worn));
    let labels = std::mem::take(&mut seen.worn.labels);
    let mut dressing = Dressing { writes, repository, number, on, labels, notes };
    for kind in kinds(&worn) {
        for (part, refusal) in dressing.put(kind, part(&worn, kind)).await? {
            dressing.notes.extend(refusal.map(|why| format!("{part} not put on: {why}")));
        }
    }
    seen.worn = seen.worn.and(&dressing.on);
    let owners = if owners_owed {
        owners::ask(writes, repository, changeset, &seen, &mut dressing).await?
    } else {
        None
    };
    let requested = names_of(&seen.worn.and(&dressing.on), changeset.repository.owner());
    let Dressing { on, labels, notes, .. } = dressing;
    Ok(Some(Dressed { worn: on, labels, notes, requested: Some(requested), owners }))
}

const PASSED: &str =
    "GitHub passed over it, for want of access to the repository or because there are ten already";

impl Dressing<'_> {
    /// Puts these on, together or else each alone: the parts that were tried, each with why it is not allowed.
    pub(super) async fn put(
        &mut self,
        kind: WriteKind,
        together: Worn,
    ) -> Result<Vec<(Worn, Option<String>)>, Halt> {
        let alone = together.singles();
        let batches = match self.write(kind, &together).await? {
            // None of them went, and it is not known for whose sake.
            Err(_) if alone.len() > 1 => {
                let mut each = vec![];
                for one in alone {
                    let answer = self.write(kind, &one).await?;
                    each.push((one, answer));
                }
                each
            }
            answer => vec![(together, answer)],
        };
        let mut tried = vec![];
        for (batch, answer) in batches {
            match answer {
                Ok(Some(now)) if kind == WriteKind::Assignees => {
                    let (there, passed): (Vec<_>, Vec<_>) =
                        batch.assignees.into_iter().partition(|login| has(&now, login));
                    self.notes
                        .extend(passed.iter().map(|login| format!("`{login}` cannot be assigned: {PASSED}")));
                    self.on = self.on.and(&Worn { assignees: there, ..Worn::default() });
                }
                Ok(now) => {
                    if let Some(now) = now {
                        self.labels = now;
                    }
                    self.on = self.on.and(&batch);
                    tried.push((batch, None));
                }
                Err(why) => tried.push((batch, Some(why))),
            }
        }
        Ok(tried)
    }

    /// One write; what there is of that kind then, where the answer tells, or why it is not allowed.
    async fn write(&self, kind: WriteKind, part: &Worn) -> Result<Result<Option<Vec<String>>, String>, Halt> {
        let (writes, repository, number) = (self.writes, self.repository, self.number);
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
                    let asked =
                        host.request_reviews(repository, number, &part.reviewers, &part.teams, permit);
                    asked.map_ok(|()| None).boxed()
                }
            })
            .await?;
        match limits(writes, answer) {
            Ok(now) => Ok(Ok(now)),
            Err(halt) => Ok(Err(halt.into_refusal()?)),
        }
    }
}
