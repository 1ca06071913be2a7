//! Which untracked paths the tree's own `.gitignore` files leave out.
//!
//! A folder's rules are read when the first untracked path below it asks, so that a step which only changes
//! tracked files never pays for them. As in git, a deeper file's rules come first, a `.gitignore` that is a
//! symbolic link is not followed, and nothing inside an ignored folder can be taken back (the walk sees to that).
//! Deliberately absent: excludes from outside the tree.

use crate::beneath::open_file;
use crate::failure::{Failure, readable};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::io::Errno;
use std::cell::OnceCell;
use std::ffi::OsStr;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The most that one `.gitignore` may hold, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The rules that hold in one folder.
pub(super) struct Rules<'a> {
    outer: Option<&'a Rules<'a>>,
    /// The folder itself, open.
    open: BorrowedFd<'a>,
    /// Its path from the root, "" being the root itself.
    path: Vec<u8>,
    own: OnceCell<Gitignore>,
}

impl<'a> Rules<'a> {
    /// The rules of the root.
    pub(super) fn root(open: BorrowedFd<'a>) -> Self {
        Self { outer: None, open, path: Vec::new(), own: OnceCell::new() }
    }

    /// The rules of the folder `path`, directly inside this one.
    pub(super) fn inside<'b>(&'b self, path: &[u8], open: BorrowedFd<'b>) -> Rules<'b>
    where
        'a: 'b,
    {
        Rules { outer: Some(self), open, path: path.to_vec(), own: OnceCell::new() }
    }

    /// Whether the rules name the untracked `path`, which lies directly in this folder.
    ///
    /// # Errors
    /// Where a `.gitignore` cannot be read or is too large.
    pub(super) fn name(&self, path: &[u8], is_folder: bool) -> Result<bool, Failure> {
        let mut rules = Some(self);
        while let Some(here) = rules {
            let from = if here.path.is_empty() { 0 } else { here.path.len() + 1 };
            match here.own()?.matched(Path::new(OsStr::from_bytes(&path[from..])), is_folder) {
                Match::Ignore(_) => return Ok(true),
                Match::Whitelist(_) => return Ok(false),
                Match::None => rules = here.outer,
            }
        }
        Ok(false)
    }

    fn own(&self) -> Result<&Gitignore, Failure> {
        if let Some(own) = self.own.get() {
            return Ok(own);
        }
        let read = self.read()?;
        Ok(self.own.get_or_init(|| read))
    }

    fn read(&self) -> Result<Gitignore, Failure> {
        let unreadable = |reason: String| {
            let slash: &[u8] = if self.path.is_empty() { b"" } else { b"/" };
            let path = readable(&[self.path.as_slice(), slash, b".gitignore"].concat());
            Failure::Unreadable { path, reason }
        };
        let file = match open_file(self.open, b".gitignore") {
            Ok(file) => file,
            // Absent, or a symbolic link, which git does not follow here either.
            Err(Errno::NOENT | Errno::LOOP) => return Ok(Gitignore::empty()),
            Err(errno) => return Err(unreadable(std::io::Error::from(errno).to_string())),
        };
        if !file.metadata().is_ok_and(|about| about.is_file()) {
            return Ok(Gitignore::empty());
        }
        let mut text = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut text).map_err(|error| unreadable(error.to_string()))?;
        if text.len() as u64 > LARGEST {
            return Err(unreadable(format!("it is larger than {LARGEST} bytes")));
        }
        let mut builder = GitignoreBuilder::new("");
        for line in String::from_utf8_lossy(&text).trim_start_matches('\u{feff}').lines() {
            // A line that is no pattern matches nothing, as in git.
            let _unreadable_pattern = builder.add_line(None, line);
        }
        builder.build().map_err(|error| unreadable(format!("its patterns cannot be used: {error}")))
    }
}
