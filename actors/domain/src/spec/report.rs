//! What is wrong with a spec, told by line and column, with the source line and what to do about it.
//!
//! Deliberately absent: finding out what is wrong (`node`, `parse`), and colours (the terminal's business).

use serde::Serialize;
use std::fmt;

/// How many errors are kept; what follows is only counted.
const MOST: usize = 50;

/// How much of a long source line is shown.
const SHOWN: usize = 110;

/// A place in the spec's text; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// Where a text begins.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpecError {
    /// Where.
    #[serde(flatten)]
    pub at: Position,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// The source line, cut to what fits a screen.
    #[serde(skip)]
    excerpt: String,
    /// How many characters of the excerpt stand before the place.
    #[serde(skip)]
    indent: usize,
}

/// Everything that is wrong with a spec, in the order of its lines. Shown as one paragraph an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpecErrors {
    /// The errors; never empty.
    pub errors: Vec<SpecError>,
    /// How many more there were.
    pub more: usize,
    /// The name of the file, if one was given.
    pub file: Option<String>,
}

impl SpecErrors {
    /// The same errors, told of a file of this name.
    #[must_use]
    pub fn named(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }
}

impl std::error::Error for SpecErrors {}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let Position { line, column } = error.at;
            if index > 0 {
                writeln!(f)?;
            }
            match &self.file {
                Some(file) => writeln!(f, "{file}:{line}:{column}: {}", error.message)?,
                None => writeln!(f, "line {line}, column {column}: {}", error.message)?,
            }
            let number = line.to_string();
            writeln!(f, "  {number} | {}", error.excerpt)?;
            let caret =
                format!("  {:width$} | {:indent$}^", "", "", width = number.len(), indent = error.indent);
            match error.help.as_str() {
                "" => write!(f, "{caret}")?,
                help => write!(f, "{caret} {help}")?,
            }
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// Collects errors while a spec is read.
pub(super) struct Report<'s> {
    source: &'s str,
    lines: Vec<usize>,
    errors: Vec<SpecError>,
    more: usize,
}

impl<'s> Report<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        // YAML's line ends: \n, \r\n, and \r alone.
        let ends = |(at, byte): &(usize, u8)| match byte {
            b'\n' => true,
            b'\r' => source.as_bytes().get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let starts = source.bytes().enumerate().filter(ends).map(|(at, _)| at + 1);
        Self { source, lines: std::iter::once(0).chain(starts).collect(), errors: vec![], more: 0 }
    }

    /// Notes an error.
    pub(super) fn add(&mut self, at: Position, message: impl Into<String>, help: impl Into<String>) {
        if self.is_full() {
            self.more += 1;
            return;
        }
        let (excerpt, indent) = self.excerpt(at);
        self.errors.push(SpecError { at, message: message.into(), help: help.into(), excerpt, indent });
    }

    /// Whether further errors are only counted, so that their words need no effort.
    pub(super) fn is_full(&self) -> bool {
        self.errors.len() == MOST
    }

    /// Where the byte `offset` of the source is.
    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let column = self.source.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Position { line, column }
    }

    /// The source between two bytes; empty where they are not there.
    pub(super) fn slice(&self, range: &std::ops::Range<usize>) -> &'s str {
        self.source.get(range.clone()).unwrap_or_default()
    }

    /// The errors, or what was read where there are none.
    pub(super) fn finish<T>(mut self, read: Option<T>) -> Result<T, SpecErrors> {
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => {
                if self.errors.is_empty() {
                    self.add(Position::START, "the spec cannot be read", "");
                }
                self.errors.sort_by_key(|error| error.at);
                Err(SpecErrors { errors: self.errors, more: self.more, file: None })
            }
        }
    }

    fn excerpt(&self, at: Position) -> (String, usize) {
        let start = self.lines.get(at.line - 1).copied().unwrap_or(self.source.len());
        let end = self.lines.get(at.line).map_or(self.source.len(), |next| next - 1);
        let line = self.source.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n']);
        let before = at.column - 1;
        let skipped = if before + 1 < SHOWN { 0 } else { before - SHOWN / 2 };
        let visible = |c: char| if c == '\t' { ' ' } else { c };
        let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let shown = line.chars().skip(skipped).take(SHOWN).map(visible).map(printable).collect::<String>();
        (shown.trim_end().to_owned(), before - skipped)
    }
}

/// A text of the spec's as a message may quote it: one short line without control characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    shown = shown.replace("\\\"", "\"").replace("\\'", "'");
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
