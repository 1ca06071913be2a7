//! What the caller and the sandbox's processes tell each other over their socket: one request, one report, each
//! as a length and JSON. Neither goes through arguments or the environment, which other processes can read.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// One step to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) run: String,
    /// The whole environment.
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) tree: PathBuf,
    /// Holds the folders `root`, `tmp` and `home`.
    pub(crate) private: PathBuf,
    pub(crate) workspace: String,
    /// The user and group to become.
    pub(crate) owner: Option<(u32, u32)>,
}

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The shell ended.
    Exited {
        /// 128 + n where signal n ended it.
        code: i32,
    },
    /// The step cannot be started as it is written.
    Refused { reason: String },
    /// The machine refused something.
    Broken { reason: String },
}

impl Request {
    /// # Errors
    /// Where the other side is gone.
    pub(crate) fn send(&self, socket: &mut UnixStream) -> io::Result<()> {
        send(self, socket)
    }

    /// # Errors
    /// Where the other side is gone.
    pub(crate) fn receive(socket: &mut UnixStream) -> io::Result<Self> {
        receive(socket)
    }
}

impl Report {
    /// # Errors
    /// Where the other side is gone.
    pub(crate) fn send(&self, socket: &mut UnixStream) -> io::Result<()> {
        send(self, socket)
    }

    /// # Errors
    /// Where the other side is gone.
    pub(crate) fn receive(socket: &mut UnixStream) -> io::Result<Self> {
        receive(socket)
    }
}

/// The socket that a process of the sandbox was started with.
///
/// # Errors
/// Where it was started without one.
pub(super) fn caller() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn send(value: &impl Serialize, socket: &mut UnixStream) -> io::Result<()> {
    let body = serde_json::to_vec(value)?;
    let size = u32::try_from(body.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    socket.write_all(&[&size.to_le_bytes()[..], &body].concat())
}

fn receive<T: DeserializeOwned>(socket: &mut UnixStream) -> io::Result<T> {
    let mut size = [0; 4];
    socket.read_exact(&mut size)?;
    let mut body = vec![0; u32::from_le_bytes(size) as usize];
    socket.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}
