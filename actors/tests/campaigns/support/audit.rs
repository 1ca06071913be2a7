//! What every test leaves by: nothing undone, nothing unread, no admission open, and every count a recount.
//!
//! Deliberately absent: what the test itself is about.

use super::House;
use campaigns_actors::ports::{AdmissionState, EffectState, Subject, memory::Counts};
use campaigns_domain::id::Shard;
use std::collections::BTreeMap;

impl House {
    /// Checks that the store is at rest and in order.
    #[track_caller]
    pub(crate) fn audit(&self) {
        let dump = self.store.dump();
        let undone: Vec<_> =
            dump.effects.values().filter(|stored| stored.effect.state != EffectState::Done).collect();
        assert!(undone.is_empty(), "effects that are not done: {undone:#?}");
        assert!(dump.waiting.is_empty(), "messages that nobody has read: {:#?}", dump.waiting);
        let open: Vec<_> =
            dump.admissions.iter().filter(|(_, state)| **state != AdmissionState::Closed).collect();
        assert!(open.is_empty(), "admissions that are not closed: {open:#?}");
        for run in dump.runs.values() {
            assert!(run.state.is_end(), "run {} is {:?}", run.id, run.state);
        }
        for target in dump.targets.values() {
            assert!(target.state.is_end(), "target {} is {:?}", target.repository, target.state);
        }
        // Every part numbers its events from 1 without a gap.
        let mut last: BTreeMap<_, i64> = BTreeMap::new();
        for (run, shard, sequence) in dump.events.keys() {
            let last = last.entry((*run, *shard)).or_default();
            assert_eq!(*sequence, *last + 1, "a gap in part ({run}, {shard})");
            *last = *sequence;
        }
        for (part, stored) in &dump.parts {
            assert_eq!(stored.last_sequence, last.get(part).copied().unwrap_or_default(), "part {part:?}");
        }
        // The counts are the rows'.
        let mut counted: BTreeMap<_, Counts> = BTreeMap::new();
        for ((run, _), part) in &dump.parts {
            counted.entry(*run).or_default().add(&part.counts);
        }
        let mut recounted: BTreeMap<_, Counts> =
            dump.parts.keys().map(|(run, _)| (*run, Counts::default())).collect();
        for target in dump.targets.values() {
            recounted.entry(target.run).or_default().target(target.state, 1);
        }
        for changeset in dump.changesets.values() {
            recounted.entry(changeset.wanted.run).or_default().changeset(changeset.state, 1);
        }
        assert_eq!(counted, recounted, "the parts' counts are not the rows'");
        // An event is in the part of the shard that owns what it is about.
        for event in dump.events.values() {
            let home = match event.subject {
                Subject::Run(run) => Shard::of_run(run),
                Subject::Target(target) => Shard::of_target(target),
                Subject::Changeset(id) => Shard::of_organization(dump.changesets[&id].repository.owner()),
            };
            assert_eq!(event.shard, home, "{} of {:?}", event.kind, event.subject);
        }
        for (name, repository) in &self.repositories {
            let mut heads: Vec<_> =
                self.host.pulls(repository).into_iter().map(|(_, head, _)| head).collect();
            let opened = heads.len();
            heads.sort();
            heads.dedup();
            assert_eq!(heads.len(), opened, "{name} has two pull requests from one branch");
        }
    }
}
