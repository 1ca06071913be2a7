//! Pruning: what a run may close of earlier versions, with what the run has in the same repositories.

use super::{
    StoreHarness,
    fixture::{World, moved_changeset, moved_run, new_run, spec},
};
use crate::ports::{Prunable, RowChange, Transition};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        run::{Run, RunOptions, RunState},
        target::{Target, TargetState},
    },
    id::{CommitSha, Digest, RepositoryId, RunId, Shard, TargetId},
    publish::prune::{Candidate, Here},
    spec::Publication,
};
use std::sync::Arc;
use uuid::Uuid;

/// A target of a later run, on a branch of the repository of an earlier one.
fn later_target(of: &Target, run: RunId, branch: &str, state: TargetState) -> Target {
    Target {
        id: TargetId::of(run, of.repository_id, branch, ""),
        run,
        branch: branch.to_owned(),
        state,
        ..of.clone()
    }
}

pub(super) async fn what_a_version_may_close_is_read_with_its_targets<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 5).await;
    let changeset = |nth: usize| world.new_changeset(&targets[nth], Publication::Ready);
    let (here, dropped, missing, merged) = (changeset(0), changeset(1), changeset(2), changeset(3));
    for one in [&here, &dropped, &missing, &merged] {
        world.propose(one).await;
    }
    let after = moved_changeset(&merged, ChangesetState::Merged);
    world.commit(world.moved_changeset(&merged, after).await).await;

    let later =
        Run { spec: Digest::of(b"another"), options: RunOptions::default(), ..new_run(world.run.campaign) };
    let later = later.that_prunes();
    world.harness.add_run(&spec(), &later).await;
    let own = world.changeset_of(&targets[4], Publication::Ready, later.id);
    let mut added = Transition::new(world.fence(Shard::of_run(later.id)).await, later.id);
    let of_missing = Target {
        id: TargetId::of_missing(later.id, &missing.repository, "main"),
        repository_id: RepositoryId(0),
        repository: missing.repository.to_string().to_uppercase().parse().unwrap(),
        base: CommitSha(String::new()),
        ..later_target(&targets[2], later.id, "main", TargetState::Skipped)
    };
    added.changes.push(RowChange::AddTargets(vec![
        later_target(&targets[0], later.id, "release", TargetState::Selected),
        later_target(&targets[0], later.id, "main", TargetState::Skipped),
        of_missing,
    ]));
    world.commit(added).await;
    let mut proposed =
        Transition::new(world.fence(Shard::of_organization(own.repository.owner())).await, later.id);
    proposed.changes.push(RowChange::AddChangeset(own));
    world.commit(proposed).await;

    let target = |branch: &str, state, missing| Here { branch: branch.to_owned(), state, missing };
    let mut candidates = vec![
        Candidate {
            changeset: here,
            here: vec![
                target("main", TargetState::Skipped, false),
                target("release", TargetState::Selected, false),
            ],
        },
        Candidate { changeset: dropped, here: vec![] },
        Candidate { changeset: missing, here: vec![target("main", TargetState::Skipped, true)] },
    ];
    candidates.sort_by_key(|candidate| candidate.changeset.id);
    let found = world.store().prunable(later.id).await.unwrap();
    assert_eq!(found, Prunable { in_force: true, all: 4, candidates });
    let nothing = world.store().prunable(RunId(Uuid::new_v4())).await.unwrap();
    assert_eq!(nothing, Prunable::default());

    // What was found out is kept with the run.
    assert_eq!(world.store().run(later.id).await.unwrap().map(|run| run.pruned), Some(false));
    let known = Run { pruned: true, ..moved_run(&later, RunState::Running) };
    let mut transition = Transition::new(world.fence(Shard::of_run(later.id)).await, later.id);
    transition.changes.push(RowChange::Run(known.clone()));
    world.commit(transition).await;
    assert_eq!(world.store().run(later.id).await.unwrap(), Some(known));
    world.assert_sound().await;
}
