//! Plants a repository: a bare one with one initial commit, written straight into one pack, which is what a forge's
//! storage looks like: a few files in process, so that ten thousand small repositories take seconds, trees of any
//! size by `git fast-import`. The commit is the same either way. Journalling it is the caller's.

use crate::git::objects::{NewCommit, PathEdit, Person, edit_tree, write_commit};
use crate::git::{Store, command};
use git2::{Buf, Repository};
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

/// The commit's message.
const MESSAGE: &str = "Initial commit\n";
/// So many files at most are written in process.
const FEW: usize = 16;

/// Plants `files` as the only commit of `branch`; returns the bytes they hold.
pub fn plant(store: &Store, id: u64, branch: &str, author: &Person, files: &[Planted]) -> io::Result<u64> {
    let repository = store.create(id, branch).map_err(io::Error::other)?;
    // libgit2 takes a path for text.
    if files.len() <= FEW && files.iter().all(|file| std::str::from_utf8(&file.path).is_ok()) {
        return pack(&repository, branch, author, files);
    }
    import(store, id, branch, author, files)
}

/// The same in process: everything into memory, and from there into one pack.
fn pack(repository: &Repository, branch: &str, author: &Person, files: &[Planted]) -> io::Result<u64> {
    let odb = repository.odb().map_err(io::Error::other)?;
    // In front of the folder's own, which have priorities of 1 and 2.
    let memory = odb.add_new_mempack_backend(3).map_err(io::Error::other)?;
    let (mut edits, mut size) = (vec![], 0);
    for file in files {
        let path = String::from_utf8_lossy(&file.path).into_owned();
        let read;
        let content = match &file.content {
            Content::Bytes(bytes) => bytes,
            Content::File(path) => {
                read = std::fs::read(path)?;
                &read
            }
        };
        size += content.len() as u64;
        let oid = repository.blob(content).map_err(io::Error::other)?;
        edits.push((path, PathEdit::Put { oid, mode: file.mode.cast_signed() }));
    }
    let tree = edit_tree(repository, None, edits).map_err(io::Error::other)?;
    let commit = NewCommit { author, committer: author, message: MESSAGE, tree, parents: &[] };
    let commit = write_commit(repository, &commit, None, None).map_err(io::Error::other)?;
    let mut packed = Buf::new();
    memory.dump(repository, &mut packed).map_err(io::Error::other)?;
    let mut writer = odb.packwriter().map_err(io::Error::other)?;
    writer.write_all(&packed)?;
    writer.commit().map_err(io::Error::other)?;
    repository
        .reference(&format!("refs/heads/{branch}"), commit, true, "planted")
        .map_err(io::Error::other)?;
    Ok(size)
}

fn import(store: &Store, id: u64, branch: &str, author: &Person, files: &[Planted]) -> io::Result<u64> {
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
    let who = format!("{} <{}> {} +0000", author.name, author.email, author.when.0);
    write!(to, "commit refs/heads/{branch}\nauthor {who}\ncommitter {who}\n")?;
    write!(to, "data {}\n{MESSAGE}", MESSAGE.len())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_is_the_same_however_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        let author =
            Person { name: "Mary".into(), email: "mary@example.com".into(), when: (1_700_000_000, 0) };
        let file = |path: &str, mode, bytes: &[u8]| Planted {
            path: path.into(),
            mode,
            content: Content::Bytes(bytes.to_vec()),
        };
        let files = [
            file("README.md", 0o100_644, b"# One\n"),
            file("bin/run", 0o100_755, b"#!/bin/sh\n"),
            file("bin/deep/er", 0o120_000, b"../run"),
            file("nothing", 0o100_644, b""),
        ];
        let tip = |id| {
            let repository = store.open(id).unwrap();
            let commit = crate::git::refs::tip(&repository, "main").unwrap();
            // Whole, and in a pack.
            let output = std::process::Command::new("git")
                .current_dir(store.path(id))
                .args(["fsck", "--strict", "--no-dangling"])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let packs = std::fs::read_dir(store.path(id).join("objects/pack")).unwrap();
            let packs = packs.filter(|file| {
                file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "pack")
            });
            assert_eq!(packs.count(), 1);
            commit
        };
        assert_eq!(plant(&store, 1, "main", &author, &files).unwrap(), 22);
        drop(store.create(2, "main").unwrap());
        assert_eq!(import(&store, 2, "main", &author, &files).unwrap(), 22);
        assert_eq!(tip(1), tip(2));
        plant(&store, 3, "main", &author, &[]).unwrap();
        drop(store.create(4, "main").unwrap());
        import(&store, 4, "main", &author, &[]).unwrap();
        assert_eq!(tip(3), tip(4));
    }
}
