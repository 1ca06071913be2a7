//! Comparing two commits of the in-memory code host, as GitHub does it: from their common ancestor to the second.
//!
//! Deliberately absent: renames, which show as one file gone and one new.

use super::world::{Commit, Repository, Tree};
use crate::ports::CodeHostError;
use campaigns_domain::{
    id::CommitSha,
    publish::{ComparedCommit, Comparison},
};
use std::collections::BTreeMap;

impl Repository {
    pub(super) fn compare(&self, base: &str, head: &str) -> Result<Comparison, CodeHostError> {
        let (base, head) = (self.named(base)?, self.named(head)?);
        let (before, after) = (self.history(&base), self.history(&head));
        let only = |of: &[CommitSha], without: &[CommitSha]| -> Vec<CommitSha> {
            of.iter().filter(|commit| !without.contains(commit)).cloned().collect()
        };
        let (ahead, behind) = (only(&after, &before), only(&before, &after));
        let common = after.iter().rev().find(|commit| before.contains(commit));
        let common = common.ok_or_else(|| CodeHostError::NotFound("a common ancestor".to_owned()))?;
        let (old, new) = (self.files(common), self.files(&head));
        let commits: Vec<ComparedCommit> = ahead.iter().filter_map(|commit| self.compared(commit)).collect();
        Ok(Comparison {
            ahead: ahead.len() as u64,
            behind: behind.len() as u64,
            common: common.clone(),
            commits,
            files: differences(old, new),
            all_commits: true,
            all_files: true,
        })
    }

    fn named(&self, name: &str) -> Result<CommitSha, CodeHostError> {
        let commit = CommitSha(name.to_owned());
        let known = self.commits.contains_key(&commit).then_some(commit);
        let missing = || CodeHostError::NotFound(format!("the commit or branch {name} of {}", self.name));
        known.or_else(|| self.branches.get(name).cloned()).ok_or_else(missing)
    }

    /// A commit and all before it, parents first.
    fn history(&self, of: &CommitSha) -> Vec<CommitSha> {
        let (mut order, mut open) = (Vec::new(), vec![(of.clone(), false)]);
        while let Some((sha, ready)) = open.pop() {
            if order.contains(&sha) {
                continue;
            }
            if ready {
                order.push(sha);
                continue;
            }
            let parents = self.commits.get(&sha).map(|commit| commit.parents.clone()).unwrap_or_default();
            open.push((sha, true));
            open.extend(parents.into_iter().map(|parent| (parent, false)));
        }
        order
    }

    fn files(&self, of: &CommitSha) -> Option<&Tree> {
        self.trees.get(&self.commits.get(of)?.tree)
    }

    fn compared(&self, sha: &CommitSha) -> Option<ComparedCommit> {
        let Commit { parents, by, .. } = self.commits.get(sha)?;
        Some(ComparedCommit {
            commit: sha.clone(),
            parents: parents.clone(),
            author: by.clone(),
            committer: by.clone(),
            verified: by.is_some(),
        })
    }
}

fn differences(old: Option<&Tree>, new: Option<&Tree>) -> BTreeMap<String, (String, String)> {
    let empty = Tree::new();
    let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
    let mut files = BTreeMap::new();
    for (path, file) in new {
        let status = match old.get(path) {
            Some(before) if before == file => continue,
            Some(_) => "modified",
            None => "added",
        };
        files.insert(path.clone(), (status.to_owned(), hex::encode(file.1)));
    }
    for (path, file) in old.iter().filter(|(path, _)| !new.contains_key(*path)) {
        files.insert(path.clone(), ("removed".to_owned(), hex::encode(file.1)));
    }
    files
}
