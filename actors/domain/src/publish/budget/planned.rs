//! The writes that a changeset takes, before any of them is made.
//!
//! Deliberately absent: when they go (`forecast`).

use super::WriteKind;
use crate::{
    execution::Manifest,
    id::{CampaignId, ChangesetId},
    publish::commit::{TreeLimits, TreePlan},
};

/// A changeset that is still to be sent, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Which.
    pub changeset: ChangesetId,
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Its writes, in order.
    pub writes: Vec<WriteKind>,
}

/// The writes of a result that goes onto a branch of ours that is there already (`on_branch`), and into a pull request
/// that is there already (`proposed`), with those for what it wears.
pub fn writes(result: &Manifest, on_branch: bool, proposed: bool, dress: &[WriteKind]) -> Vec<WriteKind> {
    let plan = TreePlan::new(result, TreeLimits::default());
    let mut writes = vec![WriteKind::Blob; plan.blobs.len()];
    writes.extend(plan.trees.iter().map(|_| WriteKind::Tree));
    writes.push(WriteKind::Commit);
    writes.push(if on_branch { WriteKind::BranchUpdate } else { WriteKind::Branch });
    writes.push(if proposed { WriteKind::PullRequestUpdate } else { WriteKind::PullRequest });
    writes.extend_from_slice(dress);
    writes
}

impl Planned {
    /// Whether something is put on the pull request, which is read for it once more.
    pub fn dresses(&self) -> bool {
        let kinds = [WriteKind::Labels, WriteKind::Assignees, WriteKind::Reviewers];
        self.writes.iter().any(|write| kinds.contains(write))
    }

    /// Whether a pull request is opened.
    pub fn opens(&self) -> bool {
        self.writes.contains(&WriteKind::PullRequest)
    }
}
