//! Words on the terminal: data goes to standard output, everything said about it to standard error.
//!
//! Colour only where a terminal reads it and NO_COLOR is not set. Deliberately absent: what is printed.

use anyhow::Context as _;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal as _, Write as _};

/// Whoever read standard output has heard enough: `campaigns status NAME | head -1`. No failure; the command ends.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed by whoever read it")]
pub(crate) struct Closed;

/// Prints an error with everything that led to it, one cause a line.
pub(crate) fn error(error: &anyhow::Error) {
    let paint = Paint::for_stderr();
    let mut said = error.to_string();
    note(&format!("{} {said}", paint.red("error:")));
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // A cause that its parent quotes already is not said again.
        if !said.contains(&cause) {
            note(&format!("  {} {cause}", paint.dim("because")));
        }
        said = cause;
    }
}

/// Prints a remark.
pub(crate) fn note(text: &str) {
    remark(&format!("{text}\n"));
}

/// Prints a remark as it is. Where standard error is closed, nobody wants to hear it.
pub(crate) fn remark(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// How wide the terminal is that standard output goes to, in columns; without one, 100.
pub(crate) fn width() -> usize {
    let terminal = console::Term::stdout().size_checked();
    terminal.map_or(100, |(_, columns)| usize::from(columns)).max(40)
}

/// Prints one JSON document on standard output.
///
/// # Errors
/// [`Closed`], where standard output is closed; or that it cannot be written to.
pub(crate) fn json(document: &impl Serialize) -> anyhow::Result<()> {
    text(&format!("{}\n", serde_json::to_string_pretty(document)?))
}

/// Prints text on standard output as it is.
///
/// # Errors
/// [`Closed`], where standard output is closed; or that it cannot be written to.
pub(crate) fn text(text: &str) -> anyhow::Result<()> {
    bytes(text.as_bytes())
}

/// The same for what may be no text.
///
/// # Errors
/// As for [`text`].
pub(crate) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        outcome => outcome.context("standard output cannot be written to"),
    }
}

/// That standard output was closed keeps a command from nothing that it has to do besides.
pub(crate) fn unless_closed(outcome: anyhow::Result<()>) -> anyhow::Result<()> {
    match outcome {
        Err(error) if error.is::<Closed>() => Ok(()),
        outcome => outcome,
    }
}

/// Text that others wrote, as a terminal may be shown it: line ends, tabs and colours stay, every other control
/// character is shown as a picture, so that a step's log cannot move the cursor, name the window or write to the
/// clipboard.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = rest.strip_prefix("\u{1b}[").and_then(|parameters| {
            let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            parameters[end..].starts_with('m').then_some("\u{1b}[".len() + end + 1)
        });
        let taken = colour.unwrap_or(c.len_utf8());
        match c {
            _ if colour.is_some() => shown.push_str(&rest[..taken]),
            '\n' | '\t' => shown.push(c),
            '\u{7f}' => shown.push('\u{2421}'),
            c if c.is_ascii_control() => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            c if c.is_control() => shown.push('\u{fffd}'),
            c => shown.push(c),
        }
        rest = &rest[taken..];
    }
    shown
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(bool);

impl Paint {
    /// For standard output.
    pub(crate) fn for_stdout() -> Self {
        Self(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none())
    }

    /// For standard error.
    pub(crate) fn for_stderr() -> Self {
        Self(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
    }

    /// Without colour.
    pub(crate) fn plain() -> Self {
        Self(false)
    }

    /// A text that leads to an address, where a terminal knows links (OSC 8).
    pub(crate) fn link(self, address: &str, text: &str) -> String {
        let plain = address.chars().any(char::is_control) || !self.0;
        if plain { text.to_owned() } else { format!("\u{1b}]8;;{address}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\") }
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Failure.
    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// Success.
    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Under way, or waiting.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// A place: an address or a path.
    pub(crate) fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }

    /// What is merged.
    pub(crate) fn magenta(self, text: &str) -> String {
        self.with("35", text)
    }

    /// What matters least.
    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// What matters most.
    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }
}

/// A table whose columns are as wide as their widest cell; widths are counted without colour.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// A table's cell: its text and how it looks.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    plain: String,
    shown: String,
}

impl Cell {
    /// A cell that looks as it reads.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        let plain = text.into();
        Self { shown: plain.clone(), plain }
    }

    /// A cell that is shown in colour.
    pub(crate) fn painted(text: &str, paint: impl FnOnce(&str) -> String) -> Self {
        Self { plain: text.to_owned(), shown: paint(text) }
    }
}

impl Table {
    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text, a line a row, no space at the ends of lines.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.plain.chars().count())
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let last = row.iter().rposition(|cell| !cell.plain.is_empty());
            for (column, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
                text.push_str(&cell.shown);
                if Some(column) != last {
                    let width = widths.get(column).copied().unwrap_or_default();
                    text.push_str(&" ".repeat(width.saturating_sub(cell.plain.chars().count()) + 2));
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_cannot_command_the_terminal() {
        assert_eq!(harmless("a\u{1b}[1;31mred\u{1b}[0m\tb\n"), "a\u{1b}[1;31mred\u{1b}[0m\tb\n");
        assert_eq!(harmless("\u{1b}]0;title\u{7}\u{1b}[2J\r\u{9b}x"), "␛]0;title␇␛[2J␍\u{fffd}x");
        assert_eq!(harmless("\u{1b}[12"), "␛[12");
    }

    #[test]
    fn columns_line_up_without_regard_to_colour() {
        let mut table = Table::default();
        table
            .row([Cell::painted("open", |text| format!("\u{1b}[32m{text}\u{1b}[0m")), Cell::plain("acme/a")]);
        table.row([Cell::plain("unchanged"), Cell::plain("acme/b"), Cell::plain("")]);
        assert_eq!(table.render(), "\u{1b}[32mopen\u{1b}[0m       acme/a\nunchanged  acme/b\n");
    }
}
