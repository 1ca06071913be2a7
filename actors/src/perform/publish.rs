//! Sending one changeset: observe branch and pull requests, do what the domain decides about them, and where an
//! answer is a conflict or was lost, observe again before anything else is sent.
//!
//! Deliberately absent: deciding (`campaigns_domain::publish`) and turns (`limiter`).

use super::{
    base, closer,
    dress::dress,
    errand,
    halt::{Halt, limits},
    merging, opting,
    pace::Pace,
    permits::Writes,
    tree, whereabouts,
};
use crate::{
    ports::{CommitDraft, NewPullRequest, RepositoryRef},
    scope::Scope,
};
use campaigns_domain::{
    changeset::{Aim, Away, Changeset, Done, Published, Words},
    id::{CommitSha, RepositoryName},
    publish::{
        Adopted, BranchStep, Observation, PullRequest, PullRequestState, PullRequestStep, branch_step,
        budget::WriteKind, human_hand, pull_request_step,
    },
};
use std::sync::Arc;

/// How sending a changeset went.
#[derive(Debug)]
pub(crate) enum Sent {
    /// Branch and pull request are as wanted.
    Published(Box<Published>),
    /// Its pull request is closed, or was never there, because somebody asked.
    Withdrawn,
    /// What was asked for beside the content is done.
    Errand(Box<Done>),
    /// Its pull request has ended meanwhile.
    Ended(PullRequestState),
    /// A head that is not on record counts as ours: once that is recorded, it is built on.
    Adopted(Adopted),
    /// Somebody else's commits are on the branch.
    HandedOver(String),
    /// Its repository is out of reach.
    Away(Away),
    /// Its repository has another owner, under whose limits it goes on.
    Transferred(RepositoryName),
    /// It is not allowed.
    Refused(String),
    /// Not now, for a reason that passes by itself.
    Deferred(String),
    /// Its run has ended.
    RunEnded,
    /// The shard is being given up; nothing is concluded.
    Draining,
    /// The shard has another owner.
    Fenced,
}

/// How sending ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How it went.
    pub(crate) sent: Sent,
    /// The branch's head, where it is known to be a commit of ours, however the rest went.
    pub(crate) head: Option<CommitSha>,
}

/// What has been written so far in this call, so that a further round does not write it again.
#[derive(Default)]
struct Written {
    tree: Option<String>,
    commit: Option<(Vec<CommitSha>, CommitSha)>,
    /// Our commit at the branch's head.
    head: Option<CommitSha>,
}

/// Brings branch and pull request to what the changeset wants.
pub(crate) async fn publish(scope: Scope, pace: Arc<Pace>, changeset: Changeset) -> Outcome {
    let mut written = Written::default();
    let sent = rounds(&scope, &pace, &changeset, &mut written).await;
    Outcome { sent, head: written.head }
}

/// Observes and acts until it is known how it went.
async fn rounds(scope: &Scope, pace: &Pace, changeset: &Changeset, written: &mut Written) -> Sent {
    let writes = Writes::new(scope, pace, changeset);
    let repository = RepositoryRef { id: changeset.repository_id, name: changeset.repository.clone() };
    let (mut round, mut found, mut doubted) = (0, None, false);
    loop {
        let halt = match once(&writes, &repository, changeset, written).await {
            Ok(sent) => return sent,
            Err(Halt::Missing(words)) => whereabouts::missing(&writes, &repository, &mut found, words).await,
            Err(halt) => halt,
        };
        let reason = match halt {
            // What is concluded from an absence is looked at twice.
            Halt::Sent(Sent::Away(away)) if !away.cause.is_said() && !doubted => {
                doubted = true;
                away.reason
            }
            // Where there is nothing any more there is nothing left to close.
            Halt::Sent(Sent::Away(away)) if changeset.errand.aim == Aim::Closed && !away.cause.is_said() => {
                return Sent::Withdrawn;
            }
            Halt::Sent(sent) => return sent,
            Halt::Again(reason) | Halt::Missing(reason) => reason,
        };
        round += 1;
        if round > scope.world.settings.observations {
            return Sent::Deferred(reason);
        }
        tracing::debug!(reason, round, "branch and pull request are observed again");
        if let Err(closed) = scope.pause(scope.world.settings.patience.wait(round)).await {
            return closed.into();
        }
    }
}

/// One round: observe, decide, act.
async fn once(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    written: &mut Written,
) -> Result<Sent, Halt> {
    writes.gate().await.map_err(|closed| Halt::Sent(closed.into()))?;
    // Nothing else that is read for these is tied to the repository's id.
    if changeset.is_on_errand() || changeset.errand.aim == Aim::Closed {
        whereabouts::confirm(writes, repository).await?;
    }
    if changeset.is_on_errand() {
        return errand::run(writes, repository, changeset).await;
    }
    let observed = observe(writes, repository, changeset).await?;
    match changeset.errand.aim {
        Aim::Closed if changeset.errand.gentle.is_some() => {
            return errand::close_gently(writes, repository, changeset, &observed).await;
        }
        Aim::Closed => return errand::close(writes, repository, changeset, &observed).await,
        Aim::Reopened | Aim::Open => {}
    }
    if let Some(stop) = opting::stops(writes, repository, changeset).await? {
        return Ok(stop);
    }
    if changeset.errand.aim == Aim::Reopened {
        errand::reopen(writes, repository, changeset, &observed).await?;
    }
    // Before the branch is touched: a pull request that has ended wants no further commit, nor does one that a
    // human has taken over.
    match pull_request_step(changeset, &observed) {
        PullRequestStep::Ended(seen) => return Ok(Sent::Ended(seen.state)),
        PullRequestStep::Adopt(seen) => {
            if let Some(reason) = human_hand(changeset, &seen) {
                return Ok(Sent::HandedOver(reason));
            }
        }
        PullRequestStep::Create { .. } => {}
    }
    if let Some(adopted) = adopted(writes, changeset, &observed).await? {
        return Ok(Sent::Adopted(adopted));
    }
    let onto = base::onto(writes, repository, changeset).await?;
    let changeset = onto.as_ref().unwrap_or(changeset);
    let head = match branch(writes, repository, changeset, &observed, written).await? {
        Ok(head) => head,
        Err(reason) => return Ok(Sent::HandedOver(reason)),
    };
    written.head = Some(head.clone());
    let host = &writes.scope.world.ports.code_host;
    let (seen, adopted) = match pull_request_step(changeset, &observed) {
        PullRequestStep::Ended(seen) => return Ok(Sent::Ended(seen.state)),
        PullRequestStep::Adopt(seen) => {
            let seen = adopt(writes, repository, changeset, *seen).await?;
            (merging::ready(writes, repository, changeset, seen).await?, true)
        }
        PullRequestStep::Create { draft } => {
            let new = NewPullRequest {
                title: changeset.wanted.title.clone(),
                body: changeset.wanted.body.clone(),
                head: changeset.head_branch.clone(),
                base: changeset.base_branch.clone(),
                draft,
            };
            let sent = writes
                .send(WriteKind::PullRequest, |permit| host.create_pull_request(repository, &new, permit))
                .await?;
            (limits(writes, sent)?, false)
        }
    };
    // The content is there: a comment that is not allowed is told beside it.
    let (said, note) = match errand::say(writes, repository, changeset, seen.reference.number).await {
        Ok(said) => (said, String::new()),
        Err(halt) => (vec![], halt.into_refusal()?),
    };
    let dressed =
        dress(writes, repository, changeset, seen.reference.number, seen.draft).await?.map(Box::new);
    let words: Option<Words> = seen.words().or_else(|| Some(changeset.words()));
    // What was taken as it was holds whatever it holds.
    let base = (!changeset.errand.adopt).then(|| changeset.wanted.base.clone());
    Ok(Sent::Published(Box::new(Published {
        head,
        pull_request: seen.reference,
        draft: seen.draft,
        adopted,
        words,
        base,
        said,
        note,
        dressed,
    })))
}

/// A head that is not on record and is ours all the same.
pub(super) async fn adopted(
    writes: &Writes<'_>,
    changeset: &Changeset,
    observed: &Observation,
) -> Result<Option<Adopted>, Halt> {
    let Some(there) = &observed.branch else { return Ok(None) };
    if changeset.errand.adopt || changeset.head.as_ref().is_none_or(|head| *head == there.commit) {
        return Ok(None);
    }
    let trusted = closer::trusted(&writes.scope.world, changeset).await;
    let trusted = trusted.map_err(|error| Halt::deferred(error.to_string()))?;
    let host = &*writes.scope.world.ports.code_host;
    limits(writes, closer::look(host, &writes.reads, changeset, there, &trusted).await)
}

async fn observe(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
) -> Result<Observation, Halt> {
    let host = &writes.scope.world.ports.code_host;
    let (branch, pull_requests) = futures::join!(
        host.branch(repository, &changeset.head_branch, &writes.reads),
        host.pull_requests(repository, &changeset.head_branch, &changeset.base_branch, &writes.reads),
    );
    let (branch, mut pull_requests) = (limits(writes, branch)?, limits(writes, pull_requests)?);
    // A human may have sent ours into another base branch: the listing by base leaves it out then.
    if let Some(ours) = &changeset.pull_request
        && pull_requests.iter().all(|seen| seen.reference.number != ours.number)
    {
        let seen = host.pull_request(repository, ours.number, &writes.reads).await;
        pull_requests.insert(0, limits(writes, seen)?);
    }
    Ok(Observation { branch, pull_requests })
}

/// Makes the branch carry the wanted tree; its head, or why it is left alone.
async fn branch(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    observed: &Observation,
    written: &mut Written,
) -> Result<Result<CommitSha, String>, Halt> {
    // Whatever the tree: a branch that is not ours is left alone before anything is written.
    let there = observed.branch.as_ref().map_or("", |branch| branch.tree.as_str());
    if let BranchStep::HandsOff { reason } = branch_step(changeset, observed, there) {
        return Ok(Err(reason));
    }
    if let (true, Some(branch)) = (changeset.errand.adopt, &observed.branch) {
        return Ok(Ok(branch.commit.clone()));
    }
    let tree = match &written.tree {
        Some(tree) => tree.clone(),
        None => tree::write(writes, repository, changeset).await?,
    };
    written.tree = Some(tree.clone());
    let host = &writes.scope.world.ports.code_host;
    let name = &changeset.head_branch;
    match branch_step(changeset, observed, &tree) {
        BranchStep::HandsOff { reason } => Ok(Err(reason)),
        BranchStep::Keep(commit) => Ok(Ok(commit)),
        BranchStep::Create => {
            let base = vec![changeset.wanted.base.clone()];
            let commit = commit(writes, repository, changeset, &tree, base, written).await?;
            let sent = writes
                .send(WriteKind::Branch, |permit| host.create_branch(repository, name, &commit, permit))
                .await?;
            limits(writes, sent)?;
            Ok(Ok(commit))
        }
        BranchStep::Append(parents) => {
            let commit = commit(writes, repository, changeset, &tree, parents, written).await?;
            let sent = writes
                .send(WriteKind::BranchUpdate, |permit| {
                    host.advance_branch(repository, name, &commit, permit)
                })
                .await?;
            limits(writes, sent)?;
            Ok(Ok(commit))
        }
    }
}

async fn commit(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    tree: &str,
    parents: Vec<CommitSha>,
    written: &mut Written,
) -> Result<CommitSha, Halt> {
    if let Some((on, commit)) = &written.commit
        && *on == parents
    {
        return Ok(commit.clone());
    }
    let draft = CommitDraft {
        parents: parents.clone(),
        tree: tree.to_owned(),
        message: changeset.wanted.message.clone(),
        author: changeset.wanted.author.clone(),
    };
    let host = &writes.scope.world.ports.code_host;
    let sent =
        writes.send(WriteKind::Commit, |permit| host.create_commit(repository, &draft, permit)).await?;
    let commit = limits(writes, sent)?;
    written.commit = Some((parents, commit.clone()));
    Ok(commit)
}

/// Takes a pull request that is there as ours, with the words of this generation.
async fn adopt(
    writes: &Writes<'_>,
    repository: &RepositoryRef,
    changeset: &Changeset,
    seen: PullRequest,
) -> Result<PullRequest, Halt> {
    // Words that somebody wants taken as they are, and such as are there already.
    if changeset.errand.adopt || seen.words().is_some_and(|words| words == changeset.words()) {
        return Ok(seen);
    }
    let (number, wanted) = (seen.reference.number, &changeset.wanted);
    let host = &writes.scope.world.ports.code_host;
    let update = |permit| host.update_pull_request(repository, number, &wanted.title, &wanted.body, permit);
    let sent = writes.send(WriteKind::PullRequestUpdate, update).await?;
    limits(writes, sent)
}
