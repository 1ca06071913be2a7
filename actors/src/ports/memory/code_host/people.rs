//! What people do in the in-memory code host: merge, close, edit, convert, push, rename, archive, delete.
//!
//! Deliberately absent: rights; whoever calls these may do it.

use super::{MemoryCodeHost, world::Repository};
use crate::ports::RepositoryRef;
use campaigns_domain::{
    id::{CommitSha, RepositoryName},
    publish::{BranchHead, MergeRules, PullRequest, PullRequestState, Seen},
};

impl MemoryCodeHost {
    /// Merges a pull request as a maintainer would.
    pub fn merge(&self, repository: &RepositoryRef, number: u64) {
        let mut world = self.lock();
        world.clock += 1;
        let at = world.clock;
        if let Some(found) = world.repositories.get_mut(&repository.id) {
            merge(found, number, at);
        }
    }

    /// Changes how pull requests of a repository may be merged.
    pub fn rule(&self, repository: &RepositoryRef, change: impl FnOnce(&mut MergeRules)) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id) {
            change(&mut found.merging);
        }
    }

    /// Closes a pull request as a maintainer would.
    pub fn close(&self, repository: &RepositoryRef, number: u64) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id) {
            close(found, number, PullRequestState::Closed);
        }
    }

    /// Renames a repository; its old name leads to it still.
    pub fn rename(&self, repository: &RepositoryRef, to: &RepositoryName) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id) {
            let old = std::mem::replace(&mut found.name, to.clone());
            found.former.push(old);
        }
    }

    /// Gives a repository a topic.
    pub fn add_topic(&self, repository: &RepositoryRef, topic: &str) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id) {
            found.topics.push(topic.to_owned());
        }
    }

    /// Makes a repository read-only.
    pub fn archive(&self, repository: &RepositoryRef) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id) {
            found.archived = true;
        }
    }

    /// Deletes a repository.
    pub fn delete(&self, repository: &RepositoryRef) {
        self.lock().repositories.remove(&repository.id);
    }

    /// Changes a pull request, and what is said of it, as somebody there would.
    pub fn change(
        &self,
        repository: &RepositoryRef,
        number: u64,
        change: impl FnOnce(&mut PullRequest, &mut Seen),
    ) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id) {
            let all = found.pulls.iter_mut().zip(&mut found.said);
            if let Some((pull, said)) = all.into_iter().find(|(pull, _)| pull.reference.number == number) {
                change(pull, said);
            }
        }
    }

    /// From now on reads of more than so many pull requests at once get no answer.
    pub fn answer_at_most(&self, pull_requests: usize) {
        self.lock().most_read = Some(pull_requests);
    }

    /// Deletes a branch.
    pub fn delete_branch(&self, repository: &RepositoryRef, branch: &str) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id) {
            found.remove_branch(branch);
        }
    }

    /// Gives a pull request other words.
    pub fn edit(&self, repository: &RepositoryRef, number: u64, title: &str, body: &str) {
        self.with_pull(repository, number, |found, at| found.write_words(at, title, body));
    }

    /// Makes a pull request a draft, or ready for review.
    pub fn set_draft(&self, repository: &RepositoryRef, number: u64, draft: bool) {
        self.with_pull(repository, number, |found, at| found.pulls[at].draft = draft);
    }

    /// Presses "Update branch": the base is merged into the pull request's branch.
    pub fn update_branch(&self, repository: &RepositoryRef, number: u64) -> Option<CommitSha> {
        let mut world = self.lock();
        world.clock += 1;
        let at = world.clock;
        let found = world.repositories.get_mut(&repository.id)?;
        let place = found.pull_at(number).ok()?;
        let (branch, base) = (found.words[place].0.clone(), found.pulls[place].base_branch.clone());
        let (head, base) = (found.head(&branch)?, found.head(&base)?);
        let changed = found.compare(&base.commit.0, &head.commit.0).ok()?.files;
        let ours = found.trees.get(&head.tree)?.clone();
        let mut tree = found.trees.get(&base.tree)?.clone();
        for path in changed.keys() {
            match ours.get(path) {
                Some(file) => tree.insert(path.clone(), *file),
                None => tree.remove(path),
            };
        }
        let tree = found.add_tree(tree);
        let merge = found.store_commit(&tree, vec![head.commit, base.commit], "Merge the base", at);
        found.set_branch(&branch, &merge);
        Some(merge)
    }

    /// Says who made a commit, by a verified signature.
    pub fn sign(&self, repository: &RepositoryRef, commit: &CommitSha, login: &str) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id)
            && let Some(commit) = found.commits.get_mut(commit)
        {
            commit.by = Some(login.to_owned());
        }
    }

    /// Throws away what is on a branch and puts one commit on the default branch's head in its place.
    pub fn force_push(&self, repository: &RepositoryRef, branch: &str, message: &str) -> Option<CommitSha> {
        let mut world = self.lock();
        world.clock += 1;
        let at = world.clock;
        let found = world.repositories.get_mut(&repository.id)?;
        let base = found.head(&found.default_branch)?;
        let commit = found.store_commit(&base.tree, vec![base.commit], message, at);
        found.set_branch(branch, &commit);
        Some(commit)
    }

    /// A branch's head, for people who look.
    pub fn head_of(&self, repository: &RepositoryRef, branch: &str) -> Option<BranchHead> {
        self.lock().repositories.get(&repository.id)?.head(branch)
    }

    /// The text of a file at a branch's head, for people who look.
    pub fn file(&self, repository: &RepositoryRef, head: &BranchHead, path: &str) -> Option<String> {
        let world = self.lock();
        let found = world.repositories.get(&repository.id)?;
        let (_, blob) = found.trees.get(&head.tree)?.get(path)?;
        String::from_utf8(found.blobs.get(blob)?.to_vec()).ok()
    }

    /// The comments of a pull request, oldest first.
    pub fn comments_of(&self, repository: &RepositoryRef, number: u64) -> Vec<String> {
        let mut comments = vec![];
        self.with_pull(repository, number, |found, at| comments.clone_from(&found.comments[at]));
        comments
    }

    /// The branches of a repository.
    pub fn branches(&self, repository: &RepositoryRef) -> Vec<String> {
        let world = self.lock();
        world
            .repositories
            .get(&repository.id)
            .map(|found| found.branches.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn with_pull(&self, repository: &RepositoryRef, number: u64, act: impl FnOnce(&mut Repository, usize)) {
        let mut world = self.lock();
        if let Some(found) = world.repositories.get_mut(&repository.id)
            && let Ok(at) = found.pull_at(number)
        {
            act(found, at);
        }
    }
}

/// Merges the branch of a pull request into its base; nothing where either is gone.
pub(super) fn merge(found: &mut Repository, number: u64, at: u64) {
    let Some(pull) = found.pulls.iter().find(|pull| pull.reference.number == number).cloned() else {
        return;
    };
    let (Some(base), Some(head)) = (found.head(&pull.base_branch), found.commits.get(&pull.head)) else {
        return;
    };
    let mut tree = found.trees.get(&base.tree).cloned().unwrap_or_default();
    tree.extend(found.trees.get(&head.tree).cloned().unwrap_or_default());
    let tree = found.add_tree(tree);
    let merge = found.store_commit(&tree, vec![base.commit, pull.head], "Merge", at);
    found.set_branch(&pull.base_branch, &merge);
    close(found, number, PullRequestState::Merged);
}

fn close(found: &mut Repository, number: u64, state: PullRequestState) {
    let open =
        |pull: &&mut PullRequest| pull.reference.number == number && pull.state == PullRequestState::Open;
    if let Some(pull) = found.pulls.iter_mut().find(open) {
        pull.state = state;
    }
}
