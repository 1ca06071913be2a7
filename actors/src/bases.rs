//! What is known of base branches that moved: which of their heads were weighed against whose files, and what was
//! compared for that, so that nothing is compared twice for one head.
//!
//! Deliberately absent: anything that has to last. Losing this costs a comparison, or a read that comes later.

use campaigns_domain::{
    id::{ChangesetId, CommitSha, RepositoryId},
    publish::Comparison,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many changesets are kept in mind before all are forgotten.
const MOST_CHANGESETS: usize = 50_000;

/// How many comparisons are; each lists at most a few hundred files.
const MOST_COMPARED: usize = 500;

/// How often in a row a pull request is read again soon because GitHub has not worked out yet whether it conflicts.
const MOST_ASKED: u32 = 3;

/// Two commits of a repository.
type Between = (RepositoryId, CommitSha, CommitSha);

/// What is known of base branches.
#[derive(Debug, Default)]
pub(crate) struct Bases(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// For a changeset that holds the first, no file of its was changed up to the second.
    weighed: HashMap<ChangesetId, (CommitSha, CommitSha)>,
    compared: HashMap<Between, Arc<Comparison>>,
    asked: HashMap<ChangesetId, (CommitSha, u32)>,
}

impl Bases {
    /// From where the base is still to be weighed for a changeset that holds this one: what was weighed before is not
    /// compared again, however long it is.
    pub(crate) fn since(&self, changeset: ChangesetId, held: &CommitSha) -> CommitSha {
        let known = self.known();
        let weighed = known.weighed.get(&changeset).filter(|(from, _)| from == held);
        weighed.map_or(held, |(_, to)| to).clone()
    }

    /// Takes note that no file of a changeset that holds `held` was changed up to `now`.
    pub(crate) fn weighed(&self, changeset: ChangesetId, held: &CommitSha, now: &CommitSha) {
        let mut known = self.known();
        if known.weighed.len() >= MOST_CHANGESETS {
            known.weighed.clear();
        }
        known.weighed.insert(changeset, (held.clone(), now.clone()));
    }

    /// What was compared before.
    pub(crate) fn compared(&self, between: &Between) -> Option<Arc<Comparison>> {
        self.known().compared.get(between).cloned()
    }

    /// Keeps a comparison's files.
    pub(crate) fn keep(&self, between: Between, comparison: Comparison) -> Arc<Comparison> {
        let kept = Arc::new(Comparison { commits: vec![], ..comparison });
        let mut known = self.known();
        if known.compared.len() >= MOST_COMPARED {
            known.compared.clear();
        }
        known.compared.insert(between, kept.clone());
        kept
    }

    /// Whether a changeset is to be read again soon, for GitHub has not worked out yet how it stands to this head.
    pub(crate) fn ask_again(&self, changeset: ChangesetId, now: &CommitSha) -> bool {
        let mut known = self.known();
        if known.asked.len() >= MOST_CHANGESETS {
            known.asked.clear();
        }
        let asked = known.asked.entry(changeset).or_insert_with(|| (now.clone(), 0));
        if asked.0 != *now {
            *asked = (now.clone(), 0);
        }
        asked.1 += 1;
        asked.1 <= MOST_ASKED
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
