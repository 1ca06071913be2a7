//! What a newer version of a spec closes of earlier ones: changesets whose target it leaves out, or whose steps change
//! nothing there any more.
//!
//! Nothing is closed for want of an answer: a target that failed or could not be read, and a repository that cannot be
//! seen, say nothing. Deliberately absent: reading, and closing (`changeset::asked`), which looks for a human's hand once
//! more.

use crate::{
    changeset::{Changeset, ChangesetState},
    execution::target::TargetState,
    id::Digest,
    selection::{Answer, takes_branch},
    spec::Spec,
};
use serde::{Deserialize, Serialize};

/// An open changeset of an earlier version, and the targets that the run had in its repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The changeset.
    pub changeset: Changeset,
    /// The targets.
    pub here: Vec<Here>,
}

/// A target in a changeset's repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    /// Its base branch.
    pub branch: String,
    /// Where it stands.
    pub state: TargetState,
    /// Whether GitHub did not show the repository, which is known by its name alone then.
    pub missing: bool,
}

/// What becomes of a changeset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The version wants it.
    Wanted,
    /// It is closed, for this reason.
    Close(String),
    /// It stays, for this reason.
    Leave(String),
    /// It was no target: whether the version leaves it out is told by [`dropped`].
    Look,
}

/// Beyond this many at once, and ...
const FEW: usize = 5;
/// ... this share of all in per cent, somebody has to agree.
const SHARE: u64 = 20;

/// What becomes of a changeset by the run's targets. `version` is the spec's digest.
pub fn judge(spec: &Spec, version: &Digest, candidate: &Candidate) -> Verdict {
    let Candidate { changeset, here } = candidate;
    let of_branch = here.iter().find(|target| target.branch == changeset.base_branch);
    let head_of = |branch: &str| spec.head_branch(&changeset.repository, branch);
    let same_head = |target: &Here| head_of(&target.branch).as_ref() == Some(&changeset.head_branch);
    let verdict = match of_branch {
        _ if here.iter().any(|target| target.missing) => leave("GitHub did not show the repository"),
        Some(target) => match target.state {
            TargetState::Changed if same_head(target) => return Verdict::Wanted,
            TargetState::Changed => {
                let other = head_of(&target.branch).unwrap_or_default();
                Verdict::Close(format!("{} goes by the branch `{other}`", named(version)))
            }
            TargetState::Unchanged => {
                Verdict::Close(format!("{} changes nothing here any more", named(version)))
            }
            TargetState::Failed => leave("its target failed"),
            TargetState::Skipped => Verdict::Look,
            TargetState::Cancelled | TargetState::Selected | TargetState::Queued | TargetState::Executing => {
                leave("its target did not come to an end")
            }
        },
        None if here.iter().any(|target| target.state == TargetState::Changed && same_head(target)) => {
            leave("its branch is wanted for another base branch")
        }
        None => Verdict::Look,
    };
    unless_taken_over(changeset, verdict)
}

/// What becomes of a changeset that was no target, by what GitHub shows of the repository now.
pub fn dropped(spec: &Spec, version: &Digest, changeset: &Changeset, answer: &Answer) -> Verdict {
    let found = match answer {
        Answer::Repositories(found) => found.first(),
        Answer::NotFound => None,
    };
    let verdict = match found {
        None => leave("the repository cannot be seen"),
        Some(found) if found.id != changeset.repository_id => leave("another repository has its name now"),
        Some(found) if takes_branch(spec, found, &changeset.base_branch) => {
            leave("the spec takes the repository, and something else kept it out of the run")
        }
        Some(found) if found.archived => leave("the repository is archived"),
        Some(_) => Verdict::Close(format!("{} leaves it out", named(version))),
    };
    unless_taken_over(changeset, verdict)
}

/// Why so many are not closed without somebody's word; none where they are. `all` is how many open changesets the
/// campaign has, `targets` how many the run had.
pub fn held(closing: usize, all: u64, targets: u32, agreed: bool) -> Option<String> {
    let many = closing > FEW && (closing as u64).saturating_mul(100) > all.saturating_mul(SHARE);
    if closing == 0 || agreed || !(many || targets == 0) {
        return None;
    }
    Some(match targets {
        0 => "the version has no targets at all: run it with `--prune` if that is meant".to_owned(),
        _ => format!("that is more than {SHARE} % of {all} at once: run it with `--prune` if that is meant"),
    })
}

fn named(version: &Digest) -> String {
    let short: String = version.0.chars().take(12).collect();
    format!("version `{short}` of the spec")
}

fn leave(why: &str) -> Verdict {
    Verdict::Leave(why.to_owned())
}

fn unless_taken_over(changeset: &Changeset, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Close(_) | Verdict::Look if changeset.standing() == ChangesetState::HandedOver => {
            leave("a human has taken it over")
        }
        verdict => verdict,
    }
}
