//! Whether a base branch that has moved calls for carrying an open pull request out again.
//!
//! Nothing is done for a base that only moved on elsewhere: that would cost an execution, a commit and a run of all
//! checks each time. Deliberately absent: reading and comparing, and the run that does it.

use crate::{
    changeset::{CONFLICT, Changeset, Mergeability},
    id::CommitSha,
    publish::{Comparison, PullRequestState, Reading},
    spec::Rebase,
};
use chrono::{DateTime, Utc};

/// What a complete read says about the base of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// Nothing can be concluded from it: what was said stays.
    Untold,
    /// Nothing is to be done; this is to be said of it, if anything.
    Rests(Option<String>),
    /// It is to be carried out again on this head of the base branch.
    Calls {
        /// The head.
        now: CommitSha,
        /// What the base has done, for people.
        why: String,
    },
    /// The same, where the base has changed files of ours between these two.
    IfTouched {
        /// The base that our head holds.
        held: CommitSha,
        /// The head of the base branch.
        now: CommitSha,
        /// Whether GitHub has worked out that nothing conflicts; otherwise it may say so a moment later.
        clean: bool,
    },
    /// GitHub has not worked out whether it conflicts, which is all that matters. It does once it has been asked.
    NotWorkedOut(CommitSha),
}

/// What is said of a base that moved where people want to answer that by themselves.
const LEFT: &str = "the base branch has moved since; `rebase` carries it out again on the base as it is now";

/// What a complete read says about the base, under the spec's `policy.rebase`.
///
/// The read must have begun after the changeset came to be as it is given here. Nothing is concluded where a human's
/// hand or an errand of ours is on it, while it is carried out again, and while it is in the merge queue, which a new
/// commit would take it out of. For one head of the base it is done once: what conflicts all the same is left to people.
pub fn moved(changeset: &Changeset, fresh: &Reading, policy: Rebase) -> Moved {
    let pull = &fresh.pull_request;
    let ours = changeset.head.as_ref() == Some(&pull.head) && changeset.base_branch == pull.base_branch;
    let open = pull.state == PullRequestState::Open && changeset.state.is_open();
    let Some(now) = fresh.base_head.as_ref().filter(|_| open && ours) else { return Moved::Untold };
    if changeset.errand.redo.is_some() || fresh.queue.is_some() {
        return Moved::Untold;
    }
    let held = changeset.shown.base.as_ref().unwrap_or(&changeset.wanted.base);
    let redone = changeset.seen.as_ref().and_then(|seen| seen.redone.as_ref());
    if held == now || redone.is_some_and(|redone| redone.on == *now) {
        return Moved::Rests(None);
    }
    match (policy, fresh.mergeability) {
        // Its reason says it already.
        (Rebase::Never, Mergeability::Conflicting) => Moved::Rests(None),
        (Rebase::Never, _) => Moved::Rests(Some(LEFT.to_owned())),
        (_, Mergeability::Conflicting) => Moved::Calls { now: now.clone(), why: CONFLICT.to_owned() },
        (Rebase::OnConflict, Mergeability::Mergeable) => Moved::Rests(None),
        (Rebase::OnConflict, Mergeability::Unknown) => Moved::NotWorkedOut(now.clone()),
        (Rebase::OnTouched, worked_out) => Moved::IfTouched {
            held: held.clone(),
            now: now.clone(),
            clean: worked_out == Mergeability::Mergeable,
        },
    }
}

/// What the base has done to these files of ours between the two commits of a comparison, for people; none where it has
/// left them alone. Of a listing that GitHub cut off, only what it names is known.
pub fn touched<'a>(base: &Comparison, ours: impl Iterator<Item = &'a str>) -> Option<String> {
    if base.behind > 0 {
        return Some("the base branch was rewritten".to_owned());
    }
    let mut both = ours.filter(|path| base.files.contains_key(*path));
    let first = both.next()?;
    let more = match both.count() {
        0 => String::new(),
        more => format!(" and {more} more of its files"),
    };
    Some(format!("the base branch has changed `{first}`{more}"))
}

/// The soonest that a changeset is carried out again by itself, where that has not come.
pub fn not_before(changeset: &Changeset, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let redone = changeset.seen.as_ref()?.redone.as_ref()?;
    Some(redone.not_before()).filter(|then| *then > now)
}
