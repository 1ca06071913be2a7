//! The world behind the in-memory code host: repositories with git's own objects, branches and pull requests.
//!
//! Object ids are git's, so what is built on them here holds on a real server. Deliberately absent: rights, and
//! everything else that no port asks for.

use super::rerunning::Workflow;
use crate::ports::{CodeHostError, CommitDraft, NewPullRequest, git_objects};
use bytes::Bytes;
use campaigns_domain::{
    changeset::{PullRequestRef, Worn},
    execution::FileMode,
    id::{CommitSha, RepositoryId, RepositoryName},
    publish::{
        Bound, BranchHead, MergeMethod, MergeRules, MergeState, Mergeability, PullRequest, PullRequestState,
        Reading, Seen,
        commit::{EntryContent, TreeEntry},
    },
    selection,
};
use std::collections::{BTreeMap, HashMap};

/// A tree: every file's mode and blob id, by path.
pub(super) type Tree = BTreeMap<String, (FileMode, [u8; 20])>;

#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub(super) tree: String,
    pub(super) parents: Vec<CommitSha>,
    pub(super) message: String,
    /// Who made it, by a verified signature, where that was said.
    pub(super) by: Option<String>,
}

/// A repository.
#[derive(Debug)]
pub(super) struct Repository {
    pub(super) id: RepositoryId,
    pub(super) name: RepositoryName,
    pub(super) former: Vec<RepositoryName>,
    pub(super) default_branch: String,
    pub(super) archived: bool,
    pub(super) topics: Vec<String>,
    /// Whether Campaigns may not see it.
    pub(super) closed: bool,
    pub(super) branches: BTreeMap<String, CommitSha>,
    pub(super) commits: HashMap<CommitSha, Commit>,
    pub(super) trees: HashMap<String, Tree>,
    pub(super) blobs: HashMap<[u8; 20], Bytes>,
    pub(super) pulls: Vec<PullRequest>,
    /// The pull requests' head branches and texts, in the same order.
    pub(super) words: Vec<(String, String)>,
    /// The pull requests' comments, in the same order.
    pub(super) comments: Vec<Vec<String>>,
    /// What checks, reviewers and the merge button say of them, in the same order.
    pub(super) said: Vec<Seen>,
    /// What they wear, in the same order.
    pub(super) worn: Vec<Worn>,
    /// How pull requests may be merged.
    pub(super) merging: MergeRules,
    /// Workflow runs, oldest first.
    pub(super) workflows: Vec<Workflow>,
}

impl Repository {
    pub(super) fn new(id: RepositoryId, name: RepositoryName) -> Self {
        let mut trees = HashMap::new();
        trees.insert(git_objects::tree_id([]), Tree::new());
        Self {
            id,
            name,
            former: Vec::new(),
            default_branch: "main".to_owned(),
            archived: false,
            topics: vec![],
            closed: false,
            branches: BTreeMap::new(),
            commits: HashMap::new(),
            trees,
            blobs: HashMap::new(),
            pulls: Vec::new(),
            words: Vec::new(),
            comments: Vec::new(),
            said: Vec::new(),
            worn: Vec::new(),
            workflows: Vec::new(),
            merging: MergeRules {
                auto_merge: false,
                methods: MergeMethod::ALL.to_vec(),
                queue: false,
                bound: Bound::Certainly,
            },
        }
    }

    pub(super) fn shown(&self) -> selection::Repository {
        selection::Repository {
            id: self.id,
            name: self.name.clone(),
            default_branch: self.default_branch.clone(),
            archived: self.archived,
            disabled: false,
            fork: false,
            empty: self.commits.is_empty(),
            can_push: Some(!self.archived),
        }
    }

    /// A branch's head.
    pub(super) fn head(&self, branch: &str) -> Option<BranchHead> {
        let sha = self.branches.get(branch)?;
        let commit = self.commits.get(sha)?;
        Some(BranchHead {
            commit: sha.clone(),
            tree: commit.tree.clone(),
            parents: commit.parents.clone(),
            message: commit.message.clone(),
        })
    }

    pub(super) fn add_blob(&mut self, content: Bytes) -> [u8; 20] {
        let id = git_objects::blob_id(&content);
        self.blobs.insert(id, content);
        id
    }

    pub(super) fn add_tree(&mut self, tree: Tree) -> String {
        let id =
            git_objects::tree_id(tree.iter().map(|(path, (mode, id))| (path.as_bytes(), mode.as_str(), *id)));
        self.trees.insert(id.clone(), tree);
        id
    }

    /// A tree on top of another, named by a tree's or a commit's id.
    pub(super) fn build_tree(&mut self, base: &str, entries: &[TreeEntry]) -> Result<String, CodeHostError> {
        let root = self.commits.get(&CommitSha(base.to_owned())).map_or(base, |commit| commit.tree.as_str());
        let mut tree = self
            .trees
            .get(root)
            .ok_or_else(|| CodeHostError::NotFound(format!("the tree {base} of {}", self.name)))?
            .clone();
        for entry in entries {
            let path = entry.path.as_str();
            let (mode, id) = match &entry.content {
                EntryContent::Delete => {
                    if tree.remove(path).is_none() {
                        return Err(refused(format!("{path} is to be deleted and does not exist")));
                    }
                    continue;
                }
                EntryContent::Inline { mode, text } => (*mode, self.add_blob(Bytes::from(text.clone()))),
                EntryContent::Blob { mode, sha } => {
                    let mut id = [0; 20];
                    if hex::decode_to_slice(sha, &mut id).is_err() || !self.blobs.contains_key(&id) {
                        return Err(refused(format!("the blob {sha} does not exist")));
                    }
                    (*mode, id)
                }
            };
            // A file takes the place of a folder, and a folder that of a file.
            tree.retain(|other, _| !is_under(other, path) && !is_under(path, other));
            tree.insert(path.to_owned(), (mode, id));
        }
        Ok(self.add_tree(tree))
    }

    /// A commit; its id is over everything in it and over `at`, a time that grows.
    pub(super) fn add_commit(&mut self, draft: &CommitDraft, at: u64) -> Result<CommitSha, CodeHostError> {
        if !self.trees.contains_key(&draft.tree) {
            return Err(refused(format!("the tree {} does not exist", draft.tree)));
        }
        if let Some(missing) = draft.parents.iter().find(|parent| !self.commits.contains_key(parent)) {
            return Err(refused(format!("the parent {missing} does not exist")));
        }
        Ok(self.store_commit(&draft.tree, draft.parents.clone(), &draft.message, at))
    }

    pub(super) fn store_commit(
        &mut self,
        tree: &str,
        parents: Vec<CommitSha>,
        message: &str,
        at: u64,
    ) -> CommitSha {
        let mut text = format!("tree {tree}\n");
        for parent in &parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        text.push_str(&format!(
            "author A <a@example.org> {at} +0000\ncommitter A <a@example.org> {at} +0000\n\n"
        ));
        text.push_str(message);
        let sha = CommitSha(git_objects::object_id("commit", text.as_bytes()));
        self.commits.insert(
            sha.clone(),
            Commit { tree: tree.to_owned(), parents, message: message.to_owned(), by: None },
        );
        sha
    }

    /// Whether `older` is `newer` or one of those before it.
    pub(super) fn contains(&self, newer: &CommitSha, older: &CommitSha) -> bool {
        let mut open = vec![newer];
        let mut seen = std::collections::HashSet::new();
        while let Some(sha) = open.pop() {
            if sha == older {
                return true;
            }
            if seen.insert(sha) {
                open.extend(self.commits.get(sha).into_iter().flat_map(|commit| &commit.parents));
            }
        }
        false
    }

    /// Moves a branch, and with it the head of its open pull requests.
    pub(super) fn set_branch(&mut self, branch: &str, commit: &CommitSha) {
        self.branches.insert(branch.to_owned(), commit.clone());
        for (pull, (head, _)) in self.pulls.iter_mut().zip(&self.words) {
            if head == branch && pull.state == PullRequestState::Open {
                pull.head = commit.clone();
            }
        }
    }

    /// Takes a branch away; as at GitHub, that closes the pull requests from it.
    pub(super) fn remove_branch(&mut self, branch: &str) -> bool {
        for (pull, (head, _)) in self.pulls.iter_mut().zip(&self.words) {
            if head == branch && pull.state == PullRequestState::Open {
                pull.state = PullRequestState::Closed;
            }
        }
        self.branches.remove(branch).is_some()
    }

    pub(super) fn write_words(&mut self, at: usize, title: &str, body: &str) {
        self.pulls[at].title = title.to_owned();
        self.pulls[at].body = Some(body.to_owned());
        body.clone_into(&mut self.words[at].1);
    }

    /// Where a pull request is kept.
    pub(super) fn pull_at(&self, number: u64) -> Result<usize, CodeHostError> {
        let missing = || CodeHostError::NotFound(format!("the pull request {}#{number}", self.name));
        self.pulls.iter().position(|pull| pull.reference.number == number).ok_or_else(missing)
    }

    pub(super) fn set_open(&mut self, number: u64, open: bool) -> Result<PullRequest, CodeHostError> {
        let at = self.pull_at(number)?;
        let branch = &self.words[at].0;
        match (self.pulls[at].state, open) {
            (PullRequestState::Merged, _) => {
                return Err(refused(format!("the pull request {number} is merged")));
            }
            (PullRequestState::Closed, true) if self.branches.get(branch) != Some(&self.pulls[at].head) => {
                return Err(refused(format!("the branch `{branch}` was deleted or moved by force")));
            }
            (_, true) => self.pulls[at].state = PullRequestState::Open,
            (_, false) => self.pulls[at].state = PullRequestState::Closed,
        }
        Ok(self.pulls[at].clone())
    }

    /// The pull request with this node id as a whole read shows it.
    pub(super) fn reading(&self, node: &str) -> Option<Reading> {
        let at = self.pulls.iter().position(|pull| pull.reference.node_id == node)?;
        let (pull, said) = (&self.pulls[at], &self.said[at]);
        Some(Reading {
            pull_request: pull.clone(),
            repository: self.name.clone(),
            archived: self.archived,
            checks: said.checks,
            review: said.review,
            mergeability: said.mergeability,
            merge_state: said.merge_state,
            auto_merge: said.auto_merge,
            queue: said.queue,
            labels: self.labels(at),
            requested: self.requested(at),
            queue_position: said.queue_position,
            base_head: self.branches.get(&pull.base_branch).cloned(),
        })
    }

    pub(super) fn open_pull(&mut self, new: &NewPullRequest) -> Result<PullRequest, CodeHostError> {
        let missing =
            |branch: &str| refused(format!("the branch `{branch}` of {} does not exist", self.name));
        let head = self.branches.get(&new.head).ok_or_else(|| missing(&new.head))?.clone();
        let base = self.branches.get(&new.base).ok_or_else(|| missing(&new.base))?.clone();
        let open = self.pulls.iter().zip(&self.words).any(|(pull, (from, _))| {
            pull.state == PullRequestState::Open && pull.base_branch == new.base && *from == new.head
        });
        if open {
            return Err(CodeHostError::Conflict(format!(
                "A pull request already exists for {}:{}.",
                self.name.owner(),
                new.head
            )));
        }
        if self.contains(&base, &head) {
            return Err(refused(format!("No commits between {} and {}", new.base, new.head)));
        }
        let number = self.pulls.len() as u64 + 1;
        let pull = PullRequest {
            reference: PullRequestRef {
                number,
                node_id: format!("PR_{}_{number}", self.id.0),
                url: format!("https://github.example/{}/pull/{number}", self.name),
            },
            state: PullRequestState::Open,
            draft: new.draft,
            head,
            base_branch: new.base.clone(),
            title: new.title.clone(),
            body: Some(new.body.clone()),
        };
        self.pulls.push(pull.clone());
        self.comments.push(vec![]);
        self.worn.push(Worn::default());
        self.words.push((new.head.clone(), new.body.clone()));
        let merge_state = if new.draft { MergeState::Draft } else { MergeState::Clean };
        self.said.push(Seen { mergeability: Mergeability::Mergeable, merge_state, ..Seen::default() });
        Ok(pull)
    }
}

fn is_under(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

pub(super) fn refused(words: String) -> CodeHostError {
    CodeHostError::Refused(words)
}
