//! What happens by itself after something changed in a repository: a pull request with auto-merge merges or is
//! queued once everything that is demanded is there, the first in a merge queue is built, tested, merged or thrown
//! out, and owners of changed files are asked for reviews. Under the repository's lock.

use crate::codeowners::{self, Owner};
use crate::follow::{FollowError, follow};
use crate::git::merge::{MergeError, Method, merge as merge_commits};
use crate::git::objects::Person;
use crate::git::{full_oid, refs};
use crate::merging::{self, Wanted, Words, carry_out};
use crate::rest::refusal::Refusal;
use crate::standing::{self, Rollup, Unmet};
use crate::world::World;
use crate::world::change::{Change, Edit};
use crate::world::model::{Pull, RepositoryRecord};
use crate::world::rules::Queued;
use git2::Repository;

/// Carries out everything that is due in a repository, and what becomes due by that.
pub fn settle(world: &World, repository: u64) -> Result<(), Refusal> {
    while step(world, repository)? {}
    Ok(())
}

/// Does one thing that is due; was there one? Each takes a pull request out of a list or a queue or further in
/// it, so that this ends.
fn step(world: &World, repository: u64) -> Result<bool, Refusal> {
    let waiting: Vec<Pull> = world.read(|state| {
        let pulls = state.repositories.get(&repository).map(|found| found.pulls.values());
        pulls.into_iter().flatten().filter(|pull| pull.auto_merge.is_some()).cloned().collect()
    });
    let (record, queue) = match world.read(|state| {
        state.repositories.get(&repository).map(|found| (found.record.clone(), found.queue.clone()))
    }) {
        Some(found) if !(waiting.is_empty() && found.1.is_empty()) => found,
        _ => return Ok(false),
    };
    let git = world.git.open(repository)?;
    for pull in waiting {
        if merged_by_itself(world, &git, &record, &pull)? {
            return Ok(true);
        }
    }
    let mut bases: Vec<&str> = Vec::new();
    for place in &queue {
        if !bases.contains(&place.base.as_str()) {
            bases.push(&place.base);
            if advanced(world, &git, &record, place)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn merged_by_itself(
    world: &World,
    git: &Repository,
    record: &RepositoryRecord,
    pull: &Pull,
) -> Result<bool, Refusal> {
    let Some(request) = &pull.auto_merge else { return Ok(false) };
    let standing = standing::of(world, record.id, pull)?;
    if !standing.is_ready() {
        return Ok(false);
    }
    if standing.unmet.iter().any(|(_, unmet)| unmet.contains(&Unmet::Queue)) {
        enqueue(world, record, pull, request.by)?;
        return Ok(true);
    }
    let words = Words { title: request.headline.as_deref(), message: request.body.as_deref() };
    let wanted = Wanted { method: request.method, head: Some(&pull.head_sha), words };
    let author = merging::author(world, request.by)?;
    if carry_out(world, git, record, pull, wanted, (&author, request.by)).is_err() {
        // The way of merging was forbidden meanwhile: GitHub turns auto-merge off.
        let off = Change::AutoMergeSet { repository: record.id, number: pull.number, request: None };
        world.record(vec![off])?;
    }
    Ok(true)
}

/// Puts a pull request into its base's queue, where it is not yet.
pub fn enqueue(world: &World, record: &RepositoryRecord, pull: &Pull, by: u64) -> Result<(), Refusal> {
    world.decide(|state| {
        let place = Queued {
            id: state.next_id(),
            pull: pull.number,
            base: pull.base.clone(),
            head: pull.head_sha.clone(),
            by,
            at: world.clock.now(),
            group: None,
        };
        let off = Change::AutoMergeSet { repository: record.id, number: pull.number, request: None };
        let queued = Change::PullQueued { repository: record.id, place };
        Ok((if pull.auto_merge.is_some() { vec![off, queued] } else { vec![queued] }, ()))
    })
}

/// Takes a pull request out of the queue, and away with the branch that it was tested on.
pub fn dequeue(
    world: &World,
    git: &Repository,
    repository: u64,
    place: &Queued,
    reason: &str,
) -> Result<(), Refusal> {
    let reason = reason.to_owned();
    world.record(vec![Change::PullDequeued { repository, number: place.pull, reason }])?;
    if let Some((_, base)) = &place.group {
        let name = group_ref(place, base);
        if git.find_reference(&name).is_ok() {
            let gone = refs::delete(git, &name)?;
            follow(world, git, repository, &[gone], place.by)?;
        }
    }
    Ok(())
}

fn group_ref(place: &Queued, base: &str) -> String {
    format!("refs/heads/gh-readonly-queue/{}/pr-{}-{base}", place.base, place.pull)
}

/// Moves the first of a queue on; did it?
fn advanced(
    world: &World,
    git: &Repository,
    record: &RepositoryRecord,
    place: &Queued,
) -> Result<bool, Refusal> {
    let out = |reason| dequeue(world, git, record.id, place, reason).map(|()| true);
    let pull = world.read(|state| state.pull(record.id, place.pull).cloned());
    let Some(pull) = pull.filter(|pull| pull.is_open() && pull.head_sha == place.head && !pull.draft) else {
        return out("MANUAL");
    };
    let Some((base, head)) = refs::tip(git, &place.base).zip(full_oid(&place.head)) else {
        return out("GIT_TREE_INVALID");
    };
    let group = match &place.group {
        Some((group, on)) if *on == base.to_string() => group.clone(),
        _ => return built(world, git, record, place, &pull, (base, head)),
    };
    let (demanded, checks) = world.read(|state| {
        let Some(found) = state.repositories.get(&record.id) else { return Default::default() };
        let sources = standing::sources(found, &place.base);
        let demanded: Vec<String> = sources.into_iter().flat_map(|source| source.demands.checks).collect();
        (demanded, standing::checks(found, &group))
    });
    let says: Vec<Option<Rollup>> = demanded.iter().map(|name| checks.get(name).copied()).collect();
    if says.iter().any(|says| says.is_some_and(|says| says > Rollup::Pending)) {
        return out("CI_FAILURE");
    }
    if says.iter().any(|says| *says != Some(Rollup::Success)) {
        return Ok(false);
    }
    let commit = full_oid(&group).ok_or_else(Refusal::not_found)?;
    out("MERGE")?;
    merging::landed(world, git, record, &pull, commit, place.by)?;
    Ok(true)
}

/// Builds the commit that is tested in a pull request's place: its head merged into the base as it is now.
fn built(
    world: &World,
    git: &Repository,
    record: &RepositoryRecord,
    place: &Queued,
    pull: &Pull,
    (base, head): (git2::Oid, git2::Oid),
) -> Result<bool, Refusal> {
    let author = merging::author(world, place.by)?;
    let message = merging::message(world, pull, Method::Merge, Words::default());
    let committer = Person::service(world.clock.now());
    let who = (&author, &committer);
    let commit = match merge_commits(git, base, head, Method::Merge, &message, who, &world.secrets) {
        Ok(commit) => commit,
        Err(MergeError::Conflict) => {
            dequeue(world, git, record.id, place, "MERGE_CONFLICT")?;
            return Ok(true);
        }
        Err(MergeError::Git(error)) => return Err(error.into()),
    };
    let name = group_ref(place, &base.to_string());
    git.reference(&name, commit, true, "merge queue")?;
    let moved = refs::Move { name, old: None, new: Some(commit) };
    let group = Some((commit.to_string(), base.to_string()));
    let place = Queued { group, ..place.clone() };
    world.record(vec![Change::PullQueued { repository: record.id, place }])?;
    follow(world, git, record.id, &[moved], pull.author)?;
    Ok(true)
}

/// Asks the owners of what a pull request changes for their review, unless it is a draft or they have given it.
pub fn ask_owners(world: &World, git: &Repository, repository: u64, number: u64) -> Result<(), FollowError> {
    world.decide(|state| {
        let found = state.repositories.get(&repository);
        let pull = found.and_then(|found| found.pulls.get(&number));
        let asked = found
            .zip(pull)
            .filter(|(found, pull)| found.record.settings.asks_code_owners && !pull.draft && pull.is_open());
        let Some((found, pull)) = asked else {
            return Ok((Vec::new(), ()));
        };
        let (mut reviewers, mut teams) = (pull.reviewers.clone(), pull.teams.clone());
        let reviewed =
            |id: u64| found.reviews.values().any(|review| review.pull == number && review.author == id);
        for owner in codeowners::of(state, git, pull)? {
            match owner {
                Owner::Person(id) if !reviewers.contains(&id) && !reviewed(id) => reviewers.push(id),
                Owner::Team(id) if !teams.contains(&id) => teams.push(id),
                Owner::Person(_) | Owner::Team(_) => {}
            }
        }
        if reviewers == pull.reviewers && teams == pull.teams {
            return Ok((Vec::new(), ()));
        }
        let edit = Box::new(Edit { reviewers: Some(reviewers), teams: Some(teams), ..Edit::default() });
        Ok((vec![Change::PullEdited { repository, number, edit }], ()))
    })
}
