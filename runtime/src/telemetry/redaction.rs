//! A writer that takes secrets out of every line on its way, and shortens what is long. The formatter hands over whole
//! events, so a token never comes in two halves. It is the last door, not the first: secrets have types that do not print.

use super::shortening::shorten;
use crate::github::redact;
use std::io::{self, Write};
use tracing_subscriber::fmt::MakeWriter;

/// Makes writers that redact what they pass on.
#[derive(Clone, Debug)]
pub(super) struct Redacting<W>(pub(super) W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Redacting<W> {
    type Writer = RedactingWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingWriter(self.0.make_writer())
    }

    fn make_writer_for(&'a self, metadata: &tracing::Metadata<'_>) -> Self::Writer {
        RedactingWriter(self.0.make_writer_for(metadata))
    }
}

/// One event's writer.
#[derive(Debug)]
pub(super) struct RedactingWriter<W>(W);

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(shorten(&redact(&String::from_utf8_lossy(bytes))).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
