//! What is owed to a pull request beside its content, because somebody asked: closing, opening again, comments.
//!
//! Each observes first, so that doing it twice does it once: what is closed is not closed again, and a comment is
//! looked for by its hidden marker. Deliberately absent: content and words (`publish`).

use super::{
    branch_end, dress,
    halt::{Halt, limits},
    merging, opting,
    permits::Writes,
    publish::{Sent, adopted},
    rerun,
};
use crate::ports::{CodeHostError, RepositoryRef};
use campaigns_domain::{
    changeset::{Changeset, Done},
    id::{ChangesetId, CommandId},
    publish::{
        BranchStep, Observation, PullRequestState, PullRequestStep, branch_step, budget::WriteKind, comment,
        human_hand, pull_request_step,
    },
};

/// Closes the pull request, and deletes the branch where what is on it is exactly our last head.
pub(super) async fn close(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    observed: &Observation,
) -> Result<Sent, Halt> {
    let host = &writes.scope.world.ports.code_host;
    match pull_request_step(changeset, observed) {
        PullRequestStep::Ended(seen) if seen.state == PullRequestState::Merged => {
            return Ok(Sent::Ended(PullRequestState::Merged));
        }
        // Where our word is not there, somebody else has closed it, and may open it again.
        PullRequestStep::Ended(seen) => {
            if !has_word(writes, repository, changeset, seen.reference.number).await? {
                return Ok(Sent::Withdrawn);
            }
        }
        PullRequestStep::Create { .. } => {}
        PullRequestStep::Adopt(seen) => {
            let number = seen.reference.number;
            // Whoever closes it with a word has said it before.
            say(writes, repository, changeset, number).await?;
            let close = |permit| host.set_pull_request_open(repository, number, false, permit);
            limits(writes, writes.send(WriteKind::PullRequestUpdate, close).await?)?;
        }
    }
    let ours = observed.branch.as_ref().filter(|branch| changeset.head.as_ref() == Some(&branch.commit));
    if let Some(branch) = ours
        && let Some(reason) = branch_end::delete(writes, repository, changeset, &branch.commit).await?
    {
        tracing::info!(changeset = %changeset.id, reason, "the branch of a closed pull request stays");
    }
    Ok(Sent::Withdrawn)
}

/// Closes it, unless a human has touched branch or pull request.
pub(super) async fn close_gently(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    observed: &Observation,
) -> Result<Sent, Halt> {
    if let PullRequestStep::Adopt(seen) = pull_request_step(changeset, observed) {
        if let Some(reason) = human_hand(changeset, &seen) {
            return Ok(Sent::HandedOver(reason));
        }
        if let Some(adopted) = adopted(writes, changeset, observed).await? {
            return Ok(Sent::Adopted(adopted));
        }
        if let BranchStep::HandsOff { reason } = branch_step(changeset, observed, "") {
            return Ok(Sent::HandedOver(reason));
        }
    }
    close(writes, repository, changeset, observed).await
}

/// Opens a closed pull request again; where its branch is gone, that comes back at our last head first.
pub(super) async fn reopen(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    observed: &Observation,
) -> Result<(), Halt> {
    let PullRequestStep::Ended(seen) = pull_request_step(changeset, observed) else { return Ok(()) };
    if seen.state != PullRequestState::Closed {
        return Ok(());
    }
    let host = &writes.scope.world.ports.code_host;
    if let (None, Some(head)) = (&observed.branch, &changeset.head) {
        let branch = |permit| host.create_branch(repository, &changeset.head_branch, head, permit);
        limits(writes, writes.send(WriteKind::Branch, branch).await?)?;
    }
    let number = seen.reference.number;
    let open = |permit| host.set_pull_request_open(repository, number, true, permit);
    limits(writes, writes.send(WriteKind::PullRequestUpdate, open).await?)?;
    Err(Halt::Again("the pull request was opened again".to_owned()))
}

/// Says what is owed and not there yet; the commands whose comments are there.
pub(super) async fn say(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    number: u64,
) -> Result<Vec<CommandId>, Halt> {
    let owed = &changeset.errand.comments;
    if owed.is_empty() {
        return Ok(vec![]);
    }
    let host = &writes.scope.world.ports.code_host;
    let there = limits(writes, host.comments(repository, number, &writes.reads).await)?;
    let mut said = vec![];
    for one in owed {
        let (marker, text) = comment(marker_of(changeset.id, one.command), &one.body);
        if !there.iter().any(|text| text.contains(&marker)) {
            let write = |permit| host.create_comment(repository, number, &text, permit);
            limits(writes, writes.send(WriteKind::Comment, write).await?)?;
        }
        said.push(one.command);
    }
    Ok(said)
}

/// Whether what the campaign itself says before it closes a pull request is there; where a person closes it, nothing
/// need be.
async fn has_word(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    number: u64,
) -> Result<bool, Halt> {
    let Some(command) = changeset.errand.gentle else { return Ok(true) };
    let host = &writes.scope.world.ports.code_host;
    let there = limits(writes, host.comments(repository, number, &writes.reads).await)?;
    let (marker, _) = comment(marker_of(changeset.id, command), "");
    Ok(there.iter().any(|text| text.contains(&marker)))
}

/// What is asked of many changesets by one command is said once to each.
fn marker_of(changeset: ChangesetId, command: CommandId) -> uuid::Uuid {
    uuid::Uuid::new_v5(&changeset.0, command.0.as_bytes())
}

/// An errand that leaves content and words alone.
pub(super) async fn run(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
) -> Result<Sent, Halt> {
    let Some(ours) = &changeset.pull_request else {
        let gone = CodeHostError::NotFound(format!("a pull request of {}", changeset.repository));
        return Err(gone.into());
    };
    let said = say(writes, repository, changeset, ours.number).await?;
    let mut done = Done { said, ..Done::default() };
    let people = changeset.errand.ready || changeset.errand.reviews;
    if people || changeset.errand.rerun.is_some() {
        let seen =
            writes.scope.world.ports.code_host.pull_request(repository, ours.number, &writes.reads).await;
        let seen = limits(writes, seen)?;
        if seen.state != PullRequestState::Open {
            return Ok(Sent::Ended(seen.state));
        }
        if let Some(reason) = human_hand(changeset, &seen) {
            return Ok(Sent::HandedOver(reason));
        }
        if changeset.errand.reviews
            && let Some(stop) = opting::stops(writes, repository, changeset).await?
        {
            return Ok(stop);
        }
        if let Some(wanted) = &changeset.errand.rerun {
            done.rerun = Some(rerun::step(writes, repository, changeset, wanted, &seen).await?);
        }
        let seen = merging::ready(writes, repository, changeset, seen).await?;
        done.ready = changeset.errand.ready && !seen.draft;
        if people && !seen.draft {
            let asked = dress::reviews(writes, repository, changeset, ours.number).await?;
            done.dressed = asked.map(Box::new);
        }
    }
    if changeset.owes_merge() {
        done.merging = Some(merging::merge(writes, repository, changeset, ours).await?);
    }
    Ok(Sent::Errand(Box::new(done)))
}
