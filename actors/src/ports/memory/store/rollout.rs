//! What the store in memory shows of a rollout, counted from its rows.
//!
//! Deliberately absent: what the numbers mean.

use super::super::super::{Held, MessageBody, RolloutCounts, RolloutMark, Wanted};
use super::rows::{Rows, StoredChangeset};
use campaigns_domain::{
    changeset::{self, Changeset, ChangesetState},
    execution::{
        run::{Run, RunState},
        target::TargetState,
    },
    id::{ChangesetId, RunId, Shard},
    publish::rollout::{Checks, Kind, WaveCounts},
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeSet, time::Duration};

impl Rows {
    /// The time that everybody goes by.
    pub(super) fn time(&self) -> DateTime<Utc> {
        self.now()
    }

    /// The runs of a shard whose rollout goes on.
    pub(super) fn rollouts(&self, shard: Shard) -> Vec<RunId> {
        let goes_on = |run: &&Run| match run.state {
            RunState::Running => run.rollout.holds(),
            RunState::Cancelled => self.of_run(run.id).any(|changeset| changeset.held),
            _ => false,
        };
        let of_shard = self.runs.values().filter(|run| Shard::of_run(run.id) == shard);
        of_shard.filter(goes_on).map(|run| run.id).collect()
    }

    /// Whether a changeset's run goes before others.
    pub(super) fn is_urgent(&self, changeset: &Changeset) -> bool {
        let priority = self.runs.get(&changeset.wanted.run).and_then(|run| run.rollout.pace.priority);
        priority.is_some_and(|priority| priority.is_urgent())
    }

    pub(super) fn rollout_mark(&self, run: RunId) -> RolloutMark {
        let parts = self.parts.iter().filter(|((of, _), _)| *of == run);
        RolloutMark { events: parts.map(|(_, part)| part.last_sequence).sum(), now: self.time() }
    }

    pub(super) fn rollout_counts(
        &self,
        run: RunId,
        ends: &[u32],
        releasing: &BTreeSet<ChangesetId>,
        long: Duration,
    ) -> RolloutCounts {
        let mut waves = vec![WaveCounts::default(); ends.len()];
        let wave_at = |position: u32| ends.partition_point(|end| *end <= position);
        for target in self.targets.values().filter(|target| target.run == run) {
            if target.state != TargetState::Skipped
                && let Some(wave) = waves.get_mut(wave_at(target.position))
            {
                wave.add_targets(target.state, 1);
            }
        }
        for stored in self.inbox.values().filter(|stored| stored.run == Some(run) && !stored.consumed) {
            let MessageBody::Proposed { proposal, .. } = &stored.message.body else { continue };
            let position = self.targets.get(&proposal.target).map(|target| target.position);
            if let Some(wave) = position.and_then(|position| waves.get_mut(wave_at(position))) {
                wave.add_proposed(1);
            }
        }
        let (passed, now) = (self.passed(), self.time());
        let mut settles = None;
        for stored in self.changesets.values().filter(|stored| stored.changeset.wanted.run == run) {
            let changeset = &stored.changeset;
            let since = stored.checks_since;
            let stands = since.is_some_and(|since| since + long <= passed);
            let read = changeset.seen.as_ref().filter(|_| since.is_some()).map(|seen| seen.checks);
            if let Some(since) = since.filter(|_| read == Some(changeset::Checks::None) && !stands) {
                let at = now + (since + long - passed);
                settles = settles.into_iter().chain([at]).min();
            }
            let kind = Kind {
                state: changeset.state,
                opened: changeset.pull_request.is_some(),
                held: changeset.errand.paused.is_some()
                    || changeset.held && !releasing.contains(&changeset.id),
                checks: Checks::of(read, stands),
            };
            if let Some(wave) = self.position(changeset).and_then(|position| waves.get_mut(wave_at(position)))
            {
                wave.add_changesets(kind, 1);
            }
        }
        let held = |id: &&ChangesetId| self.changesets.get(id).is_some_and(|stored| stored.changeset.held);
        let releasing = releasing.iter().filter(held).copied().collect();
        RolloutCounts { waves, releasing, settles }
    }

    pub(super) fn held(&self, run: RunId, wanted: &Wanted) -> Vec<Held> {
        let cancelled = self.runs.get(&run).is_some_and(|run| run.state == RunState::Cancelled);
        let mut held: Vec<(u32, &StoredChangeset)> = self
            .changesets
            .values()
            .filter(|stored| stored.changeset.wanted.run == run && stored.changeset.held)
            .filter(|stored| stored.changeset.state == ChangesetState::Scheduled)
            .filter(|stored| stored.changeset.pull_request.is_some() == wanted.opened)
            .filter(|stored| cancelled || stored.changeset.errand.paused.is_none())
            .filter(|stored| !wanted.except.contains(&stored.changeset.id))
            .filter_map(|stored| Some((self.position(&stored.changeset)?, stored)))
            .filter(|(position, _)| *position < wanted.before)
            .collect();
        held.sort_by_key(|(position, stored)| (*position, stored.changeset.id));
        held.into_iter()
            .take(wanted.limit as usize)
            .map(|(_, stored)| Held {
                changeset: stored.changeset.id,
                organization: stored.organization.to_ascii_lowercase(),
                version: stored.changeset.version,
            })
            .collect()
    }

    fn of_run(&self, run: RunId) -> impl Iterator<Item = &Changeset> {
        self.changesets.values().map(|stored| &stored.changeset).filter(move |it| it.wanted.run == run)
    }

    fn position(&self, changeset: &Changeset) -> Option<u32> {
        self.targets.get(&changeset.wanted.target).map(|target| target.position)
    }
}
