//! What is done to have a pull request merged by GitHub's own rules: auto-merge, the merge queue, or a direct merge
//! pinned to its head; or why not.
//!
//! The rules of a branch are never passed. Auto-merge and the queue hold everybody to them. A direct merge uses whatever
//! right to pass them the caller has, so it is done only where that is certainly none, no queue is required, and
//! everything is visibly green. What could not be read is no certainty. Deliberately absent: reading and doing.

use super::{Checks, MergeMethod, MergeState, Mergeability, Reading, Review};
use crate::changeset::{Changeset, Stands};

/// How the repository lets pull requests be merged, and what is known of the rules of the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRules {
    /// Whether GitHub may merge by itself there.
    pub auto_merge: bool,
    /// The ways that repository and branch allow.
    pub methods: Vec<MergeMethod>,
    /// Whether the branch demands the merge queue.
    pub queue: bool,
    /// Whether the rules hold us.
    pub bound: Bound,
}

/// Whether the rules of a branch hold us like everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// They certainly do: everything was read, and we are on no bypass list.
    Certainly,
    /// We might pass them, by what is named here.
    MayPass(String),
    /// It could not be read, for this reason.
    Unread(String),
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeStep {
    /// Nothing: this is how far it is.
    Stands(Stands),
    /// Auto-merge is turned on.
    AutoMerge(MergeMethod),
    /// It is put into the merge queue, at its end.
    Enqueue,
    /// It is merged, if its head is still ours.
    Direct(MergeMethod),
    /// GitHub works something out: it is observed again.
    LookAgain(&'static str),
}

fn waits(reason: impl Into<String>) -> MergeStep {
    MergeStep::Stands(Stands::Waits { reason: reason.into() })
}

fn stopped(reason: impl Into<String>) -> MergeStep {
    MergeStep::Stands(Stands::stopped(reason))
}

/// Decides about an open pull request whose merge is wanted.
pub fn merge_step(changeset: &Changeset, seen: &Reading, rules: &MergeRules) -> MergeStep {
    let (Some(merge), Some(head)) = (&changeset.errand.merge, changeset.head.as_ref()) else {
        return stopped("nobody wants it merged");
    };
    if seen.pull_request.head != *head {
        return waits("its branch has a commit that is not ours");
    }
    let by_hand = match (&seen.queue, seen.auto_merge, &merge.stands) {
        (Some(_), ..) => return MergeStep::Stands(Stands::Queued { head: head.clone() }),
        (None, Some(method), _) => return MergeStep::Stands(Stands::Arranged { head: head.clone(), method }),
        // It was arranged for the head before, and nothing of it is left: somebody has turned it off.
        (None, None, Stands::Arranged { .. } | Stands::Queued { .. }) => true,
        _ => false,
    };
    if by_hand {
        return MergeStep::Stands(Stands::turned_off());
    }
    if seen.pull_request.draft {
        return waits("it is a draft: `ready` marks it ready for review");
    }
    if seen.archived {
        return stopped("its repository is archived and read-only: unarchive it");
    }
    if seen.mergeability == Mergeability::Conflicting || seen.merge_state == MergeState::Dirty {
        return waits("it is in conflict with its base branch: `rebase` carries it out again");
    }
    let method = match rules.queue {
        // The queue has a way of its own.
        true => merge.method.unwrap_or_default(),
        false => match method(merge.method, rules) {
            Ok(method) => method,
            Err(reason) => return stopped(reason),
        },
    };
    match seen.merge_state {
        MergeState::Unknown => MergeStep::LookAgain("GitHub has not worked out whether it can be merged"),
        MergeState::Draft => waits("it is a draft: `ready` marks it ready for review"),
        MergeState::Dirty => waits("it is in conflict with its base branch: `rebase` carries it out again"),
        MergeState::Blocked | MergeState::Behind if rules.auto_merge => MergeStep::AutoMerge(method),
        MergeState::Blocked | MergeState::Behind => waits(format!(
            "{}, and the repository does not let GitHub merge by itself: allow auto-merge in its settings and ask again, \
             or it is merged once that is there",
            missing(seen)
        )),
        MergeState::Clean | MergeState::HasHooks | MergeState::Unstable if rules.queue => MergeStep::Enqueue,
        // GitHub does not turn auto-merge on where nothing that is required is missing.
        MergeState::Clean | MergeState::HasHooks | MergeState::Unstable => {
            direct(changeset, seen, rules, method)
        }
    }
}

/// What is missing in the way of what is required, as far as it shows.
fn missing(seen: &Reading) -> &'static str {
    match (seen.merge_state, seen.checks, seen.review) {
        (MergeState::Behind, ..) => "it has to be brought up to date with its base branch (`rebase`)",
        (_, Checks::Failed, _) => "a check failed",
        (_, _, Review::ChangesRequested) => "a reviewer asks for changes",
        (_, _, Review::Required) => "a review is required",
        (_, Checks::Pending, _) => "checks are running",
        _ => "the rules of its base branch forbid it as yet",
    }
}

/// A direct merge, or why not.
fn direct(changeset: &Changeset, seen: &Reading, rules: &MergeRules, method: MergeMethod) -> MergeStep {
    let branch = &seen.pull_request.base_branch;
    match &rules.bound {
        Bound::Certainly => {}
        Bound::MayPass(by) => {
            return stopped(format!(
                "GitHub merges by itself only what still lacks something, and a direct merge would use a right to pass \
                 the rules of `{branch}` ({by}): merge it by hand, or take that right away and ask again"
            ));
        }
        Bound::Unread(why) => {
            return stopped(format!(
                "whether the rules of `{branch}` hold us is not certain ({why}), so it is not merged directly: merge it \
                 by hand, or let it be read and ask again"
            ));
        }
    }
    let by_spec = changeset.errand.merge.as_ref().is_some_and(|merge| merge.by.is_empty());
    match (seen.checks, seen.review) {
        (_, Review::ChangesRequested) => waits("a reviewer asks for changes"),
        (_, Review::Required) => waits("a review is required"),
        (Checks::Failed, _) => {
            waits("a check failed that is not required: merge it by hand if that does not matter")
        }
        (Checks::Pending, _) => waits("checks are running"),
        (Checks::None, Review::None) if by_spec => waits(
            "nothing is required on its base branch and no check has reported, so there is nothing that GitHub could wait \
             for: `merge` merges it",
        ),
        _ => MergeStep::Direct(method),
    }
}

/// The way it is merged: as wanted, where that is allowed.
fn method(wanted: Option<MergeMethod>, rules: &MergeRules) -> Result<MergeMethod, String> {
    let order = [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase];
    let allowed: Vec<_> = order.into_iter().filter(|method| rules.methods.contains(method)).collect();
    let names = || allowed.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", ");
    match wanted {
        Some(wanted) if allowed.contains(&wanted) => Ok(wanted),
        Some(wanted) if !allowed.is_empty() => Err(format!(
            "`{}` is not allowed there, only {}: ask again with `--method`",
            wanted.as_str(),
            names()
        )),
        None if !allowed.is_empty() => Ok(allowed[0]),
        _ => {
            Err("the repository allows no way of merging pull requests: allow one in its settings".to_owned())
        }
    }
}
