//! What can be wrong with a transition before any stored row is looked at: a row of another shard or run, or the
//! same row twice.
//!
//! Every store refuses these. Deliberately absent: whether the stored rows are as the transition expects.

use super::{EffectChange, EffectState, RowChange, Transition};
use campaigns_domain::{
    execution::{run::RunState, target::TargetState},
    id::{ChangesetId, EffectId, MessageId, RunId, Shard, TargetId},
};
use std::collections::HashSet;
use uuid::Uuid;

/// A row that a transition writes, by the name that two transitions on the same row share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowKey {
    /// A run.
    Run(RunId),
    /// A target.
    Target(TargetId),
    /// Any other row that is named by one id: an execution, a changeset, an effect.
    Other(Uuid),
    /// An admission.
    Admission(RunId, TargetId, u32),
    /// A message.
    Message(MessageId),
}

impl Transition {
    /// Why no store may commit this, in words; `None` where only the stored rows decide.
    pub fn misplaced(&self) -> Option<String> {
        self.changes
            .iter()
            .find_map(|change| self.misplaced_change(change))
            .or_else(|| self.effects.iter().find_map(|effect| self.misplaced_effect(effect)))
            .or_else(|| self.repeated())
    }

    /// How many rows it writes, about: what it says counts, and what it writes twice counts twice.
    pub fn size(&self) -> usize {
        let changed = self.changes.iter().map(|change| match change {
            RowChange::AddTargets(targets) => targets.len(),
            _ => 1,
        });
        let others = [self.effects.len(), self.messages.len(), self.consumed.len(), self.due.len()];
        changed.chain(others).sum::<usize>() + self.events.len()
    }

    /// The rows it writes. Two transitions of one batch that share one are committed one after the other.
    pub fn rows(&self) -> impl Iterator<Item = RowKey> {
        let changes = self.changes.iter().flat_map(|change| -> Vec<RowKey> {
            match change {
                RowChange::Run(run) => vec![RowKey::Run(run.id)],
                RowChange::AddRun(run) => vec![RowKey::Run(run.id)],
                RowChange::AddTargets(targets) => {
                    targets.iter().map(|target| RowKey::Target(target.id)).collect()
                }
                RowChange::Target { after, .. } => vec![RowKey::Target(after.id)],
                RowChange::Execution(execution) => vec![RowKey::Other(execution.id.0)],
                RowChange::AddChangeset(changeset) => vec![RowKey::Other(changeset.id.0)],
                RowChange::Changeset { after, .. } => vec![RowKey::Other(after.id.0)],
                // Keyed by command and organisation, which no other row is named by.
                RowChange::Outcome(_) => vec![],
                RowChange::Admission { target, attempt, .. } => {
                    vec![RowKey::Admission(self.run, *target, *attempt)]
                }
            }
        });
        let effects = self.effects.iter().enumerate().filter_map(|(place, effect)| match effect {
            EffectChange::Begin(effect) => Some(RowKey::Other(effect.id.0)),
            // Beginning an effect and recording its outcome at once is one write of one row.
            EffectChange::Done(id) if begins(&self.effects[..place], *id) => None,
            EffectChange::Done(id) => Some(RowKey::Other(id.0)),
        });
        let sent = self.messages.iter().map(|message| RowKey::Message(message.id));
        let consumed = self.consumed.iter().map(|id| RowKey::Message(*id));
        let due = self.due.iter().map(|(id, _)| *id).filter(|id| !self.changes_changeset(*id));
        let due = due.map(|id| RowKey::Other(id.0));
        changes.chain(effects).chain(sent).chain(consumed).chain(due)
    }

    /// Whether a changeset's whole row is written.
    pub fn changes_changeset(&self, id: ChangesetId) -> bool {
        self.changes
            .iter()
            .any(|change| matches!(change, RowChange::Changeset { after, .. } if after.id == id))
    }

    fn misplaced_change(&self, change: &RowChange) -> Option<String> {
        // What it is called is written only where it has to be said.
        let elsewhere = |what: std::fmt::Arguments<'_>, shard: Shard| {
            (shard != self.fence.shard)
                .then(|| format!("{what} lives in shard {shard}, not in {}", self.fence.shard))
        };
        match change {
            RowChange::Run(run) => elsewhere(format_args!("run {}", run.id), Shard::of_run(run.id)),
            RowChange::AddRun(run) => (run.state != RunState::Selecting)
                .then(|| format!("new run {} is {} already", run.id, run.state.as_str())),
            RowChange::AddTargets(targets) => {
                elsewhere(format_args!("a run's list of targets"), Shard::of_run(self.run)).or_else(|| {
                    targets.iter().find_map(|target| {
                        if target.run != self.run {
                            Some(format!(
                                "target {} belongs to run {}, not to {}",
                                target.id, target.run, self.run
                            ))
                        } else if !matches!(target.state, TargetState::Selected | TargetState::Skipped) {
                            Some(format!("new target {} is {} already", target.id, target.state.as_str()))
                        } else {
                            None
                        }
                    })
                })
            }
            RowChange::Target { before, after } => {
                if after.run != self.run {
                    return Some(format!(
                        "target {} belongs to run {}, not to {}",
                        after.id, after.run, self.run
                    ));
                }
                if (*before == TargetState::Skipped) != (after.state == TargetState::Skipped) {
                    return Some(format!("target {} cannot come to take part, or cease to", after.id));
                }
                elsewhere(format_args!("target {}", after.id), Shard::of_target(after.id))
            }
            RowChange::Execution(execution) => {
                elsewhere(format_args!("execution {}", execution.id), Shard::of_target(execution.target))
            }
            RowChange::AddChangeset(changeset) => {
                let shard = Shard::of_organization(changeset.repository.owner());
                elsewhere(format_args!("changeset {}", changeset.id), shard)
            }
            // A repository may have moved to another owner since: the store knows the shard it was made in.
            RowChange::Changeset { .. } => None,
            RowChange::Outcome(outcome) => {
                let shard = Shard::of_organization(&outcome.organization);
                elsewhere(format_args!("an outcome of {}", outcome.organization), shard)
            }
            RowChange::Admission { target, .. } => {
                elsewhere(format_args!("the admission of target {target}"), Shard::of_run(self.run))
            }
        }
    }

    fn misplaced_effect(&self, effect: &EffectChange) -> Option<String> {
        match effect {
            EffectChange::Begin(effect) if effect.shard != self.fence.shard => Some(format!(
                "effect {} belongs to shard {}, not to {}",
                effect.id, effect.shard, self.fence.shard
            )),
            EffectChange::Begin(effect) if effect.state != EffectState::InFlight => {
                Some(format!("effect {} is begun in another state than in flight", effect.id))
            }
            _ => None,
        }
    }

    fn repeated(&self) -> Option<String> {
        let mut rows = self.rows();
        // Most write one row.
        let first = rows.next()?;
        let mut seen = HashSet::from([first]);
        rows.find(|key| !seen.insert(*key)).map(|key| format!("it writes the same row twice ({key:?})"))
    }
}

fn begins(effects: &[EffectChange], id: EffectId) -> bool {
    effects.iter().any(|effect| matches!(effect, EffectChange::Begin(begun) if begun.id == id))
}
