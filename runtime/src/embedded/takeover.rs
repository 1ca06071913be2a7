//! Taking a folder over from a process that died: whatever still runs on its data is stopped, and only then its
//! `postmaster.pid` is removed. Removing it earlier would let two servers write the same files.
//!
//! Processes are recognised by the cluster's name in their command line, which everybody may read, and by their
//! user; never by a number alone, which the kernel may have given to somebody else since.

use super::{EmbeddedError, Folder, Identity};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// How often a stopping process is looked at: it is not our child, so nothing tells us of its end.
const LOOK: Duration = Duration::from_millis(10);

/// Stops what an earlier owner left, and clears its marks. The caller holds the folder's lock.
pub(super) fn take_over(folder: &Folder, identity: &Identity) -> Result<(), EmbeddedError> {
    let uid = identity.uid();
    // A fast stop; then an immediate one, after which the log is replayed; then no more asking.
    for (signal, patience) in [(Signal::INT, 30), (Signal::QUIT, 10), (Signal::KILL, 5)] {
        let found = processes(folder.name(), uid);
        if found.is_empty() {
            break;
        }
        let postmaster = written_pid(folder).filter(|pid| found.contains(pid));
        tracing::warn!(folder = %folder.root().display(), ?signal, processes = found.len(),
            "stopping a database server that an earlier process left behind");
        match (postmaster, signal) {
            // Its children end with it, in order.
            (Some(postmaster), Signal::INT) => send(postmaster, signal),
            // Children that lost their server end by themselves; SIGINT would only cancel a query.
            _ => found.into_iter().for_each(|pid| send(pid, signal)),
        }
        let deadline = Instant::now() + Duration::from_secs(patience);
        while !processes(folder.name(), uid).is_empty() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
    }
    if let Some(pid) = processes(folder.name(), uid).first() {
        let pid = pid.as_raw_nonzero().get();
        return Err(EmbeddedError::LeftBehind { folder: folder.root().to_owned(), pid });
    }
    let mark = folder.data().join("postmaster.pid");
    match std::fs::remove_file(&mark) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(EmbeddedError::file("remove", &mark)(error))
        }
        _ => Ok(()),
    }
}

fn send(pid: Pid, signal: Signal) {
    // It may have ended since it was listed.
    let _ = kill_process(pid, signal);
}

/// The number in `postmaster.pid`'s first line.
fn written_pid(folder: &Folder) -> Option<Pid> {
    let text = std::fs::read_to_string(folder.data().join("postmaster.pid")).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

/// Every process of the cluster `name` that belongs to `uid`. A zombie has no command line: it is gone.
pub(super) fn processes(name: &str, uid: u32) -> Vec<Pid> {
    let own = std::process::id();
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let number: u32 = entry.file_name().to_str()?.parse().ok()?;
            let its = number != own && entry.metadata().ok()?.uid() == uid;
            let line = its.then(|| std::fs::read(entry.path().join("cmdline")).ok())??;
            line.windows(name.len()).any(|part| part == name.as_bytes()).then_some(())?;
            Pid::from_raw(i32::try_from(number).ok()?)
        })
        .collect()
}
