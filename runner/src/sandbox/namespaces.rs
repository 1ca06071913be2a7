//! The two processes of a sandbox in namespaces: `outer`, which enters them, and `init`, process 1 in there.
//!
//! Both have one thread and an empty environment, and end with the caller: by the parent's death signal, and by
//! the socket where that came too early. Deliberately absent: what the step sees (`mounts`) and may
//! (`privileges`).

use super::{MARK, Report, Request, mounts, privileges, shell, wire};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, set_parent_process_death_signal, setsid, wait,
};
use rustix::thread::UnshareFlags;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus};

/// Enters the namespaces and runs process 1 to its end.
pub(super) fn outer() -> i32 {
    let Ok(mut caller) = wire::caller() else { return 2 };
    match enter(&mut caller) {
        Ok(()) => 0,
        Err(reason) => broken(&mut caller, reason),
    }
}

fn enter(caller: &mut UnixStream) -> Result<(), String> {
    let request = Request::receive(caller).map_err(said("the request cannot be read"))?;
    end_with_caller(caller)?;
    // A session of its own: no terminal to type into, and one group to kill.
    setsid().map_err(said("no session of its own"))?;
    let apart = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS;
    if request.owner.is_some() {
        unshare(apart).map_err(said("the kernel refuses namespaces"))?;
    } else {
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        unshare(apart | UnshareFlags::NEWUSER).map_err(said("the kernel refuses user namespaces"))?;
        privileges::map_to(0, user, group)?;
    }
    let socket: OwnedFd = caller.try_clone().map_err(said("the socket cannot be handed on"))?.into();
    let mut init = Command::new("/proc/self/exe")
        .args([MARK, "init"])
        .env_clear()
        .stdin(socket)
        .spawn()
        .map_err(said("process 1 cannot be started"))?;
    let ended = watch(&init, caller);
    // It has ended, or nobody wants it any more. It is reaped only when everything inside is gone.
    let _ended = init.kill();
    init.wait().map_err(said("process 1 cannot be waited for"))?;
    ended
}

/// Waits until process 1 ends, or the caller lets go of the socket.
fn watch(init: &Child, caller: &UnixStream) -> Result<(), String> {
    let process = pidfd_open(Pid::from_child(init), PidfdFlags::empty())
        .map_err(said("process 1 cannot be watched"))?;
    let mut fds = [PollFd::new(&process, PollFlags::IN), PollFd::new(caller, PollFlags::RDHUP)];
    loop {
        match poll(&mut fds, None) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(format!("process 1 cannot be watched: {errno}")),
        }
    }
}

/// Runs the step as process 1 of its namespaces, and reports.
pub(super) fn init() -> i32 {
    let Ok(mut caller) = wire::caller() else { return 2 };
    let report = match start(&mut caller) {
        Ok(report) => report,
        Err(reason) => return broken(&mut caller, reason),
    };
    i32::from(report.send(&mut caller).is_err())
}

fn start(caller: &mut UnixStream) -> Result<Report, String> {
    let request = Request::receive(caller).map_err(said("the request cannot be read"))?;
    end_with_caller(caller)?;
    rustix::system::sethostname(b"sandbox").map_err(said("the host name cannot be set"))?;
    privileges::raise_loopback()?;
    if let Err(reason) = mounts::build(&request)? {
        return Ok(Report::Refused { reason });
    }
    privileges::limit()?;
    privileges::give_up(request.owner)?;
    // Changing the user cleared it.
    end_with_caller(caller)?;
    let folder = std::path::Path::new(mounts::WORK).join(&request.workspace);
    if !folder.is_dir() {
        let reason = format!("the folder `{}` is not there any more", request.workspace);
        return Ok(Report::Refused { reason });
    }
    match shell(&request).current_dir(folder).spawn() {
        Ok(child) => reap(Pid::from_child(&child)),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::TOOBIG.raw_os_error()) => {
            Ok(Report::Refused { reason: too_big() })
        }
        Err(error) => Err(format!("/bin/sh cannot be started: {error}")),
    }
}

pub(super) fn too_big() -> String {
    "its script, or one value of its environment, is larger than the 128 KiB that the kernel passes on: put it into \
     a file"
        .to_owned()
}

/// Waits for the shell, and for whatever the step left to process 1.
fn reap(shell: Pid) -> Result<Report, String> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == shell => {
                use std::os::unix::process::ExitStatusExt;
                let status = ExitStatus::from_raw(status.as_raw());
                let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
                return Ok(Report::Exited { code });
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(format!("the shell cannot be waited for: {errno}")),
        }
    }
}

/// Asks the kernel to kill this process when the one that started it ends, and ends at once where that, or the
/// caller, is gone already.
fn end_with_caller(caller: &UnixStream) -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(said("no parent's death signal"))?;
    let mut fds = [PollFd::new(caller, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut fds, Some(&now)) {
        Ok(_) if fds[0].revents().intersects(PollFlags::RDHUP | PollFlags::HUP) => {
            Err("the caller is gone".to_owned())
        }
        _ => Ok(()),
    }
}

#[allow(
    deprecated,
    reason = "the library withdrew its safe `unshare` for the sake of CLONE_FILES, which makes file descriptors \
              differ between threads; that flag is never given here, and this process has one thread"
)]
pub(super) fn unshare(flags: UnshareFlags) -> Result<(), rustix::io::Errno> {
    rustix::thread::unshare(flags)
}

fn broken(caller: &mut UnixStream, reason: String) -> i32 {
    let _caller_is_gone = Report::Broken { reason }.send(caller);
    1
}

/// An error in words: what did not work, and what the kernel says.
pub(super) fn said<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {}", error.into())
}
