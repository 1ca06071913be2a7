//! The machine of one target: a repository, branch and workspace in a run.
//!
//! `selected → queued → executing → unchanged | changed | failed | skipped | cancelled`. An attempt starts only
//! by an admission; a failure of the infrastructure goes back to `selected` and asks for another admission, on a
//! budget of its own. Deliberately absent: what becomes of a diff (`changeset`) and who admits (`run`).

use super::manifest::Manifest;
use crate::{
    id::{CampaignId, CommitSha, RepositoryId, RepositoryName, RunId, TargetId},
    machine::{Decision, Straggler},
    selection::{Selected, Verdict},
};
use serde::{Deserialize, Serialize};

/// How many attempts may be lost to infrastructure before the target fails.
pub const INFRASTRUCTURE_RETRIES: u32 = 3;

/// A target as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its id, a function of run, repository, branch and workspace.
    pub id: TargetId,
    /// The run it is part of.
    pub run: RunId,
    /// The campaign of that run.
    pub campaign: CampaignId,
    /// Its place in the run's order of admission, from 0.
    pub position: u32,
    /// GitHub's id of the repository.
    pub repository_id: RepositoryId,
    /// The repository's name when it was selected.
    pub repository: RepositoryName,
    /// The base branch.
    pub branch: String,
    /// The base branch's head when it was selected; empty where the target was left out.
    pub base: CommitSha,
    /// The folder the steps run in, relative to the root; "" is the root.
    pub workspace: String,
    /// Where it stands.
    pub state: TargetState,
    /// Why it stands there, for people: the reason it was selected or left out, or how it failed.
    pub reason: String,
    /// The last attempt admitted, from 1; 0 before the first.
    pub attempt: u32,
    /// How many attempts were lost to infrastructure.
    pub infrastructure_failures: u32,
    /// Grows by one with every change; the store refuses a change made from an older one.
    pub version: i64,
}

/// Where a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Waits to be admitted.
    Selected,
    /// Admitted; waits for the executor.
    Queued,
    /// Its steps run.
    Executing,
    /// End: the steps changed nothing.
    Unchanged,
    /// End: there is a diff.
    Changed,
    /// End: a step failed, or the infrastructure did too often.
    Failed,
    /// End: selected by the spec but left out, with the reason.
    Skipped,
    /// End: the run was cancelled before it was done.
    Cancelled,
}

impl TargetState {
    /// Every state, in the order of a target's life.
    pub const ALL: [Self; 8] = [
        Self::Selected,
        Self::Queued,
        Self::Executing,
        Self::Unchanged,
        Self::Changed,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// Whether nothing more happens to the target in this run.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Selected | Self::Queued | Self::Executing)
    }

    /// Why a target stands there, in words for people: what it waits for, or the recorded reason. `paused` says
    /// who or what holds its run or campaign, as [`super::run::paused`] does.
    pub fn why(self, reason: &str, paused: Option<&str>) -> String {
        match (self, paused) {
            (Self::Selected | Self::Queued, Some(paused)) => paused.to_owned(),
            (Self::Selected, _) => "waits to be admitted".to_owned(),
            (Self::Queued, _) => "waits for a place to run its steps".to_owned(),
            (Self::Executing, _) => "its steps run".to_owned(),
            _ => reason.to_owned(),
        }
    }

    /// The state's name in the database, the API and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Selected => "selected",
            Self::Queued => "queued",
            Self::Executing => "executing",
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What happened to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TargetEvent {
    /// The run admitted this attempt.
    Admitted {
        /// Counted from 1.
        attempt: u32,
    },
    /// The executor began the attempt's steps.
    Started {
        /// The attempt.
        attempt: u32,
    },
    /// The attempt ended with a complete manifest.
    Finished {
        /// The attempt.
        attempt: u32,
        /// How many files changed; 0 means that nothing did.
        changed_files: u32,
    },
    /// The attempt failed.
    Failed {
        /// The attempt.
        attempt: u32,
        /// How.
        failure: Failure,
    },
    /// The run was cancelled.
    Cancelled,
}

/// How an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Failure {
    /// Whose matter it is.
    pub cause: FailureCause,
    /// What happened, to what, and what to do; for people.
    pub message: String,
}

/// Whose matter a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCause {
    /// The author's: a step's exit code, its deadline, its output. Trying again would end the same.
    Author,
    /// The machinery's: tried again on a budget of its own.
    Infrastructure,
    /// The repository is gone or out of reach: trying again would end the same.
    Repository,
    /// Its organisation is paused: tried again, however often, and behind everybody else.
    Paused,
}

/// What the runtime owes after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetEffect {
    /// Run the attempt's steps.
    Execute {
        /// The attempt.
        attempt: u32,
    },
    /// Stop the attempt's steps if they run.
    Stop,
    /// Tell the run that the attempt is over.
    AttemptEnded(AttemptEnded),
    /// Tell the organisation that there is a diff to propose.
    Propose {
        /// The attempt that yielded it.
        attempt: u32,
    },
}

/// What a target tells its run when an attempt is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEnded {
    /// The attempt.
    pub attempt: u32,
    /// Whether another admission is asked for (otherwise the target has reached an end).
    pub again: bool,
    /// Whether a changeset follows, which the run waits for too.
    pub proposes: bool,
    /// Whether the attempt was put off because its organisation is paused; others go first then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub put_off: bool,
}

impl Target {
    /// The target of a selected repository and branch, or a skipped one where it was left out. `base` is the
    /// branch's head; a branch without one does not exist and is skipped too. A repository that GitHub does not
    /// show has the id 0, and its target an id made from its name.
    pub fn selected(
        run: RunId,
        campaign: CampaignId,
        position: u32,
        selected: &Selected,
        base: Option<CommitSha>,
    ) -> Self {
        let branch = selected.branch.clone();
        let (id, repository_id) = match &selected.repository {
            Some(repository) => (TargetId::of(run, repository.id, &branch, ""), repository.id),
            None => (TargetId::of_missing(run, &selected.name, &branch), RepositoryId(0)),
        };
        let (state, reason, base) = match (&selected.verdict, selected.included(), base) {
            (verdict, Some(_), Some(base)) => (TargetState::Selected, verdict.reason().to_owned(), base),
            (Verdict::Out { reason }, ..) => (TargetState::Skipped, reason.clone(), CommitSha(String::new())),
            (Verdict::In { .. }, ..) => {
                let reason = format!("left out: it has no branch `{branch}`");
                (TargetState::Skipped, reason, CommitSha(String::new()))
            }
        };
        Self {
            id,
            run,
            campaign,
            position,
            repository_id,
            repository: selected.name.clone(),
            branch,
            base,
            workspace: String::new(),
            state,
            reason,
            attempt: 0,
            infrastructure_failures: 0,
            version: 1,
        }
    }

    /// Whether it stands for a repository that does not exist or that the token cannot see.
    pub fn is_missing(&self) -> bool {
        self.repository_id == RepositoryId(0)
    }

    /// Applies one event.
    pub fn apply(&self, event: &TargetEvent) -> Decision<Self, TargetEffect> {
        use TargetState as S;
        if self.state.is_end() {
            return Decision::Ignored(Straggler::Ended);
        }
        match (self.state, event) {
            (_, TargetEvent::Cancelled) => {
                let mut effects = vec![];
                if self.state != S::Selected {
                    effects.push(TargetEffect::Stop);
                }
                effects.push(self.ended(false, false));
                self.to(S::Cancelled, "the run was cancelled", effects)
            }
            (S::Selected, TargetEvent::Admitted { attempt }) if *attempt == self.attempt + 1 => {
                let mut next = self.clone();
                next.attempt = *attempt;
                next.to(S::Queued, &self.reason, vec![TargetEffect::Execute { attempt: *attempt }])
            }
            (_, TargetEvent::Admitted { attempt }) if *attempt <= self.attempt => {
                Decision::Ignored(Straggler::AlreadyApplied)
            }
            (_, TargetEvent::Admitted { .. }) => Decision::Ignored(Straggler::OutOfPlace),
            (_, event) if event.attempt() != Some(self.attempt) => Decision::Ignored(Straggler::Superseded),
            (S::Queued, TargetEvent::Started { .. }) => self.to(S::Executing, &self.reason, vec![]),
            (S::Executing, TargetEvent::Started { .. }) => Decision::Ignored(Straggler::AlreadyApplied),
            (S::Queued | S::Executing, TargetEvent::Finished { changed_files: 0, .. }) => {
                self.to(S::Unchanged, "the steps changed nothing", vec![self.ended(false, false)])
            }
            (S::Queued | S::Executing, TargetEvent::Finished { changed_files, attempt }) => {
                let files = if *changed_files == 1 { "file" } else { "files" };
                let effects = vec![self.ended(false, true), TargetEffect::Propose { attempt: *attempt }];
                self.to(S::Changed, &format!("{changed_files} {files} changed"), effects)
            }
            (S::Queued | S::Executing, TargetEvent::Failed { failure, .. }) => self.failed(failure),
            _ => Decision::Ignored(Straggler::OutOfPlace),
        }
    }

    fn failed(&self, failure: &Failure) -> Decision<Self, TargetEffect> {
        let put_off = failure.cause == FailureCause::Paused;
        let again = put_off
            || failure.cause == FailureCause::Infrastructure
                && self.infrastructure_failures < INFRASTRUCTURE_RETRIES;
        let mut next = self.clone();
        if failure.cause == FailureCause::Infrastructure {
            next.infrastructure_failures += 1;
        }
        let state = if again { TargetState::Selected } else { TargetState::Failed };
        let ended = AttemptEnded { attempt: self.attempt, again, proposes: false, put_off };
        next.to(state, &failure.message, vec![TargetEffect::AttemptEnded(ended)])
    }

    fn ended(&self, again: bool, proposes: bool) -> TargetEffect {
        TargetEffect::AttemptEnded(AttemptEnded { attempt: self.attempt, again, proposes, put_off: false })
    }

    fn to(
        &self,
        state: TargetState,
        reason: &str,
        effects: Vec<TargetEffect>,
    ) -> Decision<Self, TargetEffect> {
        let mut next = self.clone();
        next.state = state;
        next.reason = reason.to_owned();
        next.version += 1;
        Decision::applied(next, effects)
    }
}

impl TargetEvent {
    /// The attempt it speaks of; none for a cancellation.
    pub fn attempt(&self) -> Option<u32> {
        match self {
            Self::Admitted { attempt }
            | Self::Started { attempt }
            | Self::Finished { attempt, .. }
            | Self::Failed { attempt, .. } => Some(*attempt),
            Self::Cancelled => None,
        }
    }

    /// The event's name in the event table and on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Admitted { .. } => "target.queued",
            Self::Started { .. } => "target.executing",
            Self::Finished { changed_files: 0, .. } => "target.unchanged",
            Self::Finished { .. } => "target.changed",
            Self::Failed { .. } => "target.attempt_failed",
            Self::Cancelled => "target.cancelled",
        }
    }

    /// The event that a complete manifest means.
    pub fn finished(attempt: u32, manifest: &Manifest) -> Self {
        let changed_files = u32::try_from(manifest.changes.len()).unwrap_or(u32::MAX);
        Self::Finished { attempt, changed_files }
    }
}
