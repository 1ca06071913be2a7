//! The journal: an append-only file of JSON lines, one per change of the world. A change is in the file before
//! anyone is told of it; a line torn by a kill is dropped at the next opening. It survives the death of the
//! process, not of the machine: nothing is fsynced, as the twin keeps no one's only copy of anything.

use super::change::Change;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A change and when it happened.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line {
    /// When, by the twin's clock.
    pub at: DateTime<Utc>,
    /// What.
    pub change: Change,
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
}

impl Journal {
    /// Opens or creates the journal and reads what it holds. A torn last line is cut off; a broken line with
    /// others after it is an error, as it was not a kill that did that.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<Line>)> {
        let file = open_append(path)?;
        Ok((Self { file }, read(path)?))
    }

    /// Appends changes with a single write.
    pub fn append(&mut self, at: DateTime<Utc>, changes: &[Change]) -> io::Result<()> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            at: DateTime<Utc>,
            change: &'a Change,
        }
        let mut text = Vec::with_capacity(512);
        for change in changes {
            serde_json::to_writer(&mut text, &Borrowed { at, change }).map_err(io::Error::other)?;
            text.push(b'\n');
        }
        self.file.write_all(&text)
    }
}

/// Reads the lines of a journal; they may be read as changes or as JSON.
pub fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> io::Result<Vec<T>> {
    let text = std::fs::read(path)?;
    let mut lines = Vec::new();
    for (number, raw) in text.split(|byte| *byte == b'\n').enumerate() {
        if raw.is_empty() {
            continue;
        }
        let line = serde_json::from_slice(raw).map_err(|error| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} line {}: {error}", path.display(), number + 1),
            )
        })?;
        lines.push(line);
    }
    Ok(lines)
}

/// Opens a file of JSON lines for appending, 0600, with a torn last line cut off.
pub fn open_append(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
    if whole < length {
        file.set_len(whole)?;
    }
    Ok(file)
}
