//! Promises about writing: trees, commits, branches, pull requests, and what is known after a lost answer.

use super::stage::{Stage, WriteKind, expired, permit, read_tar};
use crate::ports::{
    CodeHost, CodeHostError, CommitDraft, NewPullRequest, ReadBudget, RepositoryRef, memory::SeedFile,
};
use bytes::Bytes;
use campaigns_domain::{
    changeset::AwayCause,
    execution::{FileMode, RepositoryPath},
    id::CommitSha,
    publish::{
        BranchHead, PullRequest, PullRequestState,
        commit::{EntryContent, TreeEntry},
    },
};
use std::time::Duration;

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
fn put(path: &str, text: &str) -> TreeEntry {
    let content = EntryContent::Inline { mode: FileMode::Regular, text: text.to_owned() };
    TreeEntry { path: RepositoryPath::new(path).expect("a path"), content }
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
async fn head(host: &dyn CodeHost, repository: &RepositoryRef, branch: &str) -> BranchHead {
    host.branch(repository, branch, &ReadBudget::unlimited())
        .await
        .expect("it answers")
        .expect("the branch is there")
}

fn draft(parent: &CommitSha, tree: &str) -> CommitDraft {
    let message = "Change a thing\n\nBecause it is better.".to_owned();
    CommitDraft { parents: vec![parent.clone()], tree: tree.to_owned(), message, author: None }
}

pub(super) fn proposal(branch: &str) -> NewPullRequest {
    NewPullRequest {
        title: "Change a thing".to_owned(),
        body: "Because it is better: \"ü\" & <b>".to_owned(),
        head: branch.to_owned(),
        base: "main".to_owned(),
        draft: false,
    }
}

/// A commit on top of a parent that puts one file.
#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
async fn commit(
    stage: &dyn Stage,
    repository: &RepositoryRef,
    on: &BranchHead,
    path: &str,
    text: &str,
) -> CommitSha {
    let host = stage.host();
    let tree = host.create_tree(repository, &on.tree, &[put(path, text)], permit()).await.expect("a tree");
    host.create_commit(repository, &draft(&on.commit, &tree), permit()).await.expect("a commit")
}

/// A branch with one commit on top of main, and its pull request.
#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn open(
    stage: &dyn Stage,
    repository: &RepositoryRef,
    branch: &str,
) -> (PullRequest, CommitSha) {
    open_as(stage, repository, &proposal(branch)).await
}

/// The same as it is wanted.
#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn open_as(
    stage: &dyn Stage,
    repository: &RepositoryRef,
    new: &NewPullRequest,
) -> (PullRequest, CommitSha) {
    let branch = &new.head;
    let host = stage.host();
    let main = head(host, repository, "main").await;
    let sha = commit(stage, repository, &main, "changed", branch).await;
    host.create_branch(repository, branch, &sha, permit()).await.expect("a branch");
    (host.create_pull_request(repository, new, permit()).await.expect("a pull request"), sha)
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn publishes_a_change(stage: &dyn Stage) {
    let host = stage.host();
    let seed =
        [SeedFile::new("keep", "k\n"), SeedFile::new("change", "old\n"), SeedFile::new("dir/drop", "d\n")];
    let repository = stage.repository("publish", &seed).await;
    let main = head(host, &repository, "main").await;
    let binary = Bytes::from_static(&[0, 159, 146, 150, 0]);
    let blob = host.create_blob(&repository, binary.clone(), permit()).await.expect("a blob");
    assert_eq!(blob, crate::ports::git_objects::object_id("blob", &binary));
    let path = |path: &str| RepositoryPath::new(path).expect("a path");
    let entries = [
        put("change", "new ü\n"),
        TreeEntry {
            path: path("bin/tool"),
            content: EntryContent::Inline { mode: FileMode::Executable, text: "#!/bin/sh\n".to_owned() },
        },
        TreeEntry {
            path: path("link"),
            content: EntryContent::Inline { mode: FileMode::Symlink, text: "keep".to_owned() },
        },
        TreeEntry {
            path: path("logo.bin"),
            content: EntryContent::Blob { mode: FileMode::Regular, sha: blob },
        },
        TreeEntry { path: path("dir/drop"), content: EntryContent::Delete },
    ];
    let tree = host.create_tree(&repository, &main.tree, &entries, permit()).await.expect("a tree");
    let again = host.create_tree(&repository, &main.tree, &entries, permit()).await.expect("a tree");
    assert_eq!(tree, again, "a tree written twice is the same tree");
    let sha = host.create_commit(&repository, &draft(&main.commit, &tree), permit()).await.expect("a commit");
    assert_eq!(host.branch(&repository, "campaigns/x", &ReadBudget::unlimited()).await, Ok(None));
    assert_eq!(
        host.pull_requests(&repository, "campaigns/x", "main", &ReadBudget::unlimited()).await,
        Ok(Vec::new())
    );
    host.create_branch(&repository, "campaigns/x", &sha, permit()).await.expect("a branch");
    let branch = head(host, &repository, "campaigns/x").await;
    assert_eq!((&branch.commit, &branch.tree, &branch.parents), (&sha, &tree, &vec![main.commit.clone()]));
    assert_eq!(branch.message.trim_end(), draft(&main.commit, &tree).message);
    let new = NewPullRequest { draft: true, ..proposal("campaigns/x") };
    let pull = host.create_pull_request(&repository, &new, permit()).await.expect("a pull request");
    assert_eq!((pull.state, pull.draft, &pull.head), (PullRequestState::Open, true, &sha));
    assert_eq!((pull.base_branch.as_str(), pull.title.as_str()), ("main", "Change a thing"));
    assert!(pull.reference.url.starts_with("http") && !pull.reference.node_id.is_empty());
    assert_eq!(
        host.pull_requests(&repository, "campaigns/x", "main", &ReadBudget::unlimited()).await,
        Ok(vec![pull.clone()])
    );
    assert_eq!(
        host.pull_request(&repository, pull.reference.number, &ReadBudget::unlimited()).await,
        Ok(pull)
    );
    let file = std::env::temp_dir().join(format!("campaigns-contract-{}.tar", uuid::Uuid::new_v4().simple()));
    host.snapshot(&repository, &sha, &file, &ReadBudget::unlimited())
        .await
        .expect("a snapshot of the new commit");
    let files = read_tar(&file);
    let _ = std::fs::remove_file(&file);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["bin/tool", "change", "keep", "link", "logo.bin"]);
    assert_eq!(files["bin/tool"].0, FileMode::Executable);
    assert_eq!(files["link"], (FileMode::Symlink, b"keep".to_vec()));
    assert_eq!(files["logo.bin"].1, binary);
    assert_eq!(files["change"].1, "new ü\n".as_bytes());
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn appends_to_a_branch(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("append", &[SeedFile::new("a", "1")]).await;
    let (pull, first) = open(stage, &repository, "ours").await;
    let on = head(host, &repository, "ours").await;
    let second = commit(stage, &repository, &on, "changed", "twice").await;
    host.advance_branch(&repository, "ours", &second, permit()).await.expect("it moves");
    let now = head(host, &repository, "ours").await;
    assert_eq!((now.commit, now.parents), (second.clone(), vec![first]));
    let seen = host
        .pull_request(&repository, pull.reference.number, &ReadBudget::unlimited())
        .await
        .expect("it answers");
    assert_eq!((seen.head, seen.state), (second.clone(), PullRequestState::Open));
    host.advance_branch(&repository, "ours", &second, permit())
        .await
        .expect("moving it there again is nothing");
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn never_overwrites(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("overwrite", &[SeedFile::new("a", "1")]).await;
    open(stage, &repository, "ours").await;
    let on = head(host, &repository, "ours").await;
    let ours = commit(stage, &repository, &on, "changed", "ours").await;
    let theirs = stage.push(&repository, "ours", "changed", "theirs").await;
    let refused = host.advance_branch(&repository, "ours", &ours, permit()).await;
    assert!(matches!(refused, Err(CodeHostError::Conflict(_))), "a person's push stays: {refused:?}");
    let taken = host.create_branch(&repository, "ours", &ours, permit()).await;
    assert!(matches!(taken, Err(CodeHostError::Conflict(_))), "the branch is there: {taken:?}");
    assert_eq!(head(host, &repository, "ours").await.commit, theirs);
    stage.delete_branch(&repository, "ours").await;
    let gone = host.advance_branch(&repository, "ours", &ours, permit()).await;
    assert!(gone.is_err(), "a deleted branch is not made by moving it: {gone:?}");
    assert_eq!(host.branch(&repository, "ours", &ReadBudget::unlimited()).await, Ok(None));
}

pub(super) async fn opens_one_pull_request(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("one-pull", &[SeedFile::new("a", "1")]).await;
    let (pull, _) = open(stage, &repository, "ours").await;
    let twice = host.create_pull_request(&repository, &proposal("ours"), permit()).await;
    assert!(matches!(twice, Err(CodeHostError::Conflict(_))), "one is open: {twice:?}");
    assert_eq!(
        host.pull_requests(&repository, "ours", "main", &ReadBudget::unlimited()).await,
        Ok(vec![pull])
    );
    let main = head(host, &repository, "main").await;
    let made = host.create_branch(&repository, "same", &main.commit, permit()).await;
    assert_eq!(made, Ok(()));
    let nothing = host.create_pull_request(&repository, &proposal("same"), permit()).await;
    assert!(matches!(nothing, Err(CodeHostError::Refused(_))), "there is nothing to propose: {nothing:?}");
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn mirrors_what_people_do(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("people", &[SeedFile::new("a", "1")]).await;
    let (first, _) = open(stage, &repository, "ours").await;
    let number = first.reference.number;
    let told =
        host.update_pull_request(&repository, number, "Better", "words", permit()).await.expect("it changes");
    assert_eq!((told.title.as_str(), told.state), ("Better", PullRequestState::Open));
    stage.close(&repository, number).await;
    let closed = host.pull_request(&repository, number, &ReadBudget::unlimited()).await.expect("it answers");
    assert_eq!((closed.state, closed.title.as_str()), (PullRequestState::Closed, "Better"));
    let second = host.create_pull_request(&repository, &proposal("ours"), permit()).await.expect("a new one");
    stage.merge(&repository, second.reference.number).await;
    let merged = host
        .pull_request(&repository, second.reference.number, &ReadBudget::unlimited())
        .await
        .expect("it answers");
    assert_eq!(merged.state, PullRequestState::Merged);
    let all =
        host.pull_requests(&repository, "ours", "main", &ReadBudget::unlimited()).await.expect("it answers");
    let seen: Vec<(u64, PullRequestState)> =
        all.iter().map(|pull| (pull.reference.number, pull.state)).collect();
    let wanted = [(second.reference.number, PullRequestState::Merged), (number, PullRequestState::Closed)];
    assert_eq!(seen, wanted, "newest first, in every state");
    let none = host.pull_request(&repository, 4711, &ReadBudget::unlimited()).await;
    assert!(matches!(none, Err(CodeHostError::NotFound(_))), "{none:?}");
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn a_lost_answer_is_unknown(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("lost", &[SeedFile::new("a", "1")]).await;
    let main = head(host, &repository, "main").await;
    let lost = |answer: Option<CodeHostError>| {
        let unsaid = |error: &CodeHostError| {
            matches!(error, CodeHostError::Unknown(_) | CodeHostError::Inconclusive(_))
        };
        assert!(answer.as_ref().is_some_and(unsaid), "nobody knows: {answer:?}");
    };

    stage.lose_answer(&repository, WriteKind::CreateTree).await;
    lost(host.create_tree(&repository, &main.tree, &[put("b", "2")], permit()).await.err());
    let tree =
        host.create_tree(&repository, &main.tree, &[put("b", "2")], permit()).await.expect("once more");

    stage.lose_answer(&repository, WriteKind::CreateCommit).await;
    lost(host.create_commit(&repository, &draft(&main.commit, &tree), permit()).await.err());
    let sha = host.create_commit(&repository, &draft(&main.commit, &tree), permit()).await.expect("a commit");

    stage.lose_answer(&repository, WriteKind::CreateBranch).await;
    lost(host.create_branch(&repository, "ours", &sha, permit()).await.err());
    assert_eq!(head(host, &repository, "ours").await.commit, sha, "it was done, as looking shows");
    let twice = host.create_branch(&repository, "ours", &sha, permit()).await;
    assert!(matches!(twice, Err(CodeHostError::Conflict(_))), "{twice:?}");

    stage.lose_answer(&repository, WriteKind::CreatePullRequest).await;
    lost(host.create_pull_request(&repository, &proposal("ours"), permit()).await.err());
    let seen =
        host.pull_requests(&repository, "ours", "main", &ReadBudget::unlimited()).await.expect("it answers");
    assert_eq!(seen.len(), 1, "it was done once, as looking shows");
    assert_eq!((&seen[0].head, seen[0].state), (&sha, PullRequestState::Open));

    let on = head(host, &repository, "ours").await;
    let next = commit(stage, &repository, &on, "b", "3").await;
    stage.lose_answer(&repository, WriteKind::AdvanceBranch).await;
    lost(host.advance_branch(&repository, "ours", &next, permit()).await.err());
    assert_eq!(head(host, &repository, "ours").await.commit, next);
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn a_limit_says_how_long(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("limited", &[SeedFile::new("a", "1")]).await;
    let main = head(host, &repository, "main").await;
    let sha = commit(stage, &repository, &main, "b", "2").await;
    stage.limit(&repository, WriteKind::CreateBranch, Duration::from_secs(17)).await;
    match host.create_branch(&repository, "ours", &sha, permit()).await {
        Err(CodeHostError::Limited { wait, .. }) => assert_eq!(wait, Duration::from_secs(17)),
        other => panic!("a limit is told as one: {other:?}"),
    }
    assert_eq!(host.branch(&repository, "ours", &ReadBudget::unlimited()).await, Ok(None), "it was not done");
    host.create_branch(&repository, "ours", &sha, permit()).await.expect("later it goes");
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn an_expired_permit_sends_nothing(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("expired", &[SeedFile::new("a", "1")]).await;
    let (pull, sha) = open(stage, &repository, "ours").await;
    let main = head(host, &repository, "main").await;
    let before = stage.writes(&repository).await;
    assert!(before > 0, "writes are counted");
    let number = pull.reference.number;
    let answers = [
        host.create_blob(&repository, Bytes::from_static(b"x"), expired()).await.err(),
        host.create_tree(&repository, &main.tree, &[put("b", "2")], expired()).await.err(),
        host.create_commit(&repository, &draft(&main.commit, &main.tree), expired()).await.err(),
        host.create_branch(&repository, "other", &sha, expired()).await.err(),
        host.advance_branch(&repository, "ours", &sha, expired()).await.err(),
        host.create_pull_request(&repository, &proposal("other"), expired()).await.err(),
        host.update_pull_request(&repository, number, "t", "b", expired()).await.err(),
    ];
    for answer in answers {
        assert_eq!(answer, Some(CodeHostError::PermitExpired));
    }
    assert_eq!(stage.writes(&repository).await, before, "nothing arrived");
}

pub(super) async fn archived_is_refused(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("archived", &[SeedFile::new("a", "1")]).await;
    let main = head(host, &repository, "main").await;
    stage.archive(&repository).await;
    match host.create_tree(&repository, &main.tree, &[put("b", "2")], permit()).await {
        Err(CodeHostError::Away(away)) => assert_eq!(away.cause, AwayCause::Archived),
        other => panic!("an archived repository refuses: {other:?}"),
    }
}
