//! How pull requests follow their branches: a push to the head moves it, a push that lands the head on the base
//! merges it, deleting either branch closes it. Called under the repository's lock, after refs moved and before
//! anyone is told; and for every repository at start, because a kill may have come in between.

use crate::git::refs::{Move, tip};
use crate::settle::{ask_owners, settle};
use crate::world::World;
use crate::world::change::{Change, RefMove};
use crate::world::model::{Merge, Pull};
use git2::{Oid, Repository};

/// Why pull requests could not follow.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// libgit2 said no.
    #[error("git failed: {0}")]
    Git(#[from] git2::Error),
    /// What follows by itself could not be carried out.
    #[error("auto-merge or the merge queue failed: {0}")]
    Settle(String),
    /// The journal could not be written.
    #[error("the journal cannot be written: {0}")]
    Journal(#[from] std::io::Error),
}

/// Records that refs moved and what that means for the repository's open pull requests.
pub fn follow(
    world: &World,
    git: &Repository,
    repository: u64,
    moves: &[Move],
    actor: u64,
) -> Result<(), FollowError> {
    if moves.is_empty() {
        return Ok(());
    }
    let touched = |branch: &str| moves.iter().any(|moved| moved.branch() == Some(branch));
    let text = |oid: Option<Oid>| oid.map(|oid| oid.to_string());
    let moved = moves.iter().map(|moved| RefMove {
        name: moved.name.clone(),
        old: text(moved.old),
        new: text(moved.new),
    });
    let mut changes = vec![Change::RefsMoved { repository, moves: moved.collect(), by: actor }];
    for pull in open_pulls(world, repository) {
        if touched(&pull.head) || touched(&pull.base) {
            changes.extend(consequences(world, git, repository, &pull, touched(&pull.base), actor)?);
        }
    }
    point_heads(git, &changes)?;
    let moved: Vec<u64> = changes
        .iter()
        .filter_map(|change| match change {
            Change::PullHeadMoved { number, .. } => Some(*number),
            _ => None,
        })
        .collect();
    world.record(changes)?;
    // What a push brings may have other owners.
    for number in moved {
        ask_owners(world, git, repository, number)?;
    }
    Ok(())
}

/// Catches up with refs that moved before a kill, on behalf of `actor`.
pub fn catch_up(world: &World, actor: u64) -> Result<(), FollowError> {
    let ids: Vec<u64> = world.read(|state| state.repositories.keys().copied().collect());
    for repository in ids {
        let pulls = open_pulls(world, repository);
        if pulls.is_empty() {
            continue;
        }
        let git = world.git.open(repository)?;
        let mut changes = Vec::new();
        for pull in pulls {
            set_head(&git, pull.number, &pull.head_sha)?;
            changes.extend(consequences(world, &git, repository, &pull, true, actor)?);
        }
        point_heads(&git, &changes)?;
        world.record(changes)?;
        // What was due when the kill came happens now.
        settle(world, repository)
            .map_err(|refusal| FollowError::Settle(refusal.body["message"].to_string()))?;
    }
    Ok(())
}

/// Points `refs/pull/N/head` at a pull request's head.
pub fn set_head(git: &Repository, number: u64, sha: &str) -> Result<(), git2::Error> {
    git.reference(&format!("refs/pull/{number}/head"), Oid::from_str(sha)?, true, "pull request")?;
    Ok(())
}

fn point_heads(git: &Repository, changes: &[Change]) -> Result<(), git2::Error> {
    for change in changes {
        if let Change::PullHeadMoved { number, sha, .. } = change {
            set_head(git, *number, sha)?;
        }
    }
    Ok(())
}

fn open_pulls(world: &World, repository: u64) -> Vec<Pull> {
    world.read(|state| {
        state
            .repositories
            .get(&repository)
            .map(|found| found.pulls.values().filter(|pull| pull.is_open()).cloned().collect())
            .unwrap_or_default()
    })
}

fn consequences(
    world: &World,
    git: &Repository,
    repository: u64,
    pull: &Pull,
    base_moved: bool,
    actor: u64,
) -> Result<Vec<Change>, git2::Error> {
    let number = pull.number;
    let (Some(head), Some(base)) = (tip(git, &pull.head), tip(git, &pull.base)) else {
        return Ok(vec![Change::PullClosed { repository, number, by: actor }]);
    };
    let head_moved = head.to_string() != pull.head_sha;
    let landed = base == head || git.graph_descendant_of(base, head)?;
    let mut changes = Vec::new();
    if head_moved {
        changes.push(Change::PullHeadMoved {
            repository,
            number,
            sha: head.to_string(),
            // A landed head keeps the base it was compared with, so that its diff is not lost.
            base_sha: if landed { pull.base_sha.clone() } else { base.to_string() },
        });
    }
    if landed && base_moved {
        let merge = Merge { at: world.clock.now(), by: actor, commit: base.to_string() };
        changes.push(Change::PullMerged { repository, number, merge });
    } else if landed && head_moved {
        // The head was set back onto the base: there is nothing left to merge, and GitHub closes it.
        changes.push(Change::PullClosed { repository, number, by: actor });
    }
    Ok(changes)
}
