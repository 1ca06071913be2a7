//! A step without namespaces: a plain process that can do what the caller can.
//!
//! What remains is an empty environment, no new privileges, limits, and that nothing survives: this process adopts
//! everything the step leaves behind (it is their "subreaper") and kills it, at the step's end as well as when the
//! caller lets go of the socket or dies. Deliberately absent: files at absolute paths, for there is no private `/tmp`.

use super::namespaces::{said, too_big};
use super::{Report, Request, privileges, shell, wire};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, setsid, wait};
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Runs the step and reports.
pub(super) fn run() -> i32 {
    let Ok(mut caller) = wire::caller() else { return 2 };
    let report = match start(&mut caller) {
        Ok(report) => report,
        Err(reason) => Report::Broken { reason },
    };
    end_everything();
    i32::from(report.send(&mut caller).is_err())
}

fn start(caller: &mut UnixStream) -> Result<Report, String> {
    let request = Request::receive(caller).map_err(said("the request cannot be read"))?;
    if let Some(path) = request.files.keys().next() {
        let reason = format!(
            "its file `{path}` needs a sandbox with a private /tmp, which this machine does not allow; let the step \
             write it with a here-document"
        );
        return Ok(Report::Refused { reason });
    }
    setsid().map_err(said("no session of its own"))?;
    set_child_subreaper(Some(getpid())).map_err(said("orphans cannot be adopted"))?;
    privileges::limit_plain()?;
    let mut watched = caller.try_clone().map_err(said("the socket cannot be watched"))?;
    let folder = request.tree.join(&request.workspace);
    if !folder.is_dir() {
        let reason = format!("the folder `{}` is not there any more", request.workspace);
        return Ok(Report::Refused { reason });
    }
    let child = match shell(&request).current_dir(folder).spawn() {
        Ok(child) => Pid::from_child(&child),
        Err(error) if error.raw_os_error() == Some(Errno::TOOBIG.raw_os_error()) => {
            return Ok(Report::Refused { reason: too_big() });
        }
        Err(error) => return Err(format!("/bin/sh cannot be started: {error}")),
    };
    // The caller never writes again: a read ends when it closes the socket, or dies.
    std::thread::spawn(move || {
        let _closed = watched.read(&mut [0]);
        end_descendants();
    });
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child => {
                let status = ExitStatus::from_raw(status.as_raw());
                let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
                return Ok(Report::Exited { code });
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(format!("the shell cannot be waited for: {errno}")),
        }
    }
}

/// Kills every descendant until none is left. One that forks meanwhile leaves its children to this process, which
/// the next round finds.
fn end_everything() {
    loop {
        end_descendants();
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn end_descendants() {
    for pid in descendants(getpid()) {
        let _gone = kill_process(pid, Signal::KILL);
    }
}

/// Every process below `ancestor`, from `/proc/*/stat`.
fn descendants(ancestor: Pid) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // pid (name) state parent …, where the name may hold anything, brackets and spaces too (proc(5)).
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        if let Some(parent) = parent.and_then(|parent| parent.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = HashSet::new();
    let mut open = vec![ancestor.as_raw_nonzero().get()];
    while let Some(pid) = open.pop() {
        for child in children.get(&pid).into_iter().flatten() {
            if found.insert(*child) {
                open.push(*child);
            }
        }
    }
    found.into_iter().filter_map(Pid::from_raw).collect()
}
