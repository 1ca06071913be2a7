//! What stays behind of a scenario that is ended, fails or is killed: nothing. A scenario is carried out by a process of
//! its own, in a folder of its own; this one waits for it, and when it is over, however that came, ends every process
//! that is left of it and removes the folder.
//!
//! The kernel hands the processes of a parent that has ended to this one, and so all of them are found, whoever started
//! them. Deliberately absent: ending them gently. What they keep is thrown away.

use anyhow::{Context as _, Result};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, set_parent_process_death_signal,
    wait,
};
use std::{
    env, fs,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    process::{Command, ExitCode},
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// Says to a process that it is to carry a scenario out, and not to guard one.
const GUARDED: &str = "CAMPAIGNS_LOADTEST_GUARDED";
/// How often it is looked whether all that were killed have ended.
const LOOK: Duration = Duration::from_millis(5);
/// What shells add to the number of a signal that ended a process.
const BY_SIGNAL: u8 = 128;

/// Whether this process is the one that carries the scenario out. It is killed by the kernel where its guardian is.
pub(crate) fn is_guarded() -> bool {
    let guarded = env::var_os(GUARDED).is_some();
    if guarded {
        // Where the kernel refuses, only a guardian that is killed leaves something behind.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
    guarded
}

/// Has the scenario that the arguments of this process name carried out, and cleans up after it.
pub(crate) fn guard() -> Result<ExitCode> {
    set_child_subreaper(Some(getpid())).context("the kernel does not hand over orphans")?;
    let room = tempfile::Builder::new().prefix("loadtest-").tempdir()?;
    // A database that runs as another user has to get through to its folder.
    fs::set_permissions(room.path(), fs::Permissions::from_mode(0o711))?;
    let ended = carry_out(room.path());
    end_all();
    room.close().context("what the scenario left could not be removed")?;
    ended
}

/// Waits until the scenario is over, or somebody asks for its end; the exit code that says so.
fn carry_out(room: &std::path::Path) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let own = env::current_exe().context("this program does not know where it is")?;
        let mut command = Command::new(own);
        command.args(env::args_os().skip(1)).env(GUARDED, "1").env("TMPDIR", room);
        let mut child = tokio::process::Command::from(command).spawn()?;
        let asked = tokio::select! {
            ended = child.wait() => {
                let ended = ended?;
                let code = ended.code().and_then(|code| u8::try_from(code).ok());
                let signal = ended.signal().and_then(|signal| u8::try_from(signal).ok());
                return Ok(ExitCode::from(code.unwrap_or(BY_SIGNAL + signal.unwrap_or_default())));
            }
            _ = terminate.recv() => Signal::TERM,
            _ = interrupt.recv() => Signal::INT,
        };
        child.kill().await?;
        Ok(ExitCode::from(BY_SIGNAL + u8::try_from(asked.as_raw()).unwrap_or_default()))
    })
}

/// Kills what is left of the scenario's processes, and whatever comes to light as these end, and waits for all of them.
fn end_all() {
    loop {
        for orphan in children() {
            // What has ended meanwhile is waited for below.
            let _ = kill_process(orphan, Signal::KILL);
        }
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                // There is none left.
                Err(_) => return,
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// The processes whose parent this one is.
fn children() -> Vec<Pid> {
    let me = getpid().as_raw_nonzero().get();
    let Ok(processes) = fs::read_dir("/proc") else { return vec![] };
    let child = |name: &str| {
        let number = name.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        // The name before may hold spaces; it ends with the last bracket. The state follows, and then the parent.
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?;
        (parent.parse() == Ok(me)).then(|| Pid::from_raw(number)).flatten()
    };
    processes.flatten().filter_map(|entry| child(&entry.file_name().to_string_lossy())).collect()
}
