//! Plants a repository: a bare one with one initial commit, written by `git fast-import` straight into one pack,
//! which is what a forge's storage looks like and is quick for trees of any size. Journalling it is the
//! caller's.

use crate::git::objects::Person;
use crate::git::{Store, command};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::Stdio;

/// Where a file's content comes from.
#[derive(Clone, Debug)]
pub enum Content {
    /// Here.
    Bytes(Vec<u8>),
    /// A file on disk.
    File(PathBuf),
}

/// A file to plant.
#[derive(Clone, Debug)]
pub struct Planted {
    /// Path from the root, bytes as git has them.
    pub path: Vec<u8>,
    /// `0o100644`, `0o100755` or `0o120000`.
    pub mode: u32,
    /// Its content; for a symlink, where it points.
    pub content: Content,
}

/// Plants `files` as the only commit of `branch`; returns the bytes they hold.
pub fn plant(store: &Store, id: u64, branch: &str, author: &Person, files: &[Planted]) -> io::Result<u64> {
    store.create(id, branch).map_err(io::Error::other)?;
    let mut child = command(&store.path(id))
        .as_std_mut()
        .args(["-c", "fastimport.unpackLimit=1", "-c", "core.compression=1"])
        .args(["fast-import", "--quiet", "--done"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let fed =
        child.stdin.take().map(|input| feed(BufWriter::with_capacity(1 << 16, input), branch, author, files));
    let output = child.wait_with_output()?;
    let size = fed.unwrap_or_else(|| Err(io::Error::other("git has no input")));
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!(
            "git fast-import: {}",
            said.lines().next().unwrap_or("failed")
        )));
    }
    size
}

fn feed(mut to: impl Write, branch: &str, author: &Person, files: &[Planted]) -> io::Result<u64> {
    let message = "Initial commit\n";
    let who = format!("{} <{}> {} +0000", author.name, author.email, author.when.0);
    write!(to, "commit refs/heads/{branch}\nauthor {who}\ncommitter {who}\n")?;
    write!(to, "data {}\n{message}", message.len())?;
    let mut size = 0;
    for file in files {
        write!(to, "M {:06o} inline ", file.mode)?;
        to.write_all(&quoted(&file.path))?;
        match &file.content {
            Content::Bytes(bytes) => size += data(&mut to, bytes)?,
            Content::File(path) => size += data(&mut to, &std::fs::read(path)?)?,
        }
    }
    to.write_all(b"done\n")?;
    to.flush()?;
    Ok(size)
}

fn data(to: &mut impl Write, bytes: &[u8]) -> io::Result<u64> {
    write!(to, "\ndata {}\n", bytes.len())?;
    to.write_all(bytes)?;
    to.write_all(b"\n")?;
    Ok(bytes.len() as u64)
}

/// A path in fast-import's C-style quotes.
fn quoted(path: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in path {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\n' => out.extend(b"\\n"),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
    out
}
