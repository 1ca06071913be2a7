//! What the steps changed: the tree they left is compared with what was unpacked, without git.
//!
//! The tree was written by untrusted code, so that nothing in it is believed: no link is followed, pipes are
//! never waited for, sizes are checked before reading and while reading, and a file that changes meanwhile is
//! an error. Untracked paths that the tree's own `.gitignore` files name are left out, as `git add --all` would;
//! tracked ones always count. The walk finds candidates; then each is read, compared and written once, in byte
//! order of the paths. Deliberately absent: global and per-clone excludes, submodules, empty folders, renames.

mod ignored;
mod refuse;
mod walk;

use crate::beneath::{Beneath, Stamp, kind, look, open_file};
use crate::diff::{self, Side};
use crate::failure::{Failure, readable};
use crate::snapshot::{Baseline, Unpacked, blob_hash, blob_id};
use campaigns_domain::execution::manifest::{Blob, ChangedFile};
use campaigns_domain::execution::{Change, FileMode, Limits};
use campaigns_domain::id;
use rustix::fs::{self, FileType};
use sha1::Digest as _;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;

/// What was found to have changed.
pub(crate) struct Collected {
    /// In byte order of the paths.
    pub(crate) changes: Vec<ChangedFile>,
    /// The unified diff's size and digest.
    pub(crate) diff: Blob,
}

/// Where the contents go, by digest.
pub(crate) const CONTENTS: &str = "contents";
/// Where the unified diff goes.
pub(crate) const DIFF: &str = "changes.diff";

/// Compares `tree` with `baseline` and writes what changed into the folder `out`.
///
/// # Errors
/// The author's failures for what a change cannot hold, [`Failure::Infrastructure`] for the machine's.
pub(crate) fn collect(
    baseline: &Baseline,
    tree: BorrowedFd<'_>,
    out: &Path,
    limits: &Limits,
) -> Result<Collected, Failure> {
    let disk = |error: io::Error| Failure::machine("the result cannot be written", error);
    let owned = tree.try_clone_to_owned().map_err(disk)?;
    let found = walk::walk(baseline, &owned, limits)?;
    let mut collecting = Collecting {
        baseline,
        tree: Beneath::new(owned),
        contents: out.join(CONTENTS),
        diff: DiffFile::create(&out.join(DIFF), limits.patch_bytes).map_err(disk)?,
        limit: limits.patch_bytes,
        room: limits.patch_bytes,
        changes: Vec::new(),
    };
    std::fs::create_dir_all(&collecting.contents).map_err(disk)?;
    for candidate in &found {
        collecting.candidate(candidate)?;
        if collecting.changes.len() as u64 > limits.files {
            return Err(Failure::TooManyFiles { limit: limits.files });
        }
    }
    refuse::collisions(baseline, &collecting.changes)?;
    let diff = collecting.diff.finish().map_err(disk)?;
    Ok(Collected { changes: collecting.changes, diff })
}

/// A path that may have changed.
pub(crate) struct Candidate {
    pub(crate) path: Vec<u8>,
    /// Its place in the baseline, where it was there before.
    pub(crate) before: Option<usize>,
    /// What it looks like now, where it is still there.
    pub(crate) now: Option<Stamp>,
}

struct Collecting<'a> {
    baseline: &'a Baseline,
    tree: Beneath,
    contents: std::path::PathBuf,
    diff: DiffFile,
    limit: u64,
    room: u64,
    changes: Vec<ChangedFile>,
}

/// What a path holds now.
struct Now {
    mode: FileMode,
    content: Vec<u8>,
}

impl Collecting<'_> {
    fn candidate(&mut self, candidate: &Candidate) -> Result<(), Failure> {
        let baseline = self.baseline;
        let before = candidate.before.map(|place| &baseline.entries()[place].1);
        let now = match &candidate.now {
            Some(stamp) => match self.read(&candidate.path, stamp, before)? {
                Some(now) => Some(now),
                None => return Ok(()),
            },
            None => None,
        };
        let blob = now.as_ref().map(|now| blob_id(&now.content));
        if let (Some(before), Some(now)) = (before, &now)
            && before.mode == now.mode
            && Some(before.blob) == blob
        {
            return Ok(());
        }
        let path = refuse::path(&candidate.path)?;
        let change = match &now {
            None => Change::Delete,
            Some(now) => {
                if now.mode == FileMode::Symlink {
                    refuse::link(&candidate.path, &now.content)?;
                }
                let size = now.content.len() as u64;
                self.room = self.room.checked_sub(size).ok_or_else(|| self.too_large(&candidate.path))?;
                let digest = id::Digest::of(&now.content);
                std::fs::write(self.contents.join(&digest.0), &now.content)
                    .map_err(|error| Failure::machine("a changed file cannot be kept", error))?;
                let text = !now.content.contains(&0) && std::str::from_utf8(&now.content).is_ok();
                Change::Put { mode: now.mode, content: Blob { digest, size }, added: before.is_none(), text }
            }
        };
        let old_content = before.map(|before| self.baseline.content(before)).transpose()?;
        let old = before.zip(old_content.as_deref());
        let old = old.map(|(before, content)| Side { mode: before.mode, blob: before.blob, content });
        let new = now.as_ref().zip(blob);
        let new = new.map(|(now, blob)| Side { mode: now.mode, blob, content: &now.content });
        match diff::write(&mut self.diff, &candidate.path, old.as_ref(), new.as_ref()) {
            Ok(()) => {}
            Err(_) if self.diff.full => return Err(self.too_large(&candidate.path)),
            Err(error) => return Err(Failure::machine("the diff cannot be written", error)),
        }
        self.changes.push(ChangedFile { path, change });
        Ok(())
    }

    /// What `path` holds now, or `None` where it is too large to be a change and equal to what was there before.
    fn read(
        &mut self,
        path: &[u8],
        expected: &Stamp,
        before: Option<&Unpacked>,
    ) -> Result<Option<Now>, Failure> {
        let unreadable = |reason: String| Failure::Unreadable { path: readable(path), reason };
        let moving = || unreadable("it changed while it was read; let no step leave a process behind".into());
        let (limit, room) = (self.limit, self.room);
        let (parent, name) = self
            .tree
            .parent_of(path, |_, _| Ok(()))
            .map_err(|errno| unreadable(io::Error::from(errno).to_string()))?;
        let stat = look(parent, name).map_err(|_| moving())?;
        if Stamp::of(&stat) != *expected {
            return Err(moving());
        }
        if kind(&stat) == FileType::Symlink {
            let link = fs::readlinkat(parent, name, Vec::new()).map_err(|_| moving())?;
            return Ok(Some(Now { mode: FileMode::Symlink, content: link.into_bytes() }));
        }
        let mode = if stat.st_mode & 0o100 == 0 { FileMode::Regular } else { FileMode::Executable };
        let mut file =
            open_file(parent, name).map_err(|errno| unreadable(io::Error::from(errno).to_string()))?;
        let now = |file: &File| fs::fstat(file).map(|stat| Stamp::of(&stat));
        if now(&file) != Ok(*expected) {
            return Err(moving());
        }
        if expected.size > room {
            // Too large to be part of a change; but it may be a large tracked file that was only touched.
            let same = before.is_some_and(|before| before.size == expected.size && before.mode == mode)
                && before.map(|before| before.blob)
                    == Some(hash(&mut file, expected.size).map_err(|_| moving())?);
            if same && now(&file) == Ok(*expected) {
                return Ok(None);
            }
            return Err(Failure::PatchTooLarge { path: readable(path), limit });
        }
        let mut content = Vec::with_capacity(usize::try_from(expected.size).unwrap_or_default());
        (&file)
            .take(expected.size + 1)
            .read_to_end(&mut content)
            .map_err(|error| unreadable(error.to_string()))?;
        if content.len() as u64 != expected.size || now(&file) != Ok(*expected) {
            return Err(moving());
        }
        Ok(Some(Now { mode, content }))
    }

    fn too_large(&self, path: &[u8]) -> Failure {
        Failure::PatchTooLarge { path: readable(path), limit: self.limit }
    }
}

fn hash(file: &mut File, size: u64) -> io::Result<[u8; 20]> {
    let mut hash = blob_hash(size);
    let mut left = size;
    let mut buffer = vec![0; 256 * 1024];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        file.read_exact(&mut buffer[..most])?;
        hash.update(&buffer[..most]);
        left -= most as u64;
    }
    Ok(hash.finalize().into())
}

/// The diff's file: hashed while it is written, and never larger than the cap.
struct DiffFile {
    file: BufWriter<File>,
    hash: sha2::Sha256,
    size: u64,
    limit: u64,
    full: bool,
}

impl DiffFile {
    fn create(path: &Path, limit: u64) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        Ok(Self { file, hash: sha2::Sha256::default(), size: 0, limit, full: false })
    }

    fn finish(mut self) -> io::Result<Blob> {
        self.file.flush()?;
        Ok(Blob { digest: id::Digest(hex::encode(self.hash.finalize())), size: self.size })
    }
}

impl Write for DiffFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            self.full = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.hash.update(bytes);
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
