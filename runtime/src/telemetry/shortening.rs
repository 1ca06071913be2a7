//! Keeps log lines readable: of a text in quotation marks that is long, such as the statement that took long, only the
//! beginning is written. Both forms of a line quote and escape in the same way.
//!
//! Deliberately absent: which events are written at all, and any reading of a line's fields.

use std::borrow::Cow;

/// A line of at most so many bytes is written as it is.
const LINE: usize = 400;
/// So many bytes of a statement are written: its table is among them, and how long it took is beside it.
const STATEMENT: usize = 160;
/// So many of any other text: a cause may need some words.
const TEXT: usize = 4000;

/// The field that a database's driver puts statements into.
const STATEMENT_FIELD: &[u8] = b"db.statement";
/// How far before its text a field's name is looked for: there may be colours in between.
const NAME: usize = 40;

/// The line with its long texts cut.
pub(super) fn shorten(line: &str) -> Cow<'_, str> {
    if line.len() <= LINE {
        return Cow::Borrowed(line);
    }
    let mut out = String::new();
    let mut rest = 0;
    let mut at = 0;
    let bytes = line.as_bytes();
    while let Some(open) = find(bytes, at) {
        let end = find(bytes, open + 1).unwrap_or(bytes.len());
        let before = &bytes[open.saturating_sub(NAME)..open];
        let statement = before.windows(STATEMENT_FIELD.len()).any(|name| name == STATEMENT_FIELD);
        let keep = if statement { STATEMENT } else { TEXT };
        if end - open > keep {
            let cut = safe(line, open + 1, open + 1 + keep);
            out.push_str(&line[rest..cut]);
            out.push('…');
            rest = end;
        }
        at = (end + 1).min(bytes.len());
    }
    if rest == 0 {
        return Cow::Borrowed(line);
    }
    out.push_str(&line[rest..]);
    Cow::Owned(out)
}

/// The next quotation mark from `at` on that is not escaped.
fn find(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
}

/// The last place up to `most` where neither a character nor an escape is cut in two.
fn safe(line: &str, from: usize, most: usize) -> usize {
    let bytes = line.as_bytes();
    let mut at = from;
    while at < most {
        let mut next = match (bytes.get(at), bytes.get(at + 1), bytes.get(at + 2)) {
            (Some(b'\\'), Some(b'u'), Some(b'{')) => {
                let end = bytes.iter().skip(at).position(|byte| *byte == b'}');
                at + end.map_or(3, |end| end + 1)
            }
            (Some(b'\\'), Some(b'u'), _) => at + 6,
            (Some(b'\\'), _, _) => at + 2,
            _ => at + 1,
        };
        while next < line.len() && !line.is_char_boundary(next) {
            next += 1;
        }
        if next > most {
            break;
        }
        at = next;
    }
    at
}
