//! Artifacts on the local file system: the port's suite, and what only files can show.
#![allow(clippy::expect_used, reason = "what these tests stand on has to be there")]

use bytes::Bytes;
use campaigns_actors::ports::{ArtifactKey, Artifacts, contract::artifacts::artifacts_suite};
use campaigns_domain::id::{CommitSha, Digest, ExecutionId, RepositoryId};
use campaigns_runtime::artifacts::LocalArtifacts;
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    sync::Arc,
};
use uuid::Uuid;

fn files(folder: &Path) -> Vec<String> {
    let mut found = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("inside").display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_in_a_folder_hold_to_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("not/there/yet");
    artifacts_suite(Arc::new(LocalArtifacts::open(&root).expect("artifacts"))).await;
    assert_eq!(fs::metadata(&root).expect("the folder").permissions().mode() & 0o777, 0o700);
    let left: Vec<String> = files(&root).into_iter().filter(|name| name.contains('#')).collect();
    assert!(left.is_empty(), "staged files were left: {left:?}");
}

#[tokio::test]
async fn what_is_kept_is_there_when_the_folder_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let execution = ExecutionId(Uuid::from_u128(7));
    let keys = [ArtifactKey::Content(execution, Digest::of(b"x")), ArtifactKey::Manifest(execution)];
    {
        let artifacts = LocalArtifacts::open(folder.path()).expect("artifacts");
        for key in &keys {
            artifacts.put(key, Bytes::from(key.to_string())).await.expect("kept");
        }
    }
    let artifacts = LocalArtifacts::open(folder.path()).expect("artifacts");
    for key in &keys {
        assert_eq!(artifacts.get(key).await.expect("read"), Some(Bytes::from(key.to_string())));
    }
    let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    assert_eq!(files(folder.path()), names);
}

#[tokio::test]
async fn more_contents_than_are_synced_one_by_one_are_vouched_for_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifacts = LocalArtifacts::open(folder.path()).expect("artifacts");
    let execution = ExecutionId(Uuid::from_u128(8));
    for number in 0..100_u32 {
        let content = Bytes::from(number.to_string());
        artifacts.put(&ArtifactKey::Content(execution, Digest::of(&content)), content).await.expect("kept");
    }
    artifacts.put(&ArtifactKey::Manifest(execution), Bytes::from_static(b"{}")).await.expect("kept");
    assert_eq!(files(folder.path()).len(), 101);
}

#[tokio::test]
async fn nothing_but_ids_becomes_a_path_and_nothing_but_files_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("artifacts");
    let artifacts = LocalArtifacts::open(&root).expect("artifacts");
    for commit in ["../../../outside", "..", "a b", "%2e%2e", "a\0b", "a\\b", "ü", ""] {
        let key = ArtifactKey::Snapshot(RepositoryId(1), CommitSha(format!("{commit}/x")));
        let refused = artifacts.put(&key, Bytes::from_static(b"x")).await;
        assert!(refused.is_err() || commit.is_empty(), "{commit:?}");
        assert!(artifacts.get(&key).await.is_err() || commit.is_empty(), "{commit:?}");
    }
    let secret = folder.path().join("secret");
    fs::write(&secret, "s3cret").expect("a file");
    let link = folder.path().join("link");
    symlink(&secret, &link).expect("a link");
    let key = ArtifactKey::Log(ExecutionId(Uuid::from_u128(9)));
    assert!(artifacts.put_file(&key, &link).await.is_err(), "a link is refused");
    assert!(artifacts.put_file(&key, folder.path()).await.is_err(), "a folder is refused");
    assert_eq!(artifacts.get(&key).await.expect("read"), None);
    assert_eq!(files(folder.path()), ["link", "secret"]);
}

#[tokio::test]
async fn a_file_of_another_file_system_is_copied() {
    // Where there is no other file system, a rename does the same, and this shows no less of it.
    let shared = Path::new("/dev/shm");
    let elsewhere =
        if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let artifacts = LocalArtifacts::open(folder.path()).expect("artifacts");
    let file = elsewhere.path().join("log");
    fs::write(&file, "from elsewhere").expect("a file");
    let execution = ExecutionId(Uuid::from_u128(10));
    for key in
        [ArtifactKey::Log(execution), ArtifactKey::Snapshot(RepositoryId(1), CommitSha("a".repeat(40)))]
    {
        fs::write(&file, "from elsewhere").expect("a file");
        artifacts.put_file(&key, &file).await.expect("kept");
        assert_eq!(artifacts.get(&key).await.expect("read"), Some(Bytes::from_static(b"from elsewhere")));
        assert_eq!(files(folder.path()).iter().filter(|name| name.contains('#')).count(), 0);
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let error = LocalArtifacts::open(&file.join("inside")).expect_err("a file is no folder");
    assert!(error.to_string().contains("file/inside"), "{error}");
}
