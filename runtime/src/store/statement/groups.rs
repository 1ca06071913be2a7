//! Groups: the transitions of a batch that stand and fall together, since they are of one run and one shard at one
//! epoch. Their events are numbered, and their counters added up, before anything is sent: where their fence holds,
//! all of them take place, in their order.
//!
//! Deliberately absent: SQL.

use super::super::input::{shard, small};
use campaigns_actors::ports::Transition;
use campaigns_domain::execution::target::TargetState;
use std::collections::HashMap;
use uuid::Uuid;

/// Under what a transition is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pub(super) shard: i16,
    pub(super) epoch: i64,
    pub(super) run: Uuid,
}

/// The groups of a batch.
#[derive(Debug, Default)]
pub(in super::super) struct Groups {
    all: Vec<Group>,
    /// For each group, how many events it says.
    events: Vec<usize>,
    /// For each transition its group, and how many events of the group there are up to its last.
    transitions: Vec<(usize, usize)>,
}

impl Groups {
    pub(super) fn of(transitions: &[&Transition]) -> Result<Self, String> {
        let mut groups = Self::default();
        let mut places: HashMap<Group, usize> = HashMap::new();
        for transition in transitions {
            let fence = transition.fence;
            let group = Group { shard: shard(fence.shard)?, epoch: fence.epoch.0, run: transition.run.0 };
            // What was gathered comes shard by shard, so that most are of the group before.
            let place = match groups.transitions.last() {
                Some((place, _)) if groups.all[*place] == group => *place,
                _ => *places.entry(group).or_insert_with(|| {
                    groups.all.push(group);
                    groups.events.push(0);
                    groups.all.len() - 1
                }),
            };
            groups.events[place] += transition.events.len();
            groups.transitions.push((place, groups.events[place]));
        }
        Ok(groups)
    }

    /// The groups, each once.
    pub(super) fn all(&self) -> &[Group] {
        &self.all
    }

    /// How many events each group says.
    pub(super) fn said(&self) -> Result<Vec<i32>, String> {
        self.events.iter().map(|count| small(*count)).collect()
    }

    /// How many events of its group come after the `nth` of a transition, which is counted from 1 and says `said`.
    pub(super) fn after(&self, ord: i32, nth: i32, said: i32) -> Result<i32, String> {
        let (place, upto) = self.transitions[index(ord)];
        Ok(small(self.events[place] - upto)? + said - nth)
    }

    /// What is given for each transition, added up for each group.
    pub(super) fn sums(&self, each: &[i32]) -> Vec<i32> {
        let mut sums = vec![0; self.all.len()];
        for ((place, _), by) in self.transitions.iter().zip(each) {
            sums[*place] += by;
        }
        sums
    }

    /// Moves of the counters of targets, (ordinal, counter, by how much), added up: for each counter in the order of
    /// their places, what each group adds to it.
    pub(super) fn moves(&self, moves: &[(i32, TargetState, i32)]) -> impl Iterator<Item = Vec<i32>> {
        let mut sums = TargetState::ALL.map(|state| (state, vec![0; self.all.len()]));
        for (ord, moved, by) in moves {
            for (_, sums) in sums.iter_mut().filter(|(state, _)| state == moved) {
                sums[self.place(*ord)] += by;
            }
        }
        sums.into_iter().map(|(_, sums)| sums)
    }

    /// For each transition the sequence of its part's last event, given those of the groups whose fence held by their
    /// places.
    pub(in super::super) fn sequences(&self, held: &HashMap<i32, i64>) -> Vec<Option<i64>> {
        let last: Vec<Option<i64>> =
            (0..).take(self.all.len()).map(|place| held.get(&place).copied()).collect();
        let each = self.transitions.iter().map(|(place, upto)| {
            let after = i64::try_from(self.events[*place] - upto).unwrap_or_default();
            last[*place].map(|last| last - after)
        });
        each.collect()
    }

    /// The place of a transition's group.
    pub(super) fn place(&self, ord: i32) -> usize {
        self.transitions[index(ord)].0
    }
}

/// Ordinals are made from places, and back.
fn index(ord: i32) -> usize {
    usize::try_from(ord).unwrap_or_default()
}
