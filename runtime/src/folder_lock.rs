//! The lock of a folder that one process uses at a time: a file, held by flock, with its holder's number in it.
//!
//! The kernel frees it when the holder ends, however it ends. A child that the holder was just starting has the
//! lock too until it becomes another program, so right after a kill -9 it can be held by nobody who counts:
//! that is waited for. Deliberately absent: what the folder is for.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

/// How long a lock is waited for whose holder is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a lock could not be taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// Somebody holds it.
    Held {
        /// Who, for people.
        owner: String,
    },
    /// The file system said no.
    Refused(io::Error),
}

/// Takes the lock `path`; it is held until the file is closed.
///
/// # Errors
/// [`NotTaken`]. Blocks for a while where the holder has just ended.
pub(crate) fn take(path: &Path) -> Result<File, NotTaken> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(NotTaken::Refused)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(NotTaken::Refused(error)),
        }
        let owner = number(&mut file).map_err(NotTaken::Refused)?;
        if owner.is_none_or(is_alive) || Instant::now() >= deadline {
            let owner =
                owner.map_or_else(|| "another process".to_owned(), |owner| format!("process {owner}"));
            return Err(NotTaken::Held { owner });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(NotTaken::Refused)?;
    Ok(file)
}

fn number(file: &mut File) -> io::Result<Option<i32>> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text.trim().parse().ok().filter(|number| *number > 0))
}

/// Whether there is a process of this number; one of another user counts.
fn is_alive(number: i32) -> bool {
    let Some(process) = rustix::process::Pid::from_raw(number) else { return false };
    rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_living_holder_is_named_at_once() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("lock");
        let held = take(&path).unwrap();
        let Err(NotTaken::Held { owner }) = take(&path) else { panic!("it was taken twice") };
        assert_eq!(owner, format!("process {}", std::process::id()));
        drop(held);
        take(&path).unwrap();
    }

    #[test]
    fn a_lock_whose_holder_is_gone_is_waited_for() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("lock");
        let mut gone = Command::new("true").spawn().unwrap();
        let number = gone.id();
        gone.wait().unwrap();
        let held = take(&path).unwrap();
        std::fs::write(&path, format!("{number}\n")).unwrap();
        let (said, hear) = std::sync::mpsc::channel();
        let waiting = std::thread::spawn(move || {
            said.send(()).unwrap();
            take(&path).map(drop)
        });
        hear.recv().unwrap();
        drop(held);
        waiting.join().unwrap().unwrap();
    }
}
