//! The log of an execution: each step's head, its output as it came, and how it ended, up to a cap.
//!
//! Output is kept raw, colours included, but no line of it can be taken for one of ours: a line whose first
//! visible character is `=` gets a backslash before it, whatever invisible bytes precede it. Only our own lines
//! start with `=== `. Deliberately absent: making it safe for a terminal, which whoever shows it does.

use campaigns_domain::execution::manifest::Blob;
use campaigns_domain::id;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A log that is being written.
pub(crate) struct Log {
    file: BufWriter<File>,
    hash: Sha256,
    size: u64,
    /// Bytes of output that still fit.
    room: u64,
    cut: bool,
    limit: u64,
    place: Place,
    line_open: bool,
    tail: Vec<u8>,
}

/// Where in a line the output is, as a terminal would see it.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Nothing visible yet.
    Start,
    /// After an escape byte.
    Escape { visible: bool },
    /// Inside a control sequence (`ESC [`).
    Sequence { visible: bool },
    /// Inside an operating system command (`ESC ]`), which a bell or `ESC \` ends.
    Command { visible: bool },
    /// Something visible was written.
    Text,
}

/// How much of the end of the output is remembered for [`Log::tail`].
const TAIL: usize = 4096;

impl Log {
    /// Starts a log at `path` that keeps `limit` bytes of output.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub(crate) fn create(path: &Path, limit: u64) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(File::create(path)?),
            hash: Sha256::new(),
            size: 0,
            room: limit,
            cut: false,
            limit,
            place: Place::Start,
            line_open: false,
            tail: Vec::new(),
        })
    }

    /// Writes one line of ours. Control characters in it become spaces.
    ///
    /// # Errors
    /// What the disk yields.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let start = if self.line_open { "\n" } else { "" };
        self.keep(format!("{start}=== {one_line}\n").as_bytes())?;
        self.line_open = false;
        self.place = Place::Start;
        // Whoever reads along sees a step begin and end when it does.
        self.file.flush()
    }

    /// Writes output of a step, as far as there is room; the rest is dropped, which the log says once.
    ///
    /// # Errors
    /// What the disk yields.
    pub(crate) fn output(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        if self.cut {
            return Ok(());
        }
        let fits = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        let guarded = self.guard(&bytes[..fits]);
        self.keep(&guarded)?;
        self.line_open = guarded.last().map_or(self.line_open, |byte| *byte != b'\n');
        self.room -= fits as u64;
        if fits < bytes.len() {
            self.cut = true;
            self.say(&format!(
                "the log was cut here: {} bytes of output are kept; the steps went on",
                self.limit
            ))?;
        }
        Ok(())
    }

    /// The end of the running step's output, for hints.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Forgets the tail: another step begins.
    pub(crate) fn forget_tail(&mut self) {
        self.tail.clear();
    }

    /// Ends the log; its size and digest.
    ///
    /// # Errors
    /// What the disk yields.
    pub(crate) fn finish(mut self) -> io::Result<Blob> {
        self.file.flush()?;
        Ok(Blob { digest: id::Digest(hex::encode(self.hash.finalize())), size: self.size })
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn guard(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut guarded = Vec::with_capacity(bytes.len() + 16);
        for byte in bytes {
            if self.place == Place::Start && *byte == b'=' {
                guarded.push(b'\\');
            }
            guarded.push(*byte);
            self.place = next(self.place, *byte);
        }
        guarded
    }
}

/// Where output is after one more byte. Whatever could move the cursor counts as a new line.
fn next(place: Place, byte: u8) -> Place {
    let after = |visible: bool| if visible { Place::Text } else { Place::Start };
    match (place, byte) {
        (_, b'\n' | b'\r' | 0x08 | 0x0b | 0x0c) => Place::Start,
        (Place::Start, 0x1b) => Place::Escape { visible: false },
        (Place::Text, 0x1b) => Place::Escape { visible: true },
        (Place::Escape { visible }, b'[') => Place::Sequence { visible },
        (Place::Escape { visible }, b']') => Place::Command { visible },
        (Place::Escape { visible }, b'\\') => after(visible),
        (Place::Escape { .. }, _) => Place::Start,
        // `m` is colour; every other sequence may move the cursor or clear what was there.
        (Place::Sequence { visible }, b'm') => after(visible),
        (Place::Sequence { .. }, 0x40..=0x7e) => Place::Start,
        (Place::Command { visible }, 0x07) => after(visible),
        (Place::Command { visible }, 0x1b) => Place::Escape { visible },
        (Place::Sequence { .. } | Place::Command { .. }, _) => place,
        (Place::Start, byte) if byte <= b' ' || byte == 0x7f => Place::Start,
        _ => Place::Text,
    }
}

#[cfg(test)]
mod tests;
