//! The machine of a run: it selects, admits targets within a window, and ends when every target has reached an
//! end and every changeset that they proposed has settled.
//!
//! Positions below `next_position` have been admitted at least once; retries queue beside that watermark, since
//! a watermark alone cannot bound them. A pause is a property beside the state: a paused run hears everything and
//! admits nothing, and resuming it needs no memory of where it stood. Deliberately absent: totals by state, which are sums over the run's
//! parts in the store.

use super::{
    prune::Pruned,
    rollout::{Progress, RolloutEvent},
    target::AttemptEnded,
};
use crate::{
    id::{CampaignId, Digest, RunId, TargetId},
    machine::{Decision, Straggler},
    spec::Priority,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use super::options::{Again, RunOptions};

/// A run as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The campaign it carries out.
    pub campaign: CampaignId,
    /// The spec version it carries out.
    pub spec: Digest,
    /// Where it stands.
    pub state: RunState,
    /// Why it stands there, for people; empty while all is well.
    pub reason: String,
    /// Who paused it, while it is paused: nothing is admitted meanwhile, and no effect of it begins.
    #[serde(default)]
    pub paused: Option<String>,
    /// How many admissions may be open at once, or, with [`RunOptions::each`], for each replica; at least 1.
    pub window: u32,
    /// How many replicas share the work, as the run's owner knows just now; at least 1, and not on record.
    #[serde(skip, default = "alone")]
    pub replicas: u32,
    /// What its creator asked for besides the spec.
    pub options: RunOptions,
    /// Where its rollout stands.
    #[serde(default)]
    pub rollout: Progress,
    /// How many targets take part (left-out ones do not).
    pub total: u32,
    /// The position of the next target never admitted yet.
    pub next_position: u32,
    /// Open admissions: target and attempt.
    pub open: BTreeSet<(TargetId, u32)>,
    /// Attempts that were asked for again and are not admitted yet, oldest first.
    pub again: Vec<(TargetId, u32)>,
    /// Those of them whose organisation is paused, with its login: they wait until it is tried again. It is no part of
    /// the row: whoever is not among them after a restart shows it again.
    #[serde(skip)]
    pub put_off: BTreeMap<TargetId, String>,
    /// How many targets have reached an end.
    pub ended: u32,
    /// How many changesets were proposed.
    pub proposed: u32,
    /// How many of those have settled: there is nothing left to send for them in this run.
    pub settled: u32,
    /// Whether it is known what it closes of earlier versions, or that it closes nothing.
    #[serde(default)]
    pub pruned: bool,
    /// Grows by one with every change.
    pub version: i64,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Chooses its repositories.
    Selecting,
    /// Admits targets, and waits for their changesets.
    Running,
    /// End: everything there was to do has been done.
    Completed,
    /// End: somebody cancelled it.
    Cancelled,
    /// End: it could not select.
    Failed,
}

impl RunState {
    /// Whether nothing more happens in the run.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Selecting | Self::Running)
    }

    /// The state's name in the database, the API and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Selecting => "selecting",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// What happened to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RunEvent {
    /// The run was created; its first event, applied by its creation.
    Created,
    /// The repositories are chosen and their targets are rows.
    Selected {
        /// Targets that take part.
        targets: u32,
        /// Repositories left out, each with its reason.
        skipped: u32,
        /// For each wave of its rollout the position of the first target after it; empty where it has none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ends: Vec<u32>,
        /// Who goes first.
        #[serde(default, skip_serializing_if = "Priority::is_normal")]
        priority: Priority,
    },
    /// Nothing could be selected.
    SelectionFailed {
        /// What happened and what to do.
        message: String,
    },
    /// A target says that an attempt is over.
    AttemptEnded {
        /// The target.
        target: TargetId,
        /// Its word.
        ended: AttemptEnded,
        /// The organisation whose pause put it off, in lower case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<String>,
    },
    /// An organisation that was paused is tried again.
    TriedAgain {
        /// Its login, in lower case.
        organization: String,
        /// With so many of the targets that its pause put off.
        targets: u32,
    },
    /// A changeset that this run proposed has nothing left to be sent.
    ChangesetSettled,
    /// Something happened to its rollout.
    Rollout {
        /// What.
        what: RolloutEvent,
    },
    /// What of earlier versions is closed with this one.
    Pruned {
        /// What.
        #[serde(flatten)]
        what: Pruned,
    },
    /// Somebody paused the run.
    Paused {
        /// Who.
        by: String,
    },
    /// Somebody resumed it.
    Resumed {
        /// Who.
        by: String,
    },
    /// Somebody cancelled the run.
    Cancelled {
        /// Who.
        by: String,
    },
}

impl RunEvent {
    /// The event's name in the event table and on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created => "run.created",
            Self::Selected { .. } => "run.selected",
            Self::SelectionFailed { .. } => "run.failed",
            Self::AttemptEnded { .. } => "run.attempt_ended",
            Self::TriedAgain { .. } => "run.tried_again",
            Self::ChangesetSettled => "run.changeset_settled",
            Self::Rollout { what } => what.name(),
            Self::Pruned { .. } => "run.pruned",
            Self::Paused { .. } => "run.paused",
            Self::Resumed { .. } => "run.resumed",
            Self::Cancelled { .. } => "run.cancelled",
        }
    }
}

/// What the runtime owes after an event of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEffect {
    /// Choose the repositories.
    Select,
    /// Admit the first attempts of the targets at these positions.
    AdmitNext {
        /// The first position.
        from: u32,
        /// How many.
        count: u32,
    },
    /// Admit an attempt that was asked for again.
    AdmitAgain {
        /// The target.
        target: TargetId,
        /// The attempt.
        attempt: u32,
    },
    /// Tell every target that has not reached an end that the run is cancelled.
    CancelTargets,
    /// The run has reached its end; nothing is owed but to say so.
    Ended,
}

impl Run {
    /// A run that has just been created and owes its selection.
    pub fn new(id: RunId, campaign: CampaignId, spec: Digest, window: u32, options: RunOptions) -> Self {
        Self {
            id,
            campaign,
            spec,
            state: RunState::Selecting,
            reason: String::new(),
            paused: None,
            window: window.max(1),
            replicas: alone(),
            options,
            rollout: Progress::default(),
            total: 0,
            next_position: 0,
            open: BTreeSet::new(),
            again: Vec::new(),
            put_off: BTreeMap::new(),
            ended: 0,
            proposed: 0,
            settled: 0,
            pruned: true,
            version: 1,
        }
    }

    /// Applies one event. The effects `AdmitNext` name positions; the caller adds the admitted pairs to `open`
    /// by [`Run::admitted`] before it records the run, since only the store knows which target has a position.
    pub fn apply(&self, event: &RunEvent) -> Decision<Self, RunEffect> {
        if self.state.is_end() {
            return Decision::Ignored(Straggler::Ended);
        }
        let mut next = self.clone();
        next.version += 1;
        match (self.state, event) {
            (_, RunEvent::Created) => return Decision::Ignored(Straggler::AlreadyApplied),
            (RunState::Selecting, RunEvent::Selected { targets, ends, priority, .. }) => {
                next.state = RunState::Running;
                next.total = *targets;
                next.rollout.ends.clone_from(ends);
                next.rollout.pace.priority =
                    next.rollout.pace.priority.or(priority.is_urgent().then_some(*priority));
            }
            (RunState::Selecting, RunEvent::SelectionFailed { message }) => {
                next.paused = None;
                next.state = RunState::Failed;
                next.reason.clone_from(message);
                return Decision::applied(next, vec![RunEffect::Ended]);
            }
            (RunState::Running, RunEvent::AttemptEnded { target, ended, organization }) => {
                if !next.open.remove(&(*target, ended.attempt)) {
                    return Decision::Ignored(Straggler::AlreadyApplied);
                }
                if ended.again {
                    next.again.push((*target, ended.attempt + 1));
                    next.put_off.extend(organization.clone().map(|organization| (*target, organization)));
                } else {
                    next.ended += 1;
                    next.proposed += u32::from(ended.proposes);
                }
            }
            (RunState::Running, RunEvent::TriedAgain { organization, targets }) => {
                let tried =
                    self.put_off_by(organization).take(usize::try_from(*targets).unwrap_or(usize::MAX));
                tried.for_each(|target| drop(next.put_off.remove(&target)));
                if next.put_off == self.put_off {
                    return Decision::Ignored(Straggler::AlreadyApplied);
                }
            }
            (RunState::Running, RunEvent::ChangesetSettled) => next.settled += 1,
            (RunState::Running, RunEvent::Pruned { .. }) if self.is_pruning() => next.pruned = true,
            (_, RunEvent::Rollout { what }) => match self.rollout.apply(what) {
                Decision::Ignored(straggler) => return Decision::Ignored(straggler),
                Decision::Applied { next: rollout, .. } => {
                    next.rollout = rollout;
                    if let RolloutEvent::Halted { halt } = what {
                        next.paused = self.paused.clone().or_else(|| Some(ROLLOUT.to_owned()));
                        next.reason = format!("halted: {}", halt.reason);
                    }
                }
            },
            (_, RunEvent::Paused { .. }) if self.paused.is_some() => {
                return Decision::Ignored(Straggler::AlreadyApplied);
            }
            (_, RunEvent::Paused { by }) => next.pause(by),
            (_, RunEvent::Resumed { .. }) if self.paused.is_none() => {
                return Decision::Ignored(Straggler::AlreadyApplied);
            }
            (_, RunEvent::Resumed { .. }) => {
                next.paused = None;
                next.reason.clear();
                next.rollout = self.rollout.resumed();
            }
            (_, RunEvent::Cancelled { by }) => {
                next.paused = None;
                next.state = RunState::Cancelled;
                next.reason = format!("cancelled by {by}");
                return Decision::applied(next, vec![RunEffect::CancelTargets, RunEffect::Ended]);
            }
            _ => return Decision::Ignored(Straggler::OutOfPlace),
        }
        let mut effects = next.admit();
        if next.is_done() {
            // Also where it is paused: there is nothing left that could wait.
            next.paused = None;
            next.reason.clear();
            next.state = RunState::Completed;
            effects.push(RunEffect::Ended);
        }
        Decision::applied(next, effects)
    }

    /// Notes that the targets of an `AdmitNext` effect are these.
    pub fn admitted(&mut self, targets: impl IntoIterator<Item = TargetId>) {
        self.open.extend(targets.into_iter().map(|target| (target, 1)));
    }

    /// The same run as it begins in a campaign that somebody has paused; unchanged where nobody has.
    pub fn of_paused(mut self, by: Option<&str>) -> Self {
        if let Some(by) = by {
            self.pause(by);
        }
        self
    }

    fn pause(&mut self, by: &str) {
        self.paused = Some(by.to_owned());
        self.reason = paused(by, "");
    }

    fn is_done(&self) -> bool {
        let all = self.ended == self.total && self.settled >= self.proposed;
        self.state == RunState::Running && all && self.pruned
    }
}

fn alone() -> u32 {
    1
}

/// Who pauses a run that its rollout halts; a person resumes it.
const ROLLOUT: &str = "its rollout";

/// What a pause is called wherever something waits for its end: by whom it is, or why the run was halted.
pub fn paused(by: &str, halted: &str) -> String {
    if by == ROLLOUT && !halted.is_empty() { halted.to_owned() } else { format!("paused by {by}") }
}
