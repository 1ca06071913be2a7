//! Reaching files inside a folder that untrusted code wrote, one name at a time and never through a symbolic
//! link, so that nothing outside can be reached whatever the folder holds.
//!
//! A path's folders are opened with `O_NOFOLLOW | O_DIRECTORY` relative to the one before: the same promise as
//! `openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)`, on every kernel and under every seccomp filter. The folders
//! last used stay open, because paths come in order. Deliberately absent: what may be in such a folder.

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Folders inside folders that are followed; deeper ones are refused (one open folder is held for each).
pub(crate) const DEEPEST: usize = 100;

/// A place inside one folder.
pub(crate) struct Beneath {
    root: OwnedFd,
    open: Vec<(Vec<u8>, OwnedFd)>,
}

/// What tells one content of a file from another: changes to any of a file's bytes or its mode change `ctime`,
/// which a process without `CAP_SYS_TIME` cannot set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
}

impl Stamp {
    #[allow(clippy::unnecessary_cast, reason = "the fields' types differ between architectures")]
    pub(crate) fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}

impl Beneath {
    /// A cursor at the folder `root`.
    pub(crate) fn new(root: OwnedFd) -> Self {
        Self { root, open: Vec::new() }
    }

    /// The folder that holds `path`'s last name, and that name. `make` is called for each folder that is to be
    /// opened, with its parent and its name, and may make it first.
    ///
    /// # Errors
    /// Where a folder on the way is missing, is a symbolic link or no folder, or is nested too deep (`ENAMETOOLONG`).
    pub(crate) fn parent_of<'p>(
        &mut self,
        path: &'p [u8],
        mut make: impl FnMut(BorrowedFd<'_>, &[u8]) -> Result<(), Errno>,
    ) -> Result<(BorrowedFd<'_>, &'p [u8]), Errno> {
        let mut parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        let name = parts.pop().unwrap_or_default();
        if parts.len() > DEEPEST {
            return Err(Errno::NAMETOOLONG);
        }
        let shared = self.open.iter().zip(&parts).take_while(|((open, _), part)| open == *part).count();
        self.open.truncate(shared);
        for part in &parts[shared..] {
            let parent = self.open.last().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd());
            make(parent, part)?;
            let folder = open_folder(parent, part)?;
            self.open.push((part.to_vec(), folder));
        }
        Ok((self.open.last().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd()), name))
    }
}

/// Opens the folder `name` of `parent`, refusing a symbolic link.
pub(crate) fn open_folder(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    fs::openat(
        parent,
        name,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Opens the file `name` of `parent` for reading, refusing a symbolic link and never waiting for a pipe's writer.
pub(crate) fn open_file(parent: BorrowedFd<'_>, name: &[u8]) -> Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    fs::openat(parent, name, flags, Mode::empty()).map(File::from)
}

/// What `name` in `parent` is, itself and not what it points at.
pub(crate) fn look(parent: BorrowedFd<'_>, name: &[u8]) -> Result<Stat, Errno> {
    fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// What kind of file a [`Stat`] describes.
pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}
