//! Where a pull request stands: does it merge, what do its checks and reviews say, what is it that its base still
//! demands, and what does that make of the merge button. Computed from the branches and the records, never stored.
//! Rules from GitHub's "About protected branches", "Available rules for rulesets" and the `MergeStateStatus` enum.

use crate::codeowners;
use crate::git::{full_oid, merge, refs};
use crate::world::World;
use crate::world::model::{Pull, Repository};
use crate::world::rules::{Bypass, Demands};
use crate::world::state::State;
use crate::world::verdict::{CheckStatus, Review, ReviewState, StatusState};
use std::collections::BTreeMap;

/// GitHub's `mergeStateStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeState {
    /// Its base moved on, and demands that it contain the tip.
    Behind,
    /// Its base demands what is missing.
    Blocked,
    /// Nothing stands in the way.
    Clean,
    /// It conflicts with its base.
    Dirty,
    /// It is a draft.
    Draft,
    /// Nobody has looked.
    Unknown,
    /// It may be merged, though a check that is not demanded has not passed.
    Unstable,
}

impl MergeState {
    /// GitHub's word, in lower case as REST has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Behind => "behind",
            Self::Blocked => "blocked",
            Self::Clean => "clean",
            Self::Dirty => "dirty",
            Self::Draft => "draft",
            Self::Unknown => "unknown",
            Self::Unstable => "unstable",
        }
    }
}

/// GitHub's `reviewDecision`, which exists where reviews are required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// As many as are required approve.
    Approved,
    /// Somebody wants changes.
    ChangesRequested,
    /// Approvals are missing.
    ReviewRequired,
}

impl Decision {
    /// GitHub's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::ReviewRequired => "REVIEW_REQUIRED",
        }
    }
}

/// What a commit's checks and statuses come to together; the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rollup {
    /// All passed.
    Success,
    /// One is not done.
    Pending,
    /// One failed.
    Failure,
    /// A status says error.
    Error,
}

impl Rollup {
    /// GitHub's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Failure => "FAILURE",
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
        }
    }
}

/// Something that the base demands and the pull request has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// A check is missing, running or red.
    Check(String, Option<Rollup>),
    /// The tip of the base is not in it.
    Behind,
    /// So many approvals are missing.
    Approvals(usize),
    /// An owner of the changed files must approve.
    CodeOwner,
    /// A reviewer wants changes.
    ChangesRequested,
    /// It must go through the merge queue.
    Queue,
}

impl std::fmt::Display for Unmet {
    /// As GitHub words it.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Check(name, None) => write!(to, "Required status check \"{name}\" is expected."),
            Self::Check(name, Some(Rollup::Pending)) => {
                write!(to, "Required status check \"{name}\" is in progress.")
            }
            Self::Check(name, Some(_)) => write!(to, "Required status check \"{name}\" is failing."),
            Self::Behind => to.write_str("The head branch is not up to date with the base branch."),
            Self::Approvals(1) => {
                to.write_str("At least 1 approving review is required by reviewers with write access.")
            }
            Self::Approvals(count) => {
                write!(to, "At least {count} approving reviews are required by reviewers with write access.")
            }
            Self::CodeOwner => to.write_str("Waiting on code owner review."),
            Self::ChangesRequested => to.write_str("Changes have been requested on this pull request."),
            Self::Queue => to.write_str("Changes must be made through the merge queue"),
        }
    }
}

/// One source of demands on a branch.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it demands.
    pub demands: Demands,
    /// Is it a ruleset?
    pub ruleset: bool,
    admins: bool,
    app: bool,
}

impl Source {
    /// May this account pass it?
    pub fn passes(&self, state: &State, account: u64) -> bool {
        let bot = state.app.as_ref().map(|app| app.bot);
        (self.admins && account == state.admin()) || (self.app && Some(account) == bot)
    }
}

/// Everything that has demands on a branch.
pub fn sources(repository: &Repository, branch: &str) -> Vec<Source> {
    let classic = repository.protections.get(branch).map(|protection| Source {
        demands: protection.demands.clone(),
        ruleset: false,
        admins: !protection.enforce_admins,
        app: false,
    });
    let on = |wanted: &Option<String>| wanted.as_ref().unwrap_or(&repository.record.default_branch) == branch;
    let rulesets = repository.rulesets.values().filter(|ruleset| on(&ruleset.branch)).map(|ruleset| Source {
        demands: ruleset.demands.clone(),
        ruleset: true,
        admins: ruleset.bypass.contains(&Bypass::Admins),
        app: ruleset.bypass.contains(&Bypass::App),
    });
    classic.into_iter().chain(rulesets).collect()
}

/// Is there a merge queue on a branch?
pub fn has_queue(repository: &Repository, branch: &str) -> bool {
    sources(repository, branch).iter().any(|source| source.demands.queue)
}

/// What a status says.
pub fn says(state: StatusState) -> Rollup {
    match state {
        StatusState::Error => Rollup::Error,
        StatusState::Failure => Rollup::Failure,
        StatusState::Pending => Rollup::Pending,
        StatusState::Success => Rollup::Success,
    }
}

/// What each check and status of a commit says, by name; the newest counts.
pub fn checks(repository: &Repository, sha: &str) -> BTreeMap<String, Rollup> {
    let mut found = BTreeMap::new();
    for status in repository.statuses.get(sha).into_iter().flatten() {
        found.insert(status.context.clone(), says(status.state));
    }
    for run in repository.check_runs.values().filter(|run| run.sha == sha) {
        let says = match (run.status, run.conclusion) {
            (CheckStatus::Completed, Some(conclusion)) if conclusion.passes() => Rollup::Success,
            (CheckStatus::Completed, _) => Rollup::Failure,
            _ => Rollup::Pending,
        };
        found.insert(run.name.clone(), says);
    }
    found
}

/// Where a pull request stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Does it merge cleanly? Unknown for one that is closed.
    pub mergeable: Option<bool>,
    /// The merge button.
    pub state: MergeState,
    /// Its reviews, where they are required.
    pub decision: Option<Decision>,
    /// Its checks, where there are any.
    pub rollup: Option<Rollup>,
    /// What each source of demands finds missing.
    pub unmet: Vec<(Source, Vec<Unmet>)>,
}

impl Standing {
    /// Has it all that is demanded, apart from the queue?
    pub fn is_ready(&self) -> bool {
        matches!(self.state, MergeState::Clean | MergeState::Unstable)
    }

    /// The first thing that keeps this account from merging, in GitHub's words.
    pub fn obstacle(&self, state: &State, account: u64) -> Option<String> {
        self.unmet.iter().find_map(|(source, unmet)| {
            let first = unmet.first().filter(|_| !source.passes(state, account))?;
            Some(if source.ruleset {
                format!("Repository rule violations found\n\n{first}\n\n")
            } else {
                first.to_string()
            })
        })
    }
}

/// Looks at a pull request.
pub fn of(world: &World, repository: u64, pull: &Pull) -> Result<Standing, git2::Error> {
    let git = world.git.open(repository)?;
    let ends = refs::tip(&git, &pull.base).zip(full_oid(&pull.head_sha));
    let mergeable = match ends {
        Some((base, head)) if pull.is_open() => Some(merge::is_clean(&git, base, head)?),
        _ => None,
    };
    let behind = match ends {
        Some((base, head)) => base != head && !git.graph_descendant_of(head, base).unwrap_or(false),
        None => false,
    };
    world.read(|state| {
        let Some(found) = state.repositories.get(&repository) else {
            return Err(git2::Error::from_str("the repository is gone"));
        };
        let sources = sources(found, &pull.base);
        let owners = if sources.iter().any(|source| source.demands.code_owners) {
            codeowners::of(state, &git, pull)?
        } else {
            Vec::new()
        };
        let checks = checks(found, &pull.head_sha);
        let reviews = latest(found, pull);
        let unmet: Vec<(Source, Vec<Unmet>)> = sources
            .into_iter()
            .map(|source| {
                let missing = missing(state, &source.demands, &checks, &reviews, &owners, (pull, behind));
                (source, missing)
            })
            .collect();
        let required = unmet.iter().any(|(source, _)| source.demands.approvals > 0);
        let every = || unmet.iter().flat_map(|(_, unmet)| unmet);
        let decision = required.then(|| {
            if every().any(|unmet| *unmet == Unmet::ChangesRequested) {
                Decision::ChangesRequested
            } else if every().any(|unmet| matches!(unmet, Unmet::Approvals(_) | Unmet::CodeOwner)) {
                Decision::ReviewRequired
            } else {
                Decision::Approved
            }
        });
        let rollup = checks.values().max().copied();
        let lacks = |what: fn(&Unmet) -> bool| every().any(what);
        let state = match mergeable {
            None => MergeState::Unknown,
            Some(false) => MergeState::Dirty,
            Some(true) if pull.draft => MergeState::Draft,
            Some(true) if lacks(|unmet| !matches!(unmet, Unmet::Behind | Unmet::Queue)) => {
                MergeState::Blocked
            }
            Some(true) if lacks(|unmet| *unmet == Unmet::Behind) => MergeState::Behind,
            Some(true) if rollup.is_some_and(|rollup| rollup != Rollup::Success) => MergeState::Unstable,
            Some(true) => MergeState::Clean,
        };
        Ok(Standing { mergeable, state, decision, rollup, unmet })
    })
}

/// The last word of each reviewer; mere comments are none.
fn latest<'a>(repository: &'a Repository, pull: &Pull) -> BTreeMap<u64, &'a Review> {
    let mut found = BTreeMap::new();
    for review in repository.reviews.values().filter(|review| review.pull == pull.number) {
        if review.state != ReviewState::Commented {
            found.insert(review.author, review);
        }
    }
    found
}

fn missing(
    state: &State,
    demands: &Demands,
    checks: &BTreeMap<String, Rollup>,
    reviews: &BTreeMap<u64, &Review>,
    owners: &[codeowners::Owner],
    (pull, behind): (&Pull, bool),
) -> Vec<Unmet> {
    let mut found = Vec::new();
    let counts = |review: &Review| !demands.dismiss_stale || review.commit == pull.head_sha;
    let approving: Vec<u64> = reviews
        .values()
        .filter(|review| review.state == ReviewState::Approved && counts(review))
        .map(|review| review.author)
        .collect();
    if demands.approvals > 0 {
        if reviews.values().any(|review| review.state == ReviewState::ChangesRequested) {
            found.push(Unmet::ChangesRequested);
        }
        let lacking = demands.approvals.saturating_sub(approving.len());
        if lacking > 0 {
            found.push(Unmet::Approvals(demands.approvals));
        }
    }
    if demands.code_owners && !owners.is_empty() {
        let owns = |account: &u64| owners.iter().any(|owner| owner.includes(state, *account));
        if !approving.iter().any(owns) {
            found.push(Unmet::CodeOwner);
        }
    }
    for name in &demands.checks {
        match checks.get(name).copied() {
            Some(Rollup::Success) => {}
            other => found.push(Unmet::Check(name.clone(), other)),
        }
    }
    if demands.strict && behind {
        found.push(Unmet::Behind);
    }
    if demands.queue {
        found.push(Unmet::Queue);
    }
    found
}
