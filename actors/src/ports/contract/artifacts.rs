//! What every [`Artifacts`] has to hold to: whole contents under keys, as files, by ranges.
//!
//! Deliberately absent: durability over a crash, which only a machine without power could show.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite of tests that two crates run"
)]

use super::super::{ArtifactKey, Artifacts};
use bytes::Bytes;
use campaigns_domain::id::{CommitSha, Digest, ExecutionId, RepositoryId};
use std::{fs, sync::Arc};
use tokio::task::JoinSet;
use uuid::Uuid;

const BIG: usize = 3_000_000;

/// Runs every case on `artifacts`, which keeps nothing yet.
///
/// # Panics
/// Where it does not hold to the contract.
pub async fn artifacts_suite(artifacts: Arc<dyn Artifacts>) {
    nothing_is_kept_at_first(&*artifacts).await;
    each_key_has_its_content(&*artifacts).await;
    ranges_end_with_the_content(&*artifacts).await;
    files_are_kept_and_given_out(&*artifacts).await;
    a_reader_sees_one_content_or_the_other(artifacts).await;
}

fn keys(execution: u128) -> Vec<ArtifactKey> {
    let execution = ExecutionId(Uuid::from_u128(execution));
    vec![
        ArtifactKey::Snapshot(RepositoryId(41), CommitSha("c".repeat(40))),
        ArtifactKey::Content(execution, Digest::of(b"one")),
        ArtifactKey::Content(execution, Digest::of(b"two")),
        ArtifactKey::Diff(execution),
        ArtifactKey::Log(execution),
        ArtifactKey::Manifest(execution),
    ]
}

async fn nothing_is_kept_at_first(artifacts: &dyn Artifacts) {
    let folder = tempfile::tempdir().unwrap();
    for key in keys(1) {
        assert_eq!(artifacts.get(&key).await.unwrap(), None, "{key}");
        assert_eq!(artifacts.size(&key).await.unwrap(), None, "{key}");
        assert_eq!(artifacts.get_range(&key, 0, 10).await.unwrap(), None, "{key}");
        let file = folder.path().join("out");
        assert!(!artifacts.get_file(&key, &file).await.unwrap(), "{key}");
        assert!(!file.exists(), "{key}");
    }
}

async fn each_key_has_its_content(artifacts: &dyn Artifacts) {
    for version in ["first", "second, which is longer", ""] {
        for key in keys(2) {
            let content =
                if version.is_empty() { Bytes::new() } else { Bytes::from(format!("{key} {version}")) };
            artifacts.put(&key, content).await.unwrap();
        }
        for key in keys(2) {
            let content =
                if version.is_empty() { Bytes::new() } else { Bytes::from(format!("{key} {version}")) };
            assert_eq!(artifacts.size(&key).await.unwrap(), Some(content.len() as u64), "{key}");
            assert_eq!(artifacts.get(&key).await.unwrap(), Some(content), "{key}");
        }
    }
}

async fn ranges_end_with_the_content(artifacts: &dyn Artifacts) {
    let key = &keys(3)[4];
    artifacts.put(key, Bytes::from_static(b"0123456789")).await.unwrap();
    for (from, most, expected) in [
        (0, 4, "0123"),
        (3, 4, "3456"),
        (8, 4, "89"),
        (9, u64::MAX, "9"),
        (10, 4, ""),
        (11, 4, ""),
        (u64::MAX, u64::MAX, ""),
        (2, 0, ""),
        (0, 10, "0123456789"),
    ] {
        let range = artifacts.get_range(key, from, most).await.unwrap();
        assert_eq!(range, Some(Bytes::from(expected)), "{most} from {from}");
    }
}

async fn files_are_kept_and_given_out(artifacts: &dyn Artifacts) {
    let folder = tempfile::tempdir().unwrap();
    let (given, out) = (folder.path().join("in"), folder.path().join("out"));
    let content: Vec<u8> = (0..BIG).map(|place| u8::try_from(place % 251).unwrap()).collect();
    for key in keys(4) {
        fs::write(&given, &content).unwrap();
        artifacts.put_file(&key, &given).await.unwrap();
        assert_eq!(artifacts.size(&key).await.unwrap(), Some(BIG as u64), "{key}");
        assert!(artifacts.get_file(&key, &out).await.unwrap(), "{key}");
        assert_eq!(fs::read(&out).unwrap(), content, "{key}");
        // What was given out is the caller's own: what is kept does not change with it.
        fs::write(&out, b"scribbled over").unwrap();
        assert_eq!(
            artifacts.get_range(&key, BIG as u64 - 2, 9).await.unwrap(),
            Some(content[BIG - 2..].to_vec().into())
        );
        fs::write(&given, b"shorter").unwrap();
        artifacts.put_file(&key, &given).await.unwrap();
        assert_eq!(artifacts.get(&key).await.unwrap(), Some(Bytes::from_static(b"shorter")), "{key}");
        assert!(artifacts.get_file(&key, &out).await.unwrap(), "{key}");
        assert_eq!(fs::read(&out).unwrap(), b"shorter", "{key}");
    }
    let missing = folder.path().join("missing");
    let error = artifacts.put_file(&keys(5)[3], &missing).await.unwrap_err();
    assert_eq!(error.key, keys(5)[3].to_string());
    assert_eq!(artifacts.get(&keys(5)[3]).await.unwrap(), None);
}

async fn a_reader_sees_one_content_or_the_other(artifacts: Arc<dyn Artifacts>) {
    let key = keys(6)[5].clone();
    let contents = [Bytes::from(vec![b'a'; BIG]), Bytes::from(vec![b'b'; BIG / 2])];
    artifacts.put(&key, contents[0].clone()).await.unwrap();
    let mut tasks = JoinSet::new();
    for writer in 0..2 {
        let (artifacts, key, contents) = (Arc::clone(&artifacts), key.clone(), contents.clone());
        tasks.spawn(async move {
            for turn in 0..8 {
                artifacts.put(&key, contents[(writer + turn) % 2].clone()).await.unwrap();
            }
        });
    }
    for _ in 0..4 {
        let (artifacts, key, contents) = (Arc::clone(&artifacts), key.clone(), contents.clone());
        tasks.spawn(async move {
            for _ in 0..8 {
                let seen = artifacts.get(&key).await.unwrap().expect("a content is always there");
                assert!(contents.contains(&seen), "{} bytes of neither content", seen.len());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::memory::MemoryArtifacts, *};

    #[tokio::test]
    async fn artifacts_in_memory_hold_to_the_contract() {
        artifacts_suite(Arc::new(MemoryArtifacts::new())).await;
    }
}
