//! Getting what was written onto the disk.
//!
//! Deliberately absent: choosing what has to be there (`artifacts`).

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Above this many files, one call for the whole file system is cheaper than one for each.
const ONE_BY_ONE: usize = 64;

/// Syncs every file under `folder`, and the folders from there up to `root`, which name them.
pub(super) fn tree(folder: &Path, root: &Path) -> io::Result<()> {
    let (mut files, mut folders) = (vec![], vec![folder.to_owned()]);
    let mut next = 0;
    while let Some(inside) = folders.get(next).cloned() {
        next += 1;
        let entries = match fs::read_dir(&inside) {
            // Nothing was kept: there is nothing to vouch for.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    if files.len() > ONE_BY_ONE {
        return Ok(rustix::fs::syncfs(File::open(folder)?)?);
    }
    for file in files {
        match File::open(&file) {
            // Something staged that has been moved into place, or given up, meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            file => file?.sync_data()?,
        }
    }
    for inside in folders.into_iter().skip(1) {
        File::open(inside)?.sync_all()?;
    }
    self::folders(folder, root)
}

/// Syncs `folder` and those above it up to `root`, so that their entries are on the disk.
pub(super) fn folders(folder: &Path, root: &Path) -> io::Result<()> {
    let mut above: PathBuf = folder.to_owned();
    while above.starts_with(root) {
        File::open(&above)?.sync_all()?;
        if above == root || !above.pop() {
            break;
        }
    }
    Ok(())
}
