//! Groups: the transitions of a batch that stand and fall together, since they are of one run and one shard at one
//! epoch. Their events are numbered, and their counters added up, before anything is sent: where their fence holds,
//! all of them take place, in their order.
//!
//! Deliberately absent: SQL.

use super::super::input::{shard, small};
use campaigns_actors::ports::Transition;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Under what a transition is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) struct Group {
    pub(in super::super) shard: i16,
    pub(in super::super) epoch: i64,
    pub(in super::super) run: Uuid,
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

    /// A transition's group.
    pub(super) fn of_transition(&self, ord: i32) -> Group {
        self.all[self.place(ord)]
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

    /// Moves of counters, (ordinal, counter, by how much), added up: each group's place, counter and sum.
    pub(super) fn moves(&self, moves: &[(i32, i16, i32)]) -> Vec<(usize, i16, i32)> {
        let mut sums: BTreeMap<(usize, i16), i32> = BTreeMap::new();
        for (ord, counter, by) in moves {
            *sums.entry((self.place(*ord), *counter)).or_default() += by;
        }
        sums.into_iter().map(|((place, counter), by)| (place, counter, by)).collect()
    }

    /// For each transition the sequence of its part's last event, given those of the groups whose fence held.
    pub(in super::super) fn sequences(&self, held: &HashMap<Group, i64>) -> Vec<Option<i64>> {
        let last: Vec<Option<i64>> = self.all.iter().map(|group| held.get(group).copied()).collect();
        let each = self.transitions.iter().map(|(place, upto)| {
            let after = i64::try_from(self.events[*place] - upto).unwrap_or_default();
            last[*place].map(|last| last - after)
        });
        each.collect()
    }

    fn place(&self, ord: i32) -> usize {
        self.transitions[index(ord)].0
    }
}

/// Ordinals are made from places, and back.
fn index(ord: i32) -> usize {
    usize::try_from(ord).unwrap_or_default()
}
