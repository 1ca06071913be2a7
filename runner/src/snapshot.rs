//! Unpacking a snapshot of a commit's tree, and remembering what was unpacked, so that changes can be found
//! later without git.
//!
//! A snapshot is a tar of every path of the tree at its exact bytes and mode; symbolic links are kept,
//! submodules are absent. The contents stay in the tar, by offset, for the diff. Nothing is synced to disk: the
//! work folder is thrown away. Deliberately absent: making a snapshot, and checking it against a commit.

use crate::beneath::{Beneath, Stamp, look};
use crate::failure::{Failure, readable};
use campaigns_domain::execution::FileMode;
use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use sha1::{Digest, Sha1};
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use tar::EntryType;

/// A git blob's id: SHA-1 over `blob <size>\0` and the content.
pub(crate) type BlobId = [u8; 20];

/// Who the unpacked files shall belong to; `None` leaves them to the caller.
pub(crate) type Owner = Option<(u32, u32)>;

/// What was unpacked, and where its contents are.
pub(crate) struct Baseline {
    tar: File,
    /// In byte order of the paths.
    entries: Vec<(Vec<u8>, Unpacked)>,
    /// The newest change time when unpacking was done: a file that changed before it and has the same times now
    /// was not touched since. One that changed *at* it may have been, within the clock's tick.
    settled: (i64, i64),
}

/// One unpacked path.
#[derive(Debug, Clone)]
pub(crate) struct Unpacked {
    /// Its mode in the tree.
    pub(crate) mode: FileMode,
    /// Its git blob id.
    pub(crate) blob: BlobId,
    /// Bytes.
    pub(crate) size: u64,
    offset: u64,
    link: Option<Vec<u8>>,
    stamp: Stamp,
}

/// The id git gives to `content`.
pub(crate) fn blob_id(content: &[u8]) -> BlobId {
    let mut hash = blob_hash(content.len() as u64);
    hash.update(content);
    hash.finalize().into()
}

/// A hash that has seen the head of a blob of `size` bytes.
pub(crate) fn blob_hash(size: u64) -> Sha1 {
    let mut hash = Sha1::new();
    hash.update(format!("blob {size}\0"));
    hash
}

impl Baseline {
    /// Unpacks `tar` into the empty folder `tree`.
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] where the tar is broken, names a path outside the folder or under `.git`, holds
    /// anything but files, folders and symbolic links, or the disk fails.
    pub(crate) fn unpack(tar: File, tree: BorrowedFd<'_>, owner: Owner) -> Result<Self, Failure> {
        let broken = |error: std::io::Error| Failure::machine("the snapshot cannot be read", error);
        let mut unpacking = Unpacking {
            tree: Beneath::new(tree.try_clone_to_owned().map_err(broken)?),
            owner,
            buffer: vec![0; 64 * 1024],
        };
        let mut entries = Vec::new();
        let mut archive = tar::Archive::new(BufReader::with_capacity(256 * 1024, &tar));
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let kind = entry.header().entry_type();
            if kind == EntryType::XGlobalHeader {
                continue;
            }
            let mut path = entry.path_bytes().into_owned();
            if kind == EntryType::Directory && path.last() == Some(&b'/') {
                path.pop();
            }
            check(&path)?;
            let failed = |error: std::io::Error| {
                Failure::machine(&format!("`{}` cannot be unpacked", readable(&path)), error)
            };
            let unpacked = match kind {
                EntryType::Directory => {
                    unpacking.folder(&path).map_err(|e| failed(e.into()))?;
                    continue;
                }
                EntryType::Symlink => {
                    let link = entry.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default();
                    unpacking.link(&path, link).map_err(|e| failed(e.into()))?
                }
                EntryType::Regular | EntryType::Continuous => {
                    let executable = entry.header().mode().map_err(broken)? & 0o100 != 0;
                    let (offset, size) = (entry.raw_file_position(), entry.size());
                    unpacking.file(&path, &mut entry, size, offset, executable).map_err(failed)?
                }
                other => {
                    let what = format!("`{}` is of kind {other:?}", readable(&path));
                    return Err(Failure::machine("the snapshot is not one of ours", what));
                }
            };
            entries.push((path, unpacked));
        }
        drop(archive);
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let settled = entries.iter().map(|(_, entry)| entry.stamp.changed).max().unwrap_or_default();
        Ok(Self { tar, entries, settled })
    }

    /// How many paths were unpacked.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The unpacked paths with their places in order.
    pub(crate) fn entries(&self) -> &[(Vec<u8>, Unpacked)] {
        &self.entries
    }

    /// Where `path` is among [`Self::entries`].
    pub(crate) fn find(&self, path: &[u8]) -> Option<usize> {
        self.entries.binary_search_by(|(known, _)| known.as_slice().cmp(path)).ok()
    }

    /// Whether something was unpacked inside the folder `path`.
    pub(crate) fn holds_folder(&self, path: &[u8]) -> bool {
        let inside = [path, b"/"].concat();
        let next = self.entries.partition_point(|(known, _)| known.as_slice() < inside.as_slice());
        self.entries.get(next).is_some_and(|(known, _)| known.starts_with(&inside))
    }

    /// Whether a file with this stamp certainly still is the unpacked `entry`.
    pub(crate) fn untouched(&self, entry: &Unpacked, now: &Stamp) -> bool {
        entry.stamp == *now && entry.stamp.changed < self.settled
    }

    /// The content of `entry` as it was unpacked (a symbolic link's is its destination).
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] where the tar cannot be read again.
    pub(crate) fn content(&self, entry: &Unpacked) -> Result<Vec<u8>, Failure> {
        if let Some(link) = &entry.link {
            return Ok(link.clone());
        }
        let mut content = vec![0; usize::try_from(entry.size).unwrap_or(usize::MAX)];
        self.tar
            .read_exact_at(&mut content, entry.offset)
            .map_err(|error| Failure::machine("the snapshot cannot be read again", error))?;
        Ok(content)
    }
}

/// Refuses a path that a git tree cannot hold. (A tree may hold names that a change may not: those stay legal
/// here, as long as they lead nowhere else.)
fn check(path: &[u8]) -> Result<(), Failure> {
    let refused = |part: &[u8]| {
        matches!(part, b"" | b"." | b"..") || part.eq_ignore_ascii_case(b".git") || part.contains(&0)
    };
    if path.split(|byte| *byte == b'/').any(refused) {
        let what = format!("it holds the path `{}`", readable(path));
        return Err(Failure::machine("the snapshot is refused", what));
    }
    Ok(())
}

struct Unpacking {
    tree: Beneath,
    owner: Owner,
    buffer: Vec<u8>,
}

impl Unpacking {
    fn place<'p>(&mut self, path: &'p [u8]) -> Result<(BorrowedFd<'_>, &'p [u8]), Errno> {
        let owner = self.owner;
        self.tree.parent_of(path, |parent, name| make_folder(parent, name, owner))
    }

    fn folder(&mut self, path: &[u8]) -> Result<(), Errno> {
        let owner = self.owner;
        let (parent, name) = self.place(path)?;
        make_folder(parent, name, owner)
    }

    fn link(&mut self, path: &[u8], link: Vec<u8>) -> Result<Unpacked, Errno> {
        let owner = self.owner;
        let (parent, name) = self.place(path)?;
        fs::symlinkat(link.as_slice(), parent, name)?;
        give(parent, name, owner)?;
        let stamp = Stamp::of(&look(parent, name)?);
        let (blob, size) = (blob_id(&link), link.len() as u64);
        Ok(Unpacked { mode: FileMode::Symlink, blob, size, offset: 0, link: Some(link), stamp })
    }

    fn file(
        &mut self,
        path: &[u8],
        content: &mut impl Read,
        size: u64,
        offset: u64,
        executable: bool,
    ) -> std::io::Result<Unpacked> {
        let mode = if executable { FileMode::Executable } else { FileMode::Regular };
        let bits = Mode::from_raw_mode(if executable { 0o755 } else { 0o644 });
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let owner = self.owner;
        let mut buffer = std::mem::take(&mut self.buffer);
        let (parent, name) = self.place(path)?;
        let mut file = File::from(fs::openat(parent, name, flags, bits)?);
        let mut hash = blob_hash(size);
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            content.read_exact(&mut buffer[..most])?;
            hash.update(&buffer[..most]);
            file.write_all(&buffer[..most])?;
            left -= most as u64;
        }
        self.buffer = buffer;
        if let Some((user, group)) = owner {
            fs::fchown(&file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
        }
        let mut stat = fs::fstat(&file)?;
        if Mode::from_raw_mode(stat.st_mode) != bits {
            // The caller's umask took something away.
            fs::fchmod(&file, bits)?;
            stat = fs::fstat(&file)?;
        }
        let stamp = Stamp::of(&stat);
        Ok(Unpacked { mode, blob: hash.finalize().into(), size, offset, link: None, stamp })
    }
}

fn make_folder(parent: BorrowedFd<'_>, name: &[u8], owner: Owner) -> Result<(), Errno> {
    match fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
        Ok(()) => give(parent, name, owner),
        Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error),
    }
}

fn give(parent: BorrowedFd<'_>, name: &[u8], owner: Owner) -> Result<(), Errno> {
    let Some((user, group)) = owner else { return Ok(()) };
    fs::chownat(
        parent,
        name,
        Some(Uid::from_raw(user)),
        Some(Gid::from_raw(group)),
        AtFlags::SYMLINK_NOFOLLOW,
    )
}

/// Opens a folder by its path, for [`Baseline::unpack`].
///
/// # Errors
/// Where it is missing or no folder.
pub(crate) fn open_root(path: &std::path::Path) -> std::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(fs::open(path, flags, Mode::empty())?)
}
