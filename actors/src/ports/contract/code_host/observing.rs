//! Promises about looking: repositories, branches, snapshots.

use super::stage::{Stage, read_tar};
use crate::ports::{CodeHostError, ReadBudget, RepositoryRef, memory::SeedFile};
use campaigns_domain::{
    execution::FileMode,
    id::{CommitSha, RepositoryId, RepositoryName},
    selection::{Answer, Query, Repository},
};
use std::collections::BTreeMap;

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
async fn list(stage: &dyn Stage, query: Query) -> Vec<Repository> {
    match stage.host().repositories(&query, &ReadBudget::unlimited()).await.expect("the listing is answered")
    {
        Answer::Repositories(all) => all,
        Answer::NotFound => panic!("{query:?} is there"),
    }
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn finds_repositories(stage: &dyn Stage) {
    let one = stage.repository("found-1", &[SeedFile::new("a", "1")]).await;
    let other = stage.repository("found-2", &[SeedFile::new("a", "2")]).await;
    let alone = list(stage, Query::Repository(one.name.clone())).await;
    assert_eq!(alone.len(), 1);
    assert_eq!((alone[0].id, &alone[0].name), (one.id, &one.name));
    assert_eq!((alone[0].default_branch.as_str(), alone[0].archived, alone[0].empty), ("main", false, false));
    assert_ne!(alone[0].can_push, Some(false));
    let shouted = RepositoryName::new(&stage.owner().to_uppercase(), "FOUND-1").expect("a name");
    assert_eq!(list(stage, Query::Repository(shouted)).await[0].id, one.id, "names have no case");
    let all = list(stage, Query::Organization(stage.owner())).await;
    for wanted in [&one, &other] {
        assert_eq!(all.iter().filter(|found| found.id == wanted.id).count(), 1, "each is listed once");
    }
    let none = RepositoryName::new(&stage.owner(), "never-made").expect("a name");
    let answer = stage.host().repositories(&Query::Repository(none), &ReadBudget::unlimited()).await;
    assert_eq!(answer, Ok(Answer::NotFound), "what is not there is an answer, not an error");
}

pub(super) async fn tells_empty_repositories(stage: &dyn Stage) {
    let empty = stage.repository("no-commit", &[]).await;
    assert!(list(stage, Query::Repository(empty.name.clone())).await[0].empty);
    let all = list(stage, Query::Organization(stage.owner())).await;
    assert!(all.iter().any(|found| found.id == empty.id && found.empty));
    assert_eq!(stage.host().base(&empty, "main", &ReadBudget::unlimited()).await, Ok(None));
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn reads_branches(stage: &dyn Stage) {
    let repository = stage.repository("branches", &[SeedFile::new("a", "1")]).await;
    let base = stage
        .host()
        .base(&repository, "main", &ReadBudget::unlimited())
        .await
        .expect("it answers")
        .expect("it is there");
    assert_eq!(base.branch, "main");
    assert!(base.commit.0.len() == 40 && base.commit.0.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let head = stage
        .host()
        .branch(&repository, "main", &ReadBudget::unlimited())
        .await
        .expect("it answers")
        .expect("it is there");
    assert_eq!(head.commit, base.commit);
    let pushed = stage.push(&repository, "feature/with-slash", "b", "2").await;
    let ours = stage
        .host()
        .branch(&repository, "feature/with-slash", &ReadBudget::unlimited())
        .await
        .expect("it answers")
        .expect("is there");
    assert_eq!((&ours.commit, &ours.parents), (&pushed, &vec![head.commit.clone()]));
    assert_ne!(ours.tree, head.tree);
    assert!(!ours.message.is_empty());
    let asked = ["main", "feature/with-slash", "absent"].map(|name| (repository.clone(), name.to_owned()));
    let bases = stage.host().bases(&stage.owner(), &asked, &ReadBudget::unlimited()).await;
    let heads = [Some(&head.commit), Some(&pushed), None];
    for (base, head) in bases.expect("it answers").iter().zip(heads) {
        assert!(base.is_none() || base.as_ref().map(|base| &base.commit) == head, "{base:?} is not {head:?}");
    }
    assert_eq!(stage.host().branch(&repository, "absent", &ReadBudget::unlimited()).await, Ok(None));
    assert_eq!(stage.host().base(&repository, "absent/too", &ReadBudget::unlimited()).await, Ok(None));
    let nowhere = RepositoryRef {
        id: RepositoryId(u64::from(u32::MAX)),
        name: RepositoryName::new(&stage.owner(), "never-made").expect("a name"),
    };
    let lost = stage.host().branch(&nowhere, "main", &ReadBudget::unlimited()).await;
    assert!(matches!(lost, Err(CodeHostError::NotFound(_))), "no repository is no absent branch: {lost:?}");
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn snapshots_are_the_tree(stage: &dyn Stage) {
    let long = format!(
        "{}/deep/file with spaces and ü.txt",
        "folder-with-a-long-name/".repeat(6).trim_end_matches('/')
    );
    let binary: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let files = [
        SeedFile::new("README.md", "hello\n"),
        SeedFile::new("empty", ""),
        SeedFile::new("crlf.txt", "one\r\ntwo\r\n"),
        SeedFile::new("bin/run", "#!/bin/sh\n").mode(FileMode::Executable),
        SeedFile::new("bin/link", "run").mode(FileMode::Symlink),
        SeedFile::new("data.bin", binary),
        SeedFile::new(&long, "deep\n"),
        SeedFile::new("a-b", "1"),
        SeedFile::new("a/x", "2"),
        SeedFile::new("a.c", "3"),
    ];
    let repository = stage.repository("snapshot", &files).await;
    let wanted: BTreeMap<String, (FileMode, Vec<u8>)> =
        files.iter().map(|file| (file.path.clone(), (file.mode, file.content.to_vec()))).collect();
    let base = stage
        .host()
        .base(&repository, "main", &ReadBudget::unlimited())
        .await
        .expect("it answers")
        .expect("it is there");
    let folder = tempdir();
    let (one, two) = (folder.0.join("one.tar"), folder.0.join("two.tar"));
    stage
        .host()
        .snapshot(&repository, &base.commit, &one, &ReadBudget::unlimited())
        .await
        .expect("a snapshot");
    assert_eq!(read_tar(&one), wanted);
    stage
        .host()
        .snapshot(&repository, &base.commit, &two, &ReadBudget::unlimited())
        .await
        .expect("a snapshot");
    assert_eq!(std::fs::read(&one).ok(), std::fs::read(&two).ok(), "the same tree is the same bytes");
    let absent = CommitSha("0123456789abcdef0123456789abcdef01234567".to_owned());
    assert!(stage.host().snapshot(&repository, &absent, &two, &ReadBudget::unlimited()).await.is_err());
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn follows_a_rename(stage: &dyn Stage) {
    let known = stage.repository("before", &[SeedFile::new("a", "1")]).await;
    stage.rename(&known, "after").await;
    let found = list(stage, Query::Repository(known.name.clone())).await;
    assert_eq!((found[0].id, found[0].name.name()), (known.id, "after"), "its id stays");
    // Whoever noted the old name still reaches it.
    let base = stage
        .host()
        .base(&known, "main", &ReadBudget::unlimited())
        .await
        .expect("it answers")
        .expect("it is there");
    let folder = tempdir();
    stage
        .host()
        .snapshot(&known, &base.commit, &folder.0.join("tar"), &ReadBudget::unlimited())
        .await
        .expect("a snapshot");
    let (pull, _) = super::publishing::open(stage, &known, "renamed").await;
    let seen = stage
        .host()
        .pull_requests(&known, "renamed", "main", &ReadBudget::unlimited())
        .await
        .expect("it answers");
    assert_eq!(seen, vec![pull.clone()]);
    assert_eq!(
        stage.host().pull_request(&known, pull.reference.number, &ReadBudget::unlimited()).await,
        Ok(pull)
    );
}

struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
fn tempdir() -> Folder {
    let path = std::env::temp_dir().join(format!("campaigns-contract-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&path).expect("a temporary folder can be made");
    Folder(path)
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn compares_commits(stage: &dyn Stage) {
    let repository = stage.repository("compared", &[SeedFile::new("a", "1"), SeedFile::new("b", "1")]).await;
    let budget = ReadBudget::unlimited();
    let main =
        stage.host().base(&repository, "main", &budget).await.expect("it answers").expect("is there").commit;
    let first = stage.push(&repository, "side/branch", "a", "2").await;
    let second = stage.push(&repository, "side/branch", "c", "3").await;
    let compare = async |base: &str, head: &str| {
        stage.host().compare(&repository, base, head, &ReadBudget::unlimited()).await.expect("it answers")
    };
    let found = compare(&main.0, &second.0).await;
    assert_eq!((found.ahead, found.behind, found.all_commits, found.all_files), (2, 0, true, true));
    assert_eq!(found.common, main);
    let commits: Vec<_> = found.commits.iter().map(|each| (&each.commit, &each.parents)).collect();
    assert_eq!(commits, [(&first, &vec![main.clone()]), (&second, &vec![first.clone()])], "oldest first");
    let blob = |text: &str| crate::ports::git_objects::object_id("blob", text.as_bytes());
    let file = |path: &str, status: &str, text: &str| (path.to_owned(), (status.to_owned(), blob(text)));
    assert_eq!(found.files, BTreeMap::from([file("a", "modified", "2"), file("c", "added", "3")]));
    let other = stage.push(&repository, "main", "b", "2").await;
    let apart = compare("main", "side/branch").await;
    assert_eq!((apart.ahead, apart.behind, &apart.common), (2, 1, &main));
    assert_eq!(apart.files.len(), 2, "from the common ancestor on");
    let same = compare("main", &other.0).await;
    assert_eq!((same.ahead, same.behind, same.commits.len(), same.files.len()), (0, 0, 0, 0));
    let none = stage.host().compare(&repository, "main", "absent", &budget).await;
    assert!(matches!(none, Err(CodeHostError::NotFound(_))), "{none:?}");
}
