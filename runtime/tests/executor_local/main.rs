//! The local executor: what it keeps and in which order, whose matter a failure is, that dropping an attempt ends it, and
//! that nothing is left behind.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it panics")]

mod kept;

use campaigns_actors::ports::{ArtifactKey, Artifacts, Executor, Work};
use campaigns_domain::execution::target::FailureCause;
use campaigns_domain::execution::{Change, Limits, Manifest, Order, OrderedStep};
use campaigns_domain::id::{CommitSha, Digest, ExecutionId, RepositoryId};
use campaigns_runtime::executor::{ContainerPolicy, LocalExecutor};
use kept::Kept;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Stage {
    kept: Arc<Kept>,
    executor: Arc<LocalExecutor>,
    folder: TempDir,
}

fn executor(folder: &Path, parallelism: u32, kept: &Arc<Kept>) -> LocalExecutor {
    let program = Path::new(env!("CARGO_BIN_EXE_executor-sandbox"));
    let artifacts = Arc::clone(kept) as Arc<dyn Artifacts>;
    LocalExecutor::with_program(program, folder, parallelism, ContainerPolicy::Require, artifacts).unwrap()
}

fn snapshot() -> ArtifactKey {
    ArtifactKey::Snapshot(RepositoryId(1), base())
}

fn base() -> CommitSha {
    CommitSha("0123456789012345678901234567890123456789".to_owned())
}

async fn stage(parallelism: u32) -> Stage {
    let (kept, folder) = (Arc::new(Kept::new()), tempfile::tempdir().unwrap());
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in [("a", "one\n"), ("b", "two\n")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    kept.put(&snapshot(), tar.into_inner().unwrap().into()).await.unwrap();
    kept.written.lock().unwrap().clear();
    let executor = Arc::new(executor(folder.path(), parallelism, &kept));
    Stage { kept, executor, folder }
}

fn work(number: u128, script: &str) -> Work {
    let step =
        OrderedStep { run: script.to_owned(), container: None, env: BTreeMap::new(), files: BTreeMap::new() };
    Work {
        order: Order {
            execution: ExecutionId(uuid::Uuid::from_u128(number)),
            repository: "octo/demo".parse().unwrap(),
            base: base(),
            workspace: String::new(),
            steps: vec![step],
            limits: Limits { step_seconds: 60, ..Limits::default() },
        },
        snapshot: snapshot(),
    }
}

/// What lies in the executor's folder besides its own session's lock.
fn left_over(folder: &Path) -> Vec<String> {
    let sessions = std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir());
    let inside = sessions.flat_map(|session| std::fs::read_dir(session.path()).unwrap().flatten());
    inside.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name != "lock").collect()
}

fn alive(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.windows(mark.len()).any(|window| window == mark.as_bytes())).count()
}

/// Waits until a condition outside this process holds.
async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come about within 60 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn results_are_kept_with_the_manifest_last_and_an_attempt_is_run_once() {
    let stage = stage(2).await;
    let starts = Arc::new(AtomicUsize::new(0));
    let started = || {
        let starts = Arc::clone(&starts);
        Box::new(move || _ = starts.fetch_add(1, Ordering::SeqCst)) as Box<dyn FnOnce() + Send>
    };
    let order = work(1, "echo three > c; cp c d; echo more >> a; rm b; echo said");
    let manifest = stage.executor.execute(order.clone(), started()).await.unwrap();
    let execution = order.order.execution;
    let paths: Vec<&str> = manifest.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["a", "b", "c", "d"]);
    assert_eq!(manifest.changes[1].change, Change::Delete);
    for change in &manifest.changes {
        if let Change::Put { content, .. } = &change.change {
            let key = ArtifactKey::Content(execution, content.digest.clone());
            let bytes = stage.kept.get(&key).await.unwrap().unwrap();
            assert_eq!((Digest::of(&bytes), bytes.len() as u64), (content.digest.clone(), content.size));
        }
    }
    let diff = stage.kept.get(&ArtifactKey::Diff(execution)).await.unwrap().unwrap();
    assert_eq!(Digest::of(&diff), manifest.diff.digest);
    let log = stage.kept.get(&ArtifactKey::Log(execution)).await.unwrap().unwrap();
    assert_eq!(Digest::of(&log), manifest.log.digest);
    assert!(String::from_utf8_lossy(&log).contains("\nsaid\n"));
    let text = stage.kept.get(&ArtifactKey::Manifest(execution)).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Manifest>(&text).unwrap(), manifest);
    let written = stage.kept.written.lock().unwrap().clone();
    // Two equal contents are kept once: two contents, diff, log, manifest.
    assert_eq!(written.len(), 5, "{written:?}");
    assert_eq!(*written.last().unwrap(), ArtifactKey::Manifest(execution).to_string());

    let again = stage.executor.execute(order, started()).await.unwrap();
    assert_eq!(again, manifest);
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    assert_eq!(stage.kept.written.lock().unwrap().len(), 5);
    assert_eq!(left_over(stage.folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_failed_attempt_keeps_its_log_and_says_whose_matter_it_is() {
    let stage = stage(1).await;
    let order = work(2, "echo before; exit 3");
    let execution = order.order.execution;
    let failure = stage.executor.execute(order, Box::new(|| {})).await.unwrap_err();
    assert_eq!(failure.cause, FailureCause::Author);
    assert!(failure.message.contains("exit code 3"), "{}", failure.message);
    let log = stage.kept.get(&ArtifactKey::Log(execution)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&log).contains("\nbefore\n"));
    assert_eq!(stage.kept.get(&ArtifactKey::Manifest(execution)).await.unwrap(), None);

    let mut nowhere = work(3, "true");
    nowhere.snapshot = ArtifactKey::Snapshot(RepositoryId(2), base());
    let failure = stage.executor.execute(nowhere, Box::new(|| {})).await.unwrap_err();
    assert_eq!(failure.cause, FailureCause::Infrastructure);

    let broken = ArtifactKey::Snapshot(RepositoryId(3), base());
    stage.kept.put(&broken, vec![b'x'; 2000].into()).await.unwrap();
    let mut unreadable = work(4, "true");
    unreadable.snapshot = broken;
    let failure = stage.executor.execute(unreadable, Box::new(|| {})).await.unwrap_err();
    assert_eq!(failure.cause, FailureCause::Infrastructure);
    assert_eq!(left_over(stage.folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_manifest_that_is_not_whole_is_not_believed() {
    let stage = stage(1).await;
    let order = work(5, "echo x > c");
    stage.kept.put(&ArtifactKey::Manifest(order.order.execution), "{\"version\":1".into()).await.unwrap();
    assert_eq!(stage.executor.execute(order, Box::new(|| {})).await.unwrap().changes.len(), 1);
}

#[tokio::test]
async fn dropping_an_attempt_ends_its_steps_and_removes_its_folder() {
    let stage = stage(1).await;
    let mark = "87654001";
    let order = work(6, &format!("setsid sleep {mark} & sleep {mark}"));
    let execution = order.order.execution;
    let executor = Arc::clone(&stage.executor);
    let running = tokio::spawn(async move { executor.execute(order, Box::new(|| {})).await });
    until(|| alive(mark) >= 3).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    until(|| alive(mark) == 0 && left_over(stage.folder.path()).is_empty()).await;
    assert_eq!(stage.kept.get(&ArtifactKey::Manifest(execution)).await.unwrap(), None);
    // Its place is free again.
    stage.executor.execute(work(7, "true"), Box::new(|| {})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_attempts_than_allowed_run_at_once() {
    let stage = stage(1).await;
    let script = "date +%s%N > from; sleep 0.05; date +%s%N > to";
    let attempts = (10..14).map(|number| stage.executor.execute(work(number, script), Box::new(|| {})));
    let manifests: Vec<Manifest> = futures::future::try_join_all(attempts).await.unwrap();
    let mut spans = Vec::new();
    for (number, manifest) in (10..14).zip(&manifests) {
        let mut span = Vec::new();
        for change in &manifest.changes {
            let Change::Put { content, .. } = &change.change else { panic!("{change:?}") };
            let key =
                ArtifactKey::Content(ExecutionId(uuid::Uuid::from_u128(number)), content.digest.clone());
            let text = stage.kept.get(&key).await.unwrap().unwrap();
            span.push(String::from_utf8_lossy(&text).trim().parse::<u128>().unwrap());
        }
        spans.push((span[0], span[1]));
    }
    spans.sort_unstable();
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{spans:?}");
    assert_eq!(stage.executor.parallelism(), 1);
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let stage = stage(1).await;
    let dead = stage.folder.path().join("executor-dead");
    let locked = dead.join("0/work/tree/locked");
    std::fs::create_dir_all(&locked).unwrap();
    std::fs::write(locked.join("file"), "x").unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    std::fs::write(dead.join("lock"), "").unwrap();
    std::fs::create_dir(stage.folder.path().join("somebody-elses")).unwrap();
    let mark = "87654002";
    let executor = Arc::clone(&stage.executor);
    let order = work(20, &format!("sleep {mark}"));
    let running = tokio::spawn(async move { executor.execute(order, Box::new(|| {})).await });
    until(|| alive(mark) >= 1).await;

    let second = self::executor(stage.folder.path(), 1, &stage.kept);
    assert!(!dead.exists());
    assert!(stage.folder.path().join("somebody-elses").exists());
    assert_eq!(left_over(stage.folder.path()), ["0"], "the living one's attempt is untouched");
    second.execute(work(21, "test -e a"), Box::new(|| {})).await.unwrap();
    running.abort();
    until(|| alive(mark) == 0 && left_over(stage.folder.path()).is_empty()).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_said() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let kept = Arc::new(Kept::new());
    let program = Path::new(env!("CARGO_BIN_EXE_executor-sandbox"));
    let artifacts = kept as Arc<dyn Artifacts>;
    let refused = LocalExecutor::with_program(program, file.path(), 1, ContainerPolicy::Ignore, artifacts);
    let words = refused.err().unwrap().to_string();
    assert!(
        words.contains(&file.path().display().to_string()) && words.contains("can be written"),
        "{words}"
    );
}
