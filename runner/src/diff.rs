//! The unified diff of an execution, in git's own form, for people and for `git apply`.
//!
//! Binary contents are named and not shown. Line differences come from Myers' algorithm with a time limit per
//! file, past which a coarser (and still correct) difference is given. Deliberately absent: applying a diff, and
//! renames, which are a deletion and an addition here.

use campaigns_domain::execution::FileMode;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};
use std::borrow::Cow;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How long the differences of one file may be refined.
const PER_FILE: Duration = Duration::from_secs(2);
/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// One state of a path.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What kind of file it is.
    pub mode: FileMode,
    /// Its id as git computes it. Two sides of the same mode and id are taken to be equal without a look inside.
    pub blob: [u8; 20],
    /// The bytes; of a link, where it leads.
    pub content: &'a [u8],
}

/// Writes what happened at `path`. Nothing is written where both sides are equal or absent.
///
/// # Errors
/// What `out` yields.
pub fn write(
    out: &mut impl Write,
    path: &[u8],
    old: Option<&Side<'_>>,
    new: Option<&Side<'_>>,
) -> io::Result<()> {
    match (old, new) {
        // git shows a file that became a link, or the reverse, as a deletion and an addition.
        (Some(old), Some(new)) if (old.mode == FileMode::Symlink) != (new.mode == FileMode::Symlink) => {
            one(out, path, Some(old), None)?;
            one(out, path, None, Some(new))
        }
        (Some(old), Some(new)) if old.mode == new.mode && old.blob == new.blob => Ok(()),
        (None, None) => Ok(()),
        (old, new) => one(out, path, old, new),
    }
}

fn one(out: &mut impl Write, path: &[u8], old: Option<&Side<'_>>, new: Option<&Side<'_>>) -> io::Result<()> {
    let (a, b) = (quoted(b"a/", path), quoted(b"b/", path));
    line(out, &[b"diff --git ", &a, b" ", &b])?;
    let mut same_mode = String::new();
    match (old, new) {
        (None, Some(new)) => writeln!(out, "new file mode {}", new.mode.as_str())?,
        (Some(old), None) => writeln!(out, "deleted file mode {}", old.mode.as_str())?,
        (Some(old), Some(new)) if old.mode != new.mode => {
            writeln!(out, "old mode {}\nnew mode {}", old.mode.as_str(), new.mode.as_str())?;
        }
        (Some(old), _) => same_mode = format!(" {}", old.mode.as_str()),
        (None, None) => {}
    }
    let absent = [0; 20];
    let old_blob = old.map_or(&absent, |side| &side.blob);
    let new_blob = new.map_or(&absent, |side| &side.blob);
    if old_blob == new_blob {
        return Ok(());
    }
    writeln!(out, "index {}..{}{same_mode}", hex::encode(old_blob), hex::encode(new_blob))?;
    let before = old.map_or(&b""[..], |side| side.content);
    let after = new.map_or(&b""[..], |side| side.content);
    let nowhere = Cow::Borrowed(&b"/dev/null"[..]);
    let a = if old.is_some() { a } else { nowhere.clone() };
    let b = if new.is_some() { b } else { nowhere };
    if before.contains(&0) || after.contains(&0) {
        return line(out, &[b"Binary files ", &a, b" and ", &b, b" differ"]);
    }
    if before.is_empty() && after.is_empty() {
        return Ok(());
    }
    // A name with a space ends with a tab, so that it cannot be taken for a name and a date.
    let end: &[u8] = if path.contains(&b' ') { b"\t" } else { b"" };
    line(out, &[b"--- ", &a, if old.is_some() { end } else { b"" }])?;
    line(out, &[b"+++ ", &b, if new.is_some() { end } else { b"" }])?;
    hunks(out, before, after)
}

fn hunks(out: &mut impl Write, before: &[u8], after: &[u8]) -> io::Result<()> {
    let old: Vec<&[u8]> = before.split_inclusive(|byte| *byte == b'\n').collect();
    let new: Vec<&[u8]> = after.split_inclusive(|byte| *byte == b'\n').collect();
    let deadline = Instant::now() + PER_FILE;
    let ops = capture_diff_slices_deadline(Algorithm::Myers, &old, &new, Some(deadline));
    for group in group_diff_ops(ops, CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (from, to) = (first.old_range().start, last.old_range().end);
        let (new_from, new_to) = (first.new_range().start, last.new_range().end);
        writeln!(out, "@@ -{} +{} @@", span(from, to), span(new_from, new_to))?;
        for op in &group {
            if let DiffOp::Equal { .. } = op {
                lines(out, b" ", &old[op.old_range()])?;
            } else {
                lines(out, b"-", &old[op.old_range()])?;
                lines(out, b"+", &new[op.new_range()])?;
            }
        }
    }
    Ok(())
}

/// A hunk's place: counted from 1, or the line before it where it is empty; a count of 1 is left out.
fn span(from: usize, to: usize) -> String {
    match to - from {
        0 => format!("{from},0"),
        1 => format!("{}", from + 1),
        count => format!("{},{count}", from + 1),
    }
}

fn lines(out: &mut impl Write, sign: &[u8], lines: &[&[u8]]) -> io::Result<()> {
    for line in lines {
        out.write_all(sign)?;
        out.write_all(line)?;
        if !line.ends_with(b"\n") {
            out.write_all(b"\n\\ No newline at end of file\n")?;
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    parts.iter().try_for_each(|part| out.write_all(part))?;
    out.write_all(b"\n")
}

/// `prefix` and `path`, in double quotes with C's escapes where git would (`core.quotePath`).
fn quoted(prefix: &[u8], path: &[u8]) -> Cow<'static, [u8]> {
    let plain = |byte: &u8| (0x20..0x7f).contains(byte) && !matches!(byte, b'"' | b'\\');
    let whole = [prefix, path].concat();
    if whole.iter().all(plain) {
        return Cow::Owned(whole);
    }
    let mut text = vec![b'"'];
    for byte in whole {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', byte]),
            b'\t' => text.extend(b"\\t"),
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            0x07 => text.extend(b"\\a"),
            0x08 => text.extend(b"\\b"),
            0x0b => text.extend(b"\\v"),
            0x0c => text.extend(b"\\f"),
            byte if plain(&byte) => text.push(byte),
            byte => text.extend(format!("\\{byte:03o}").into_bytes()),
        }
    }
    text.push(b'"');
    Cow::Owned(text)
}
