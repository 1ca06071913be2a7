//! A redis-server of our own as a child process, for `campaigns demo --replicas` and for tests: on a socket in a folder,
//! without anything on disk, ended with this process by the kernel.
//!
//! Deliberately absent: use in production, where REDIS_URL names a server that somebody looks after.

use crate::{config::RedisUrl, keeper::Keeper};
use rustix::process::Signal;
use std::{
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How long a server may take to listen.
const SILENCE: Duration = Duration::from_secs(60);
/// How often a starting server is asked.
const ASK: Duration = Duration::from_millis(5);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// None is installed, or it cannot be run.
    #[error(
        "redis-server cannot be started: {0}. Install it, for instance with: apt-get install redis-server"
    )]
    NotStarted(io::Error),
    /// It ended at once, or does not listen.
    #[error("redis-server does not listen on {socket}: {why}; its log is beside that")]
    Silent {
        /// Where it should.
        socket: PathBuf,
        /// What is known.
        why: String,
    },
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct RedisServer {
    socket: PathBuf,
    keeper: Keeper,
}

impl RedisServer {
    /// Starts a server whose socket and log are in `folder`. Blocks until it takes connections, a few milliseconds.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn start(folder: &Path) -> Result<Self, ServerError> {
        Self::start_with(folder, &[])
    }

    /// The same with more of redis-server's own arguments.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn start_with(folder: &Path, arguments: &[&str]) -> Result<Self, ServerError> {
        let program = program().ok_or_else(|| ServerError::NotStarted(io::ErrorKind::NotFound.into()))?;
        let socket = folder.join("redis.sock");
        // What a killed server left there would be taken for the new one.
        match std::fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ServerError::NotStarted(error));
            }
            _ => {}
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(&socket)
            .args(["--unixsocketperm", "700", "--maxmemory-policy", "noeviction", "--dir"])
            .arg(folder)
            .arg("--logfile")
            .arg(folder.join("redis.log"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let keeper = Keeper::spawn(command, "the redis-server").map_err(ServerError::NotStarted)?;
        let server = Self { socket, keeper };
        let deadline = Instant::now() + SILENCE;
        loop {
            if UnixStream::connect(&server.socket).is_ok() {
                return Ok(server);
            }
            let why = match server.keeper.wait(ASK) {
                Some(Ok(status)) => format!("it ended ({status})"),
                Some(Err(error)) => error.to_string(),
                None if Instant::now() >= deadline => "it takes too long".to_owned(),
                None => continue,
            };
            return Err(ServerError::Silent { socket: server.socket.clone(), why });
        }
    }

    /// Its address.
    ///
    /// # Errors
    /// Where the folder's name cannot be part of an address.
    pub fn url(&self) -> Result<RedisUrl, crate::config::NotRedis> {
        format!("redis+unix://{}", self.socket.display()).parse()
    }

    /// The server's process id.
    pub fn pid(&self) -> i32 {
        self.keeper.pid()
    }

    /// Kills it, at once and with everything that it holds.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.keeper.signal(Signal::KILL);
        let _ = self.keeper.wait(SILENCE);
    }
}

/// The installed server.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|program| program.is_file())
}
