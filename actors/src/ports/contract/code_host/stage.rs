//! What the suite needs arranged: a world of repositories, people who act in it, and answers that get lost.
//!
//! Deliberately absent: any check.

use crate::ports::{CodeHost, Permit, RepositoryRef, memory::SeedFile};
use async_trait::async_trait;
use campaigns_domain::{execution::FileMode, id::CommitSha};
use std::{collections::BTreeMap, path::Path, time::Duration};
use uuid::Uuid;

/// The writes whose answers the suite loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the port's method of the same name")]
pub enum WriteKind {
    CreateTree,
    CreateCommit,
    CreateBranch,
    AdvanceBranch,
    CreatePullRequest,
}

/// A world the suite runs on. Repositories it makes are new: no two checks share one.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The port under test.
    fn host(&self) -> &dyn CodeHost;
    /// The organisation that the repositories belong to.
    fn owner(&self) -> String;
    /// Makes a repository with these files on its default branch `main`; none leave it without a commit.
    async fn repository(&self, name: &str, files: &[SeedFile]) -> RepositoryRef;
    /// Commits a file as a person, making the branch off the default one where it is new.
    async fn push(&self, repository: &RepositoryRef, branch: &str, path: &str, content: &str) -> CommitSha;
    /// Merges a pull request as a person.
    async fn merge(&self, repository: &RepositoryRef, number: u64);
    /// Closes a pull request as a person.
    async fn close(&self, repository: &RepositoryRef, number: u64);
    /// Deletes a branch as a person.
    async fn delete_branch(&self, repository: &RepositoryRef, branch: &str);
    /// Gives the repository another name (without the owner).
    async fn rename(&self, repository: &RepositoryRef, to: &str);
    /// Gives the repository a topic.
    async fn add_topic(&self, repository: &RepositoryRef, topic: &str);
    /// Makes the repository read-only.
    async fn archive(&self, repository: &RepositoryRef);
    /// Has the base branch of a pull request demand a check that has not reported.
    async fn demand_check(&self, repository: &RepositoryRef, number: u64);
    /// Allows auto-merge in the repository.
    async fn allow_auto_merge(&self, repository: &RepositoryRef);
    /// The next such write is carried out, and its answer is lost.
    async fn lose_answer(&self, repository: &RepositoryRef, of: WriteKind);
    /// The next such write is refused for being too fast, for this long, and not carried out.
    async fn limit(&self, repository: &RepositoryRef, of: WriteKind, wait: Duration);
    /// The node id of a pull request that is not there.
    fn absent_node(&self) -> String;
    /// How many requests that write arrived for the repository so far.
    async fn writes(&self, repository: &RepositoryRef) -> usize;
}

/// A permit that lasts for the check.
pub(super) fn permit() -> Permit {
    Permit::new(Uuid::new_v4(), Duration::from_secs(60))
}

/// A permit that is too old.
pub(super) fn expired() -> Permit {
    Permit::new(Uuid::new_v4(), Duration::ZERO)
}

/// The files of a snapshot, by path.
#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) fn read_tar(file: &Path) -> BTreeMap<String, (FileMode, Vec<u8>)> {
    use std::{io::Read, os::unix::ffi::OsStrExt};
    let mut archive = tar::Archive::new(std::fs::File::open(file).expect("the snapshot is there"));
    let mut files = BTreeMap::new();
    let mut before = Vec::new();
    for entry in archive.entries().expect("the snapshot is a tar") {
        let mut entry = entry.expect("the snapshot is whole");
        let path = entry.path_bytes().into_owned();
        assert!(before < path, "paths are sorted and each is there once");
        assert_eq!(entry.header().mtime().ok(), Some(0), "a snapshot has no times");
        before.clone_from(&path);
        let (mode, content) = match entry.header().entry_type() {
            tar::EntryType::Symlink => {
                let to = entry.link_name().expect("a link leads somewhere").expect("a link leads somewhere");
                (FileMode::Symlink, to.as_os_str().as_bytes().to_vec())
            }
            tar::EntryType::Regular => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).expect("the snapshot is whole");
                let executable = entry.header().mode().expect("a file has a mode") == 0o755;
                (if executable { FileMode::Executable } else { FileMode::Regular }, content)
            }
            other => panic!("a snapshot holds files and links, not {other:?}"),
        };
        files.insert(String::from_utf8(path).expect("these paths are text"), (mode, content));
    }
    files
}
