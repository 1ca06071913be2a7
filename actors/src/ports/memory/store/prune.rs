//! What a run may close of earlier versions, from the rows in memory.

use super::{super::super::Prunable, rows::Rows};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::target::Target,
    id::{RepositoryId, RunId},
    publish::prune::{Candidate, Here},
};

impl Rows {
    pub(super) fn prunable(&self, id: RunId) -> Prunable {
        let Some(run) = self.runs.get(&id) else { return Prunable::default() };
        let open: Vec<&Changeset> = self
            .changesets
            .values()
            .map(|stored| &stored.changeset)
            .filter(|changeset| changeset.campaign == run.campaign)
            .filter(|changeset| !matches!(changeset.state, ChangesetState::Merged | ChangesetState::Closed))
            .collect();
        let other = |changeset: &&&Changeset| {
            self.runs.get(&changeset.wanted.run).is_some_and(|proposer| proposer.spec != run.spec)
        };
        let candidates = open.iter().filter(other).map(|changeset| Candidate {
            changeset: Changeset::clone(changeset),
            here: self.here(id, changeset),
        });
        Prunable {
            in_force: self.in_force.get(&run.campaign).is_none_or(|spec| *spec == run.spec),
            all: open.len() as u64,
            candidates: candidates.collect(),
        }
    }

    fn here(&self, run: RunId, changeset: &Changeset) -> Vec<Here> {
        let is_missing = |target: &Target| target.repository_id == RepositoryId(0);
        let mut here: Vec<Here> = self
            .targets
            .values()
            .filter(|target| target.run == run)
            .filter(|target| match is_missing(target) {
                true => target.repository == changeset.repository,
                false => target.repository_id == changeset.repository_id,
            })
            .map(|target| Here {
                branch: target.branch.clone(),
                state: target.state,
                missing: is_missing(target),
            })
            .collect();
        here.sort_by(|one, other| one.branch.cmp(&other.branch));
        here
    }
}
