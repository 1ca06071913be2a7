//! The thread that owns the process of a server of ours, a database or a Redis. The death signal fires when the
//! *thread* that spawned the child ends (prctl(2)), so this one lives exactly as long as the child: a pool's thread
//! would take the server with it when it retires. Deliberately absent: starting it again.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::io;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A running child and the thread that waits for it.
#[derive(Debug)]
pub(crate) struct Keeper {
    pid: Pid,
    shared: Arc<Shared>,
    ended: Mutex<Receiver<io::Result<ExitStatus>>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// True once the process is reaped: from then on its number may be somebody else's.
    reaped: Mutex<bool>,
    /// Whether we asked it to end.
    asked: AtomicBool,
}

impl Keeper {
    /// Starts `command` on a thread of its own; `what` is the server's name for people.
    pub(crate) fn spawn(command: Command, what: &'static str) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (started, starting) = sync_channel(1);
        let (ending, ended) = sync_channel(1);
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("server-keeper".to_owned())
            .spawn(move || keep(command, what, &theirs, &started, &ending))?;
        let pid = starting.recv().map_err(io::Error::other)??;
        Ok(Self { pid, shared, ended: Mutex::new(ended) })
    }

    /// The child's process id.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Asks the child to end.
    pub(crate) fn signal(&self, signal: Signal) {
        self.shared.asked.store(true, Ordering::SeqCst);
        let reaped = self.shared.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            // The only refusal possible is that it just ended, which `wait` tells.
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Waits for the child's end; `None` when it still runs after `patience`. Answers once.
    pub(crate) fn wait(&self, patience: Duration) -> Option<io::Result<ExitStatus>> {
        match self.ended.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience) {
            Ok(status) => Some(status),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(io::Error::other("its end was told before"))),
        }
    }

    /// Whether the child still runs.
    pub(crate) fn runs(&self) -> bool {
        !*self.shared.reaped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(
    mut command: Command,
    what: &str,
    shared: &Shared,
    started: &SyncSender<io::Result<Pid>>,
    ending: &SyncSender<io::Result<ExitStatus>>,
) {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let pid = Pid::from_child(&child);
    let _ = started.send(Ok(pid));
    // First see the end, then reap under the lock, so that nobody signals a number that is free again.
    while matches!(
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT),
        Err(rustix::io::Errno::INTR)
    ) {}
    let status = {
        let mut reaped = shared.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        *reaped = true;
        child.wait()
    };
    if !shared.asked.load(Ordering::SeqCst) {
        tracing::error!(?status, "{what} ended unasked");
    }
    let _ = ending.send(status);
}
