//! A scenario that somebody ends on the way.
//!
//! Deliberately absent: what a scenario measures.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long the slowest machine may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The processes that were started with a word that holds this.
fn processes(of: &Path) -> Vec<String> {
    let of = of.to_str().unwrap();
    let line = |process: fs::DirEntry| fs::read_to_string(process.path().join("cmdline")).ok();
    let lines = fs::read_dir("/proc").unwrap().flatten().filter_map(line);
    lines.filter(|line| line.contains(of)).map(|line| line.replace('\0', " ")).collect()
}

#[test]
fn one_that_is_asked_to_end_leaves_no_process_and_no_folder() {
    let room = tempfile::tempdir().unwrap();
    fs::set_permissions(room.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let mut scenario = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "chaos", "--targets", "4", "--storm", "3600"])
        .env("TMPDIR", room.path())
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A twin, a database with processes of its own, a Redis and three replicas.
    let begun = Instant::now();
    while processes(room.path()).iter().filter(|line| line.contains("--lease-seconds")).count() < 3 {
        assert!(begun.elapsed() < PATIENCE, "the replicas do not come up: {:#?}", processes(room.path()));
        assert!(scenario.try_wait().unwrap().is_none(), "it has ended by itself");
        thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&scenario), Signal::TERM).unwrap();
    let begun = Instant::now();
    let ended = loop {
        if let Some(ended) = scenario.try_wait().unwrap() {
            break ended;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(143));
    assert_eq!(processes(room.path()), [""; 0]);
    assert_eq!(fs::read_dir(room.path()).unwrap().count(), 0);
}
