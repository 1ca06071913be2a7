//! Asking the code owners of what a changeset touches: the file is read at its base, a place is taken for each of those
//! chosen, and then they are asked. Whoever GitHub refuses is passed over for the next.
//!
//! Deliberately absent: whom to choose (`campaigns_domain::publish::reviewers`).

use super::{
    dress::Dressing,
    halt::{Halt, limits},
    permits::Writes,
    publish::Sent,
    tree,
};
use crate::ports::{CommitError, RepositoryRef, ReviewRequest};
use campaigns_domain::{
    changeset::{Changeset, LeftOut, OwnersAsked, has},
    publish::{
        budget::WriteKind,
        dress::Wearer,
        reviewers::{Owning, names_of, owning, worn_of},
    },
};

/// Asks them; what came of it, or none where the spec wants nobody asked.
pub(super) async fn ask(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    seen: &Wearer,
    dressing: &mut Dressing<'_>,
) -> Result<Option<OwnersAsked>, Halt> {
    let Some(rule) = changeset.wanted.dress.code_owners else { return Ok(None) };
    let owner = changeset.repository.owner();
    let host = &writes.scope.world.ports.code_host;
    let base = &changeset.wanted.base;
    let owning = match limits(writes, host.code_owners(repository, base, &writes.reads).await)? {
        Some(file) => {
            let manifest = tree::manifest(writes, changeset).await?;
            let paths =
                manifest.changes.into_iter().map(|changed| changed.path.as_str().to_owned()).collect();
            found(file, paths, owner.to_owned()).await?
        }
        None => Owning::default(),
    };
    let open = owning.open(changeset, seen, rule.at_most);
    let (mut asked, mut refused): (Vec<String>, Vec<LeftOut>) = (vec![], vec![]);
    loop {
        let tried = |name: &&String| {
            !has(&asked, name) && !refused.iter().any(|left| left.who.eq_ignore_ascii_case(name))
        };
        let candidates: Vec<String> = open.candidates.iter().filter(tried).cloned().collect();
        let at_most = open.at_most.saturating_sub(u32::try_from(asked.len()).unwrap_or(u32::MAX));
        if at_most == 0 || candidates.is_empty() {
            break;
        }
        let request = ReviewRequest {
            campaign: changeset.campaign,
            changeset: changeset.id,
            organization: owner.to_owned(),
            generation: changeset.generation,
            candidates,
            at_most,
            max_open_each: rule.max_open_each,
        };
        let taken = writes.scope.world.ports.store.take_reviews(&writes.scope.lease, request).await;
        let taken = taken.map_err(|error| match error {
            CommitError::Fenced(_) => Halt::Sent(Sent::Fenced),
            other => Halt::deferred(other.to_string()),
        })?;
        if taken.is_empty() {
            break;
        }
        for (part, refusal) in dressing.put(WriteKind::Reviewers, worn_of(&taken)).await? {
            let names = names_of(&part, owner);
            match refusal {
                None => asked.extend(names),
                Some(why) => refused.extend(names.into_iter().map(|name| LeftOut::new(name, why.clone()))),
            }
        }
    }
    Ok(Some(changeset.owners_asked(&open, asked, refused)))
}

/// Who owns these paths, off the threads that serve everybody: the file may be a large one, and each path is held against
/// each of its lines.
async fn found(file: String, paths: Vec<String>, organization: String) -> Result<Owning, Halt> {
    let work = move || owning(&file, paths.iter().map(String::as_str), &organization);
    let found = tokio::task::spawn_blocking(work).await;
    found.map_err(|error| Halt::deferred(format!("whom its files belong to was not found out: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    #[tokio::test]
    async fn a_large_file_keeps_nobody_waiting() {
        let lines: String = (0..2_000).map(|nth| format!("/folder-{nth}/**/*.txt @owner-{nth}\n")).collect();
        let paths = (0..200).map(|nth| format!("folder-{nth}/a/b.txt")).collect();
        let mut found = std::pin::pin!(found(lines, paths, "acme".to_owned()));
        assert!(matches!(futures::poll!(&mut found), Poll::Pending), "it was worked out on this thread");
        let Ok(found) = found.await else { panic!("it is found") };
        assert_eq!(found.candidates.len(), 200);
    }
}
