//! Running one step in a container engine's container: without network and privileges, its root read-only, the
//! repository at `/work`.
//!
//! The engine's own program is called; what it is called with is a pure function of the step. Values of the
//! environment travel in a file, never in arguments. Deliberately absent: pulling images ahead of time, and any engine
//! that is not docker or podman.

mod call;

use crate::failure::Failure;
use crate::follow::{Followed, drain, follow, left};
use crate::log::Log;
use crate::sandbox::{Ended, Launch};
use call::Call;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io::{self, PipeReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What becomes of steps that name a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Containers {
    /// They run in this engine.
    Engine(Engine),
    /// They run in the sandbox, since the caller said so; the manifest records it.
    Ignored,
    /// They are refused.
    Missing {
        /// Which engines were looked for, and what each said.
        reason: String,
    },
}

/// A container engine that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    kind: Kind,
    program: PathBuf,
    rootless: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Docker,
    Podman,
}

/// Where a step runs.
pub(crate) enum Place<'a> {
    Sandbox,
    Engine(&'a Engine),
}

impl Containers {
    /// Looks for docker, then podman, on `PATH`, and asks whether it answers.
    pub fn find() -> Self {
        Self::find_on(&std::env::var_os("PATH").unwrap_or_default())
    }

    /// The same on another search path.
    pub fn find_on(path: &std::ffi::OsStr) -> Self {
        let mut reasons = Vec::new();
        for (kind, name) in [(Kind::Docker, "docker"), (Kind::Podman, "podman")] {
            let found =
                std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file());
            let Some(program) = found else {
                reasons.push(format!("{name} is not installed"));
                continue;
            };
            match Engine::ask(kind, program) {
                Ok(engine) => return Self::Engine(engine),
                Err(reason) => reasons.push(format!("{name} does not answer ({reason})")),
            }
        }
        Self::Missing { reason: reasons.join(", ") }
    }

    pub(crate) fn place(&self, image: &str) -> Result<Place<'_>, Failure> {
        match self {
            Self::Engine(engine) => Ok(Place::Engine(engine)),
            Self::Ignored => Ok(Place::Sandbox),
            Self::Missing { reason } => Err(Failure::ContainerUnavailable {
                image: image.to_owned(),
                reason: format!(
                    "{reason}; install or start one, or say --no-container to run such steps with this machine's \
                     own programs"
                ),
                transient: false,
            }),
        }
    }
}

impl Engine {
    /// What it calls itself.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Docker => "docker",
            Kind::Podman => "podman",
        }
    }

    fn ask(kind: Kind, program: PathBuf) -> Result<Self, String> {
        let format = match kind {
            Kind::Docker => "{{.ServerVersion}} {{.SecurityOptions}}",
            Kind::Podman => "{{.Version.Version}} {{.Host.Security.Rootless}}",
        };
        let answer = answer(Command::new(&program).args(["info", "--format", format]))?;
        let said = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        // docker exits with 0 and an empty version where only its client is there.
        if !answer.status.success() || said.is_empty() || said.starts_with("[]") || said.starts_with("<nil>")
        {
            let error = String::from_utf8_lossy(&answer.stderr);
            let last = error.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no answer");
            return Err(last.trim().to_owned());
        }
        let rootless = said.contains("rootless") || said.ends_with("true");
        Ok(Self { kind, program, rootless })
    }

    /// Runs a step to its end; its output goes to `log`. The container is gone when this returns.
    pub(crate) fn run(
        &self,
        launch: &Launch<'_>,
        image: &str,
        name: &str,
        owner: Option<(u32, u32)>,
        log: &mut Log,
        cancelled: Option<&PipeReader>,
    ) -> Result<Ended, Failure> {
        let machine = |error: io::Error| Failure::machine("a container cannot be started", error);
        let call = match Call::new(self, launch, image, name, owner) {
            Ok(call) => call,
            Err(reason) => return Ok(Ended::Refused(reason)),
        };
        launch.prepare(owner).and_then(|()| call.write_files()).map_err(machine)?;
        // One that an earlier process of this attempt left behind holds the name.
        self.remove(name);
        let mut create = Command::new(&self.program);
        create.args(&call.create).envs(call.multiline.iter().cloned());
        match follow_process(create, PULL, log, cancelled)? {
            Ended::Exited(0) => {}
            Ended::Exited(_) => {
                let said = String::from_utf8_lossy(log.tail()).trim().to_owned();
                let reason = said.lines().last().unwrap_or("the engine gave no reason").to_owned();
                return Ok(Ended::Unavailable { reason, transient: true });
            }
            Ended::TimedOut => {
                let reason = format!("it was not there after {} s", PULL.as_secs());
                return Ok(Ended::Unavailable { reason, transient: true });
            }
            other => return Ok(other),
        }
        let mut start = Command::new(&self.program);
        start.args(["start", "--attach", name]);
        let ended = follow_process(start, launch.limit, log, cancelled);
        self.remove(name);
        ended
    }

    /// Removes a container, running or not; a missing one is no error.
    fn remove(&self, name: &str) {
        let _missing = Command::new(&self.program)
            .args(["rm", "--force", "--volumes", name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// What one short call of the engine's program yields; an engine that hangs is one that does not answer.
fn answer(command: &mut Command) -> Result<std::process::Output, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Ok(process) = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
        let until = Instant::now() + ANSWER;
        let mut ended = [PollFd::new(&process, PollFlags::IN)];
        while poll(&mut ended, Some(&left(until))) == Err(rustix::io::Errno::INTR) {}
        if ended[0].revents().is_empty() {
            // What fails here is ended already.
            let _ended = child.kill();
            let _status = child.wait();
            return Err(format!("no answer within {} s", ANSWER.as_secs()));
        }
    }
    child.wait_with_output().map_err(|error| error.to_string())
}

/// Runs one call of the engine's program; its output goes to `log`.
fn follow_process(
    mut command: Command,
    limit: Duration,
    log: &mut Log,
    cancelled: Option<&PipeReader>,
) -> Result<Ended, Failure> {
    let machine = |error: io::Error| Failure::machine("the container engine cannot be called", error);
    let (output, writer) = io::pipe().map_err(machine)?;
    command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(machine)?).stderr(writer);
    let mut child = command.spawn().map_err(machine)?;
    // The command holds the pipe's other end.
    drop(command);
    let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
    let followed = match process {
        Ok(process) => follow(&process, &output, log, Instant::now() + limit, cancelled),
        Err(errno) => Err(errno.into()),
    };
    if !matches!(followed, Ok(Followed::Ready)) {
        // What fails here is ended already.
        let _ended = child.kill();
    }
    let status = child.wait().map_err(machine)?;
    drain(&output, log).map_err(machine)?;
    Ok(match followed.map_err(machine)? {
        Followed::Ready => {
            Ended::Exited(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
        }
        Followed::TimedOut => Ended::TimedOut,
        Followed::Cancelled => Ended::Cancelled,
    })
}

/// How long an engine may take to say that it is there.
const ANSWER: Duration = Duration::from_secs(10);
/// How long an image may take to be pulled.
const PULL: Duration = Duration::from_secs(15 * 60);
/// Where a container sees a step's script.
const SCRIPT: &str = "/campaigns-step.sh";

/// Where files of a step are kept for mounting.
fn files_folder(private: &Path) -> PathBuf {
    private.join("files")
}

#[cfg(test)]
mod tests;
