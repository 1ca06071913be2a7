//! A pull request's way into its base, as far as it is ours: marked ready, and merged by GitHub's own rules.
//!
//! Each looks first, so that doing it twice does it once. Deliberately absent: deciding
//! (`campaigns_domain::publish::merge_step`).

use super::{
    halt::{Halt, limits},
    permits::Writes,
    publish::Sent,
};
use crate::ports::{CodeHostError, RepositoryRef};
use campaigns_domain::{
    changeset::{Changeset, PullRequestRef, Stands},
    publish::{
        MergeStep, PullRequest, PullRequestState, Reading, budget::WriteKind, human_hand, marks_ready,
        merge_step,
    },
};

/// Marks the draft ready, where it is wanted so.
pub(super) async fn ready(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    mut seen: PullRequest,
) -> Result<PullRequest, Halt> {
    if marks_ready(changeset, &seen) {
        let host = &writes.scope.world.ports.code_host;
        let mark = |permit| host.mark_ready(repository, &seen.reference, permit);
        limits(writes, writes.send(WriteKind::PullRequestUpdate, mark).await?)?;
        seen.draft = false;
    }
    Ok(seen)
}

/// Does what can be done to have the pull request merged; how far that is.
pub(super) async fn merge(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    ours: &PullRequestRef,
) -> Result<Stands, Halt> {
    match step(writes, repository, changeset, ours).await {
        Ok(stands) => Ok(stands),
        // What is owed besides is done all the same.
        Err(halt) => Ok(Stands::stopped(halt.into_refusal()?)),
    }
}

async fn step(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    ours: &PullRequestRef,
) -> Result<Stands, Halt> {
    let host = &writes.scope.world.ports.code_host;
    let seen = read(writes, repository, ours).await?;
    let pull = &seen.pull_request;
    if pull.state != PullRequestState::Open {
        return Err(Halt::Sent(Sent::Ended(pull.state)));
    }
    let Some(head) = changeset.head.as_ref() else {
        return Ok(Stands::stopped("nothing of ours is on its branch"));
    };
    if pull.head == *head
        && let Some(reason) = human_hand(changeset, pull)
    {
        return Err(Halt::Sent(Sent::HandedOver(reason)));
    }
    let rules = host.merge_rules(repository, &pull.base_branch, &writes.reads).await;
    let rules = limits(writes, rules)?;
    match merge_step(changeset, &seen, &rules) {
        MergeStep::Stands(stands) => Ok(stands),
        MergeStep::LookAgain(reason) => Err(Halt::Again(reason.to_owned())),
        MergeStep::AutoMerge(method) => {
            let enable = |permit| host.enable_auto_merge(repository, ours, head, method, permit);
            limits(writes, writes.send(WriteKind::Merge, enable).await?)?;
            Ok(Stands::Arranged { head: head.clone(), method })
        }
        MergeStep::Enqueue => {
            let enqueue = |permit| host.enqueue(repository, ours, head, permit);
            limits(writes, writes.send(WriteKind::Merge, enqueue).await?)?;
            Ok(Stands::Queued { head: head.clone() })
        }
        MergeStep::Direct(method) => {
            let merge = |permit| host.merge(repository, ours.number, head, method, permit);
            limits(writes, writes.send(WriteKind::Merge, merge).await?)?;
            Err(Halt::Sent(Sent::Ended(PullRequestState::Merged)))
        }
    }
}

/// The pull request with everything that is said of it.
async fn read(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    ours: &PullRequestRef,
) -> Result<Reading, Halt> {
    let host = &writes.scope.world.ports.code_host;
    let node = std::slice::from_ref(&ours.node_id);
    let all = host.read_pull_requests(repository.name.owner(), node, &writes.reads).await;
    let one = limits(writes, all)?.into_iter().next();
    let missing = || CodeHostError::Unavailable(format!("{} was not read", ours.url));
    limits(writes, one.ok_or_else(missing).and_then(|one| one))
}
