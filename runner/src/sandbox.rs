//! Running one step apart from the machine: in namespaces of its own where the kernel allows it, and otherwise as
//! a plain process, which is said plainly.
//!
//! Namespaces can only be entered safely by a process with one thread, so that a step is started by a new
//! process of this program: a binary that runs steps calls [`entry`] first thing in `main`. That process
//! (`outer`) enters user, mount, pid, network, ipc and uts namespaces and starts a second one (`init`), which is
//! process 1 in there: it builds a root of its own, gives up every privilege, starts the shell and reaps. When it
//! ends, the kernel ends everything the step started. Both hold a socket to the caller; when its other end is
//! gone they end too. Deliberately absent: limits on memory and CPU (control groups are the machine's business).

mod mounts;
mod namespaces;
mod plain;
mod privileges;
mod wire;

use crate::failure::Failure;
use crate::follow::{Followed, drain, follow, left};
use crate::log::Log;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use std::collections::BTreeMap;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
pub(crate) use wire::{Report, Request};

/// How steps are kept apart from the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Isolation {
    /// In namespaces of their own: no network, none of the machine's files but the system's, read-only.
    Namespaces,
    /// In plain processes, which can do what the caller can.
    None {
        /// What the kernel refused.
        reason: String,
    },
}

impl std::fmt::Display for Isolation {
    /// As manifests record it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Namespaces => f.write_str("namespaces"),
            Self::None { reason } => write!(f, "none: {reason}"),
        }
    }
}

/// The argument that makes a process of this program one of the sandbox's.
const MARK: &str = "__sandbox";
/// How long a stopped sandbox may take to end what it started, before it is killed itself.
const GRACE: Duration = Duration::from_secs(10);
/// What root's steps run as outside their user namespace: `nobody`, on every Linux.
pub(crate) const NOBODY: u32 = 65534;

/// The part of a binary that runs inside the sandbox: a no-op for every other process. To be called first thing
/// in `main`, before any thread is started.
pub fn entry() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == MARK) {
        let role = arguments.next().unwrap_or_default();
        let code = match role.to_str() {
            Some("outer") => namespaces::outer(),
            Some("init") => namespaces::init(),
            Some("plain") => plain::run(),
            _ => 2,
        };
        std::process::exit(code);
    }
}

/// Starts steps.
#[derive(Debug, Clone)]
pub struct Sandbox {
    program: PathBuf,
    isolation: Isolation,
    owner: Option<(u32, u32)>,
}

/// One step, with the folders made for it.
pub(crate) struct Launch<'a> {
    /// The script.
    pub(crate) run: &'a str,
    pub(crate) env: &'a BTreeMap<String, String>,
    pub(crate) files: &'a BTreeMap<String, String>,
    /// The repository's tree.
    pub(crate) tree: &'a Path,
    /// A fresh folder for what the step needs besides; made and removed by the caller.
    pub(crate) private: &'a Path,
    /// Where the step runs, relative to the tree.
    pub(crate) workspace: &'a str,
    pub(crate) limit: Duration,
}

/// How a step ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// It could not be started as it is written.
    Refused(String),
    /// Its time was over.
    TimedOut,
    /// It was called off.
    Cancelled,
    /// Its container cannot be had.
    Unavailable {
        /// What the engine says.
        reason: String,
        /// Whether it may be had later without anybody's doing.
        transient: bool,
    },
    /// The sandbox could not be set up, or broke.
    Broken(String),
}

impl Launch<'_> {
    /// Makes the folders inside [`Self::private`], for `owner`.
    ///
    /// # Errors
    /// What the disk yields.
    pub(crate) fn prepare(&self, owner: Option<(u32, u32)>) -> io::Result<()> {
        for name in ["root", "tmp", "home"] {
            let folder = self.private.join(name);
            std::fs::create_dir(&folder)?;
            if let Some((user, group)) = owner {
                std::os::unix::fs::chown(&folder, Some(user), Some(group))?;
            }
        }
        Ok(())
    }
}

impl Sandbox {
    /// A sandbox whose processes are made from `program` (one that calls [`entry`]), as tight as the kernel
    /// allows: what that is, is tried once by running a step in `folder`.
    ///
    /// # Errors
    /// Where `folder` cannot be written, or `program` cannot be started.
    pub fn probe(program: &Path, folder: &Path) -> io::Result<Self> {
        // Root's steps run as nobody: even without any capability, root owns too much of /proc.
        let owner = rustix::process::geteuid().is_root().then_some((NOBODY, NOBODY));
        let sandbox = Self { program: program.to_owned(), isolation: Isolation::Namespaces, owner };
        let scratch = folder.canonicalize()?.join(format!("probe-{}", std::process::id()));
        let (tree, private) = (scratch.join("tree"), scratch.join("private"));
        std::fs::create_dir_all(&tree)?;
        std::fs::create_dir_all(&private)?;
        let mut log = Log::create(&scratch.join("log"), 4096)?;
        let launch = Launch {
            run: "exit 7",
            env: &BTreeMap::new(),
            files: &BTreeMap::new(),
            tree: &tree,
            private: &private,
            workspace: "",
            limit: Duration::from_secs(10),
        };
        let ended = sandbox.run(&launch, &mut log, None);
        let tail = String::from_utf8_lossy(log.tail()).into_owned();
        std::fs::remove_dir_all(&scratch)?;
        let reason = match ended.map_err(|failure| io::Error::other(failure.to_string()))? {
            Ended::Exited(7) => return Ok(sandbox),
            Ended::Exited(code) => format!("a trial step ended with exit code {code} ({})", tail.trim()),
            Ended::Refused(reason) | Ended::Broken(reason) => reason,
            Ended::TimedOut | Ended::Cancelled | Ended::Unavailable { .. } => {
                "a trial step did not end".to_owned()
            }
        };
        Ok(sandbox.without_isolation(reason))
    }

    /// The same, running plain processes.
    pub fn without_isolation(self, reason: impl Into<String>) -> Self {
        Self { isolation: Isolation::None { reason: reason.into() }, owner: None, ..self }
    }

    /// How steps are kept apart here.
    pub fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    /// Who the tree and the private folders have to belong to.
    pub(crate) fn owner(&self) -> Option<(u32, u32)> {
        self.owner
    }

    /// Runs a step to its end; its output goes to `log`. When this returns, nothing that it started is left.
    pub(crate) fn run(
        &self,
        launch: &Launch<'_>,
        log: &mut Log,
        cancelled: Option<&PipeReader>,
    ) -> Result<Ended, Failure> {
        let machine = |error: io::Error| Failure::machine("a step cannot be started", error);
        let deadline = Instant::now() + launch.limit;
        launch.prepare(self.owner).map_err(machine)?;
        let (mut socket, theirs) = UnixStream::pair().map_err(machine)?;
        let (output, writer) = io::pipe().map_err(machine)?;
        let role = if self.isolation == Isolation::Namespaces { "outer" } else { "plain" };
        let child = Command::new(&self.program)
            .args([MARK, role])
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(writer.try_clone().map_err(machine)?)
            .stderr(writer)
            .spawn()
            .map_err(machine)?;
        let mut started = Started { child, socket: socket.try_clone().map_err(machine)? };
        let request = self.request(launch);
        let sent = request.send(&mut socket).and_then(|()| match role {
            // Process 1 reads its own copy, so that nothing has to be handed on.
            "outer" => request.send(&mut socket),
            _ => Ok(()),
        });
        let ended = match sent {
            Ok(()) => follow(&socket, &output, log, deadline, cancelled).map(|followed| match followed {
                Followed::TimedOut => Ended::TimedOut,
                Followed::Cancelled => Ended::Cancelled,
                Followed::Ready => match Report::receive(&mut socket) {
                    Ok(Report::Exited { code }) => Ended::Exited(code),
                    Ok(Report::Refused { reason }) => Ended::Refused(reason),
                    Ok(Report::Broken { reason }) => Ended::Broken(reason),
                    Err(error) => Ended::Broken(format!("the sandbox ended without a report ({error})")),
                },
            }),
            Err(error) => Ok(Ended::Broken(format!("the sandbox did not start: {error}"))),
        };
        started.end();
        // Everything that could write is gone; what the pipe still holds belongs to the log.
        let drained = drain(&output, log);
        let ended = ended.map_err(|error| Failure::machine("a step cannot be followed", error))?;
        drained.map_err(|error| Failure::machine("the log cannot be written", error))?;
        Ok(ended)
    }

    fn request(&self, launch: &Launch<'_>) -> Request {
        let (home, tmp) = match self.isolation {
            Isolation::Namespaces => (PathBuf::from("/home"), PathBuf::from("/tmp")),
            Isolation::None { .. } => (launch.private.join("home"), launch.private.join("tmp")),
        };
        let mut env = BTreeMap::from([
            ("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("HOME".to_owned(), home.display().to_string()),
            ("TMPDIR".to_owned(), tmp.display().to_string()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ]);
        env.extend(launch.env.clone());
        Request {
            run: launch.run.to_owned(),
            env,
            files: launch.files.clone(),
            tree: launch.tree.to_owned(),
            private: launch.private.to_owned(),
            workspace: launch.workspace.to_owned(),
            owner: self.owner,
        }
    }
}

/// A started sandbox; ended at the latest when it is dropped.
struct Started {
    child: Child,
    socket: UnixStream,
}

impl Started {
    fn end(&mut self) {
        // The sandbox ends what it started when its socket closes, and only it can wait for all of that.
        let _gone = self.socket.shutdown(std::net::Shutdown::Both);
        let pid = Pid::from_child(&self.child);
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) {
            let mut ended = [PollFd::new(&process, PollFlags::IN)];
            let until = Instant::now() + GRACE;
            while poll(&mut ended, Some(&left(until))) == Err(rustix::io::Errno::INTR) {}
        }
        // For one that hangs. It leads a session of its own by now, or never will.
        let _gone = kill_process(pid, Signal::KILL);
        let _gone = kill_process_group(pid, Signal::KILL);
        let _status = self.child.wait();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.end();
        }
    }
}

/// The shell of a step, without anything of its own.
fn shell(request: &Request) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-e", "-c", &request.run]).env_clear().envs(&request.env).stdin(Stdio::null());
    command
}
