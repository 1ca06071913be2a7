//! Which wave each target of a run goes with; decided once, when the run selects.
//!
//! Deliberately absent: when a wave goes (`publish::rollout`).

use crate::{id::RepositoryName, spec::Rollout};

/// The wave of each target, counted from 0, for the repositories of all targets in the order of their names.
///
/// A repository that a wave names by a glob goes with the first such wave. What is left is given out in order: to
/// each wave as many as it asks for, a `percent` being of all targets, rounded so that the shares of several add
/// up. What no wave asks for goes last.
pub fn waves(rollout: &Rollout, repositories: &[&RepositoryName]) -> Vec<u32> {
    let total = u32::try_from(repositories.len()).unwrap_or(u32::MAX);
    let named = |repository: &RepositoryName| {
        let found = (0..).zip(&rollout.waves).find(|(_, wave)| wave.names(repository));
        found.map(|(index, _)| index)
    };
    let mut taken: Vec<Option<u32>> = repositories.iter().map(|repository| named(repository)).collect();
    let mut free = taken.iter_mut().filter(|wave| wave.is_none());
    let mut percent = 0;
    for (index, wave) in (0..).zip(&rollout.waves) {
        let before = share(total, percent);
        percent += wave.percent.unwrap_or_default();
        let wanted = wave.targets.unwrap_or_default() + (share(total, percent) - before);
        for place in free.by_ref().take(usize::try_from(wanted).unwrap_or(usize::MAX)) {
            *place = Some(index);
        }
    }
    let last = rollout.waves_in_all() - 1;
    taken.into_iter().map(|wave| wave.unwrap_or(last)).collect()
}

/// `percent` of `total`, rounded up and at most all.
fn share(total: u32, percent: u32) -> u32 {
    let share = (u64::from(total) * u64::from(percent)).div_ceil(100);
    u32::try_from(share).unwrap_or(u32::MAX).min(total)
}
