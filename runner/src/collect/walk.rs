//! Walking the tree that the steps left: which paths may have changed, which are gone, and which cannot be part
//! of a change at all.
//!
//! Every folder is read as a stream and every count has a cap, so that a million files end the walk early.
//! Deliberately absent: reading contents.

use super::Candidate;
use super::ignored::Rules;
use super::refuse;
use crate::beneath::{DEEPEST, Stamp, kind, look, open_folder};
use crate::failure::{Failure, readable};
use crate::snapshot::Baseline;
use campaigns_domain::execution::Limits;
use rustix::fs::{Dir, FileType, Stat};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// New folders that are looked into for each new file that an attempt may have.
const FOLDERS_PER_FILE: u64 = 10;

/// The paths below `tree` that may differ from `baseline`, in byte order.
///
/// # Errors
/// The author's failures for what a change cannot hold.
pub(super) fn walk(baseline: &Baseline, tree: &OwnedFd, limits: &Limits) -> Result<Vec<Candidate>, Failure> {
    let root = rustix::fs::fstat(tree)
        .map_err(|errno| Failure::machine("the work folder cannot be read", io::Error::from(errno)))?;
    let mut walk = Walk {
        baseline,
        limit: limits.files,
        device: Stamp::of(&root).device,
        seen: vec![false; baseline.len()],
        found: Vec::new(),
        added: 0,
        folders: 0,
        linked: HashMap::new(),
    };
    walk.folder(tree.as_fd(), &mut Vec::new(), &Rules::root(tree.as_fd()), false, 0)?;
    walk.finish()
}

struct Walk<'a> {
    baseline: &'a Baseline,
    limit: u64,
    device: u64,
    seen: Vec<bool>,
    found: Vec<Candidate>,
    added: u64,
    folders: u64,
    /// Files with several names, by inode: a changed path, the names there are, the names that were seen.
    linked: HashMap<u64, (Option<Vec<u8>>, u64, u64)>,
}

impl Walk<'_> {
    fn folder(
        &mut self,
        folder: BorrowedFd<'_>,
        path: &mut Vec<u8>,
        rules: &Rules<'_>,
        ignored: bool,
        depth: usize,
    ) -> Result<(), Failure> {
        let unreadable = |path: &[u8], errno: rustix::io::Errno| Failure::Unreadable {
            path: if path.is_empty() { ".".into() } else { readable(path) },
            reason: format!("{}; let the step leave it readable", io::Error::from(errno)),
        };
        if depth > DEEPEST {
            let reason = format!("it is nested deeper than {DEEPEST} folders");
            return Err(Failure::PathRefused { path: readable(path), reason });
        }
        let mut folders = Vec::new();
        for entry in Dir::read_from(folder).map_err(|errno| unreadable(path, errno))? {
            let entry = entry.map_err(|errno| unreadable(path, errno))?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let before = path.len();
            if before > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let is_folder = match entry.file_type() {
                FileType::Directory => true,
                FileType::Unknown => {
                    let stat = look(folder, name).map_err(|errno| unreadable(path, errno))?;
                    kind(&stat) == FileType::Directory
                }
                _ => false,
            };
            if is_folder {
                refuse::folder(path, name)?;
                folders.push(name.to_vec());
            } else {
                self.file(folder, path, name, rules, ignored)?;
            }
            path.truncate(before);
        }
        for name in folders {
            let before = path.len();
            if before > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            let tracked = self.baseline.holds_folder(path);
            let ignored = ignored || rules.name(path, true)?;
            if tracked || !ignored {
                if !tracked {
                    self.folders += 1;
                    if self.folders > self.limit.saturating_mul(FOLDERS_PER_FILE) {
                        return Err(Failure::TooManyFiles { limit: self.limit });
                    }
                }
                let inner = open_folder(folder, &name).map_err(|errno| unreadable(path, errno))?;
                self.folder(inner.as_fd(), path, &rules.inside(path, inner.as_fd()), ignored, depth + 1)?;
            }
            path.truncate(before);
        }
        Ok(())
    }

    fn file(
        &mut self,
        folder: BorrowedFd<'_>,
        path: &[u8],
        name: &[u8],
        rules: &Rules<'_>,
        ignored: bool,
    ) -> Result<(), Failure> {
        let before = self.baseline.find(path);
        if let Some(place) = before {
            self.seen[place] = true;
        } else if ignored || rules.name(path, false)? {
            return Ok(());
        }
        let stat = look(folder, name).map_err(|errno| Failure::Unreadable {
            path: readable(path),
            reason: io::Error::from(errno).to_string(),
        })?;
        let stamp = Stamp::of(&stat);
        let untouched =
            before.is_some_and(|place| self.baseline.untouched(&self.baseline.entries()[place].1, &stamp));
        self.count_names(path, &stat, &stamp, untouched);
        if untouched {
            return Ok(());
        }
        self.storable(path, &stat, &stamp)?;
        if before.is_none() {
            self.added += 1;
            if self.added > self.limit {
                return Err(Failure::TooManyFiles { limit: self.limit });
            }
        }
        self.found.push(Candidate { path: path.to_vec(), before, now: Some(stamp) });
        Ok(())
    }

    fn storable(&self, path: &[u8], stat: &Stat, stamp: &Stamp) -> Result<(), Failure> {
        let what = match kind(stat) {
            FileType::RegularFile | FileType::Symlink if stamp.device != self.device => {
                "on another file system"
            }
            FileType::RegularFile | FileType::Symlink => return Ok(()),
            FileType::Fifo => "a named pipe",
            FileType::Socket => "a socket",
            FileType::CharacterDevice | FileType::BlockDevice => "a device",
            _ => "neither a file nor a folder",
        };
        Err(Failure::NotARegularFile { path: readable(path), kind: what.into() })
    }

    #[allow(clippy::unnecessary_cast, reason = "the field's type differs between architectures")]
    fn count_names(&mut self, path: &[u8], stat: &Stat, stamp: &Stamp, untouched: bool) {
        if stat.st_nlink > 1 && kind(stat) == FileType::RegularFile {
            let entry = self.linked.entry(stamp.inode).or_insert((None, stat.st_nlink as u64, 0));
            entry.2 += 1;
            if !untouched {
                entry.0.get_or_insert_with(|| path.to_vec());
            }
        }
    }

    fn finish(mut self) -> Result<Vec<Candidate>, Failure> {
        // A file with a name that was not seen shares its content with a place outside the change.
        let outside = self.linked.into_values().filter(|(_, names, seen)| names > seen);
        if let Some(path) = outside.filter_map(|(path, ..)| path).min() {
            let kind = "a hard link to a file elsewhere".to_owned();
            return Err(Failure::NotARegularFile { path: readable(&path), kind });
        }
        for (place, seen) in self.seen.iter().enumerate() {
            if !seen {
                let path = self.baseline.entries()[place].0.clone();
                self.found.push(Candidate { path, before: Some(place), now: None });
            }
        }
        self.found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(self.found)
    }
}
