//! What is wrong with the in-memory code host at the moment: faults as fields, not scripted answers.
//!
//! Deliberately absent: faults that nobody clears; each counts down by itself.

use crate::ports::CodeHostError;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What the port is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the port's method of the same name")]
pub enum Operation {
    Repositories,
    Base,
    Snapshot,
    Branch,
    CreateBlob,
    CreateTree,
    CreateCommit,
    CreateBranch,
    AdvanceBranch,
    PullRequests,
    CreatePullRequest,
    UpdatePullRequest,
    SetPullRequestOpen,
    Comments,
    Compare,
    CreateComment,
    Wearer,
    CodeOwners,
    OptOuts,
    AddLabels,
    AddAssignees,
    RequestReviews,
    DeleteBranch,
    MarkReady,
    MergeRules,
    EnableAutoMerge,
    Enqueue,
    Merge,
    PullRequest,
    ReadPullRequests,
    Whereabouts,
    FailedChecks,
    RerunFailedJobs,
}

impl Operation {
    /// Whether it changes something.
    pub fn writes(self) -> bool {
        matches!(
            self,
            Self::CreateBlob
                | Self::CreateTree
                | Self::CreateCommit
                | Self::CreateBranch
                | Self::AdvanceBranch
                | Self::CreatePullRequest
                | Self::UpdatePullRequest
                | Self::SetPullRequestOpen
                | Self::CreateComment
                | Self::AddLabels
                | Self::AddAssignees
                | Self::RequestReviews
                | Self::DeleteBranch
                | Self::MarkReady
                | Self::EnableAutoMerge
                | Self::Enqueue
                | Self::Merge
                | Self::RerunFailedJobs
        )
    }
}

/// What happens to a call that a fault hits.
#[derive(Debug, Clone)]
pub enum FaultEffect {
    /// It is answered with this error, and nothing is done.
    Refuse(CodeHostError),
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// It is done, and answered once the semaphore gives a permit: the time in which a caller may die.
    HoldAnswer(Arc<Semaphore>),
}

/// Something that is wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    /// With which operation; none is every one.
    pub operation: Option<Operation>,
    /// With which repository (its name without the owner); none is every one.
    pub repository: Option<String>,
    /// How many calls pass first.
    pub after: u32,
    /// How many calls are hit.
    pub times: u32,
    /// What happens to them.
    pub effect: FaultEffect,
}

impl Fault {
    /// A fault that hits the next call of one operation.
    pub fn next(operation: Operation, effect: FaultEffect) -> Self {
        Self { operation: Some(operation), repository: None, after: 0, times: 1, effect }
    }

    /// The same for one repository alone (its name without the owner).
    #[must_use]
    pub fn of(mut self, repository: &str) -> Self {
        self.repository = Some(repository.to_owned());
        self
    }
}

/// The effect that hits a call; counts it against the fault.
pub(super) fn strike(
    faults: &mut Vec<Fault>,
    operation: Operation,
    repository: Option<&str>,
) -> Option<FaultEffect> {
    let mut hit = None;
    for (index, fault) in faults.iter_mut().enumerate() {
        let named = |wanted: &str| repository.is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        if fault.operation.is_some_and(|wanted| wanted != operation)
            || fault.repository.as_deref().is_some_and(|wanted| !named(wanted))
        {
            continue;
        }
        if fault.after > 0 {
            fault.after -= 1;
            continue;
        }
        hit = Some(index);
        break;
    }
    let hit = &mut faults[hit?];
    hit.times = hit.times.saturating_sub(1);
    let effect = hit.effect.clone();
    faults.retain(|fault| fault.times > 0);
    Some(effect)
}

/// As [`strike`], by the faults of one repository alone: for one of many that are asked for at once.
pub(super) fn strike_one(
    faults: &mut Vec<Fault>,
    operation: Operation,
    repository: &str,
) -> Option<FaultEffect> {
    let (mut own, others): (Vec<Fault>, Vec<Fault>) =
        std::mem::take(faults).into_iter().partition(|fault| fault.repository.is_some());
    let effect = strike(&mut own, operation, Some(repository));
    *faults = own.into_iter().chain(others).collect();
    effect
}
