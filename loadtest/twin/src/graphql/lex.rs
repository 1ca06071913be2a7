//! Cuts a GraphQL document into tokens, each with its place, as errors name places. Texts become JSON's, block
//! texts too. What the tokens mean is `parse`'s.

use super::parse::ParseError;

/// Where something stands in a document, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As written; a text as JSON writes it.
    pub text: String,
    /// Where.
    pub at: Place,
}

/// The tokens of a document.
pub fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut at = Place { line: 1, column: 1 };
    while let Some(first) = rest.chars().next() {
        let (length, token) = match first {
            ' ' | '\t' | '\n' | '\r' | ',' => (1, None),
            '#' => (rest.find('\n').unwrap_or(rest.len()), None),
            '"' => {
                let (length, text) = quoted(rest)?;
                (length, Some(text))
            }
            _ => {
                let length = match first {
                    '.' if rest.starts_with("...") => 3,
                    _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
                    _ if "{}()[]:$!@=|&".contains(first) => 1,
                    _ => return Err(ParseError::Syntax(first.to_string())),
                };
                (length, Some(rest[..length].to_owned()))
            }
        };
        found.extend(token.map(|text| Token { text, at }));
        for letter in rest[..length].chars() {
            at = match letter {
                '\n' => Place { line: at.line + 1, column: 1 },
                _ => Place { column: at.column + 1, ..at },
            };
        }
        rest = &rest[length..];
    }
    Ok(found)
}

/// A name, a number, an enumeration's word.
pub fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

/// The length of the text at the beginning, and the text as JSON writes it.
fn quoted(rest: &str) -> Result<(usize, String), ParseError> {
    let unended = || ParseError::Syntax(rest.chars().take(20).collect());
    if let Some(block) = rest.strip_prefix("\"\"\"") {
        let end = block.find("\"\"\"").ok_or_else(unended)?;
        return Ok((end + 6, serde_json::Value::from(dedented(&block[..end])).to_string()));
    }
    let mut escaped = false;
    let end = rest[1..].find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    let length = end.ok_or_else(unended)? + 2;
    Ok((length, rest[..length].to_owned()))
}

/// A block text without the indentation that its lines share and without blank lines around it.
fn dedented(block: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let shared =
        block.lines().skip(1).filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or_default();
    let lines: Vec<&str> = block
        .lines()
        .enumerate()
        .map(|(number, line)| if number == 0 { line } else { line.get(shared..).unwrap_or("") })
        .collect();
    let blank = |line: &&&str| line.trim().is_empty();
    let first = lines.iter().take_while(blank).count();
    let last = lines.len() - lines.iter().rev().take_while(blank).count().min(lines.len() - first);
    lines[first..last].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_it_is_and_reads_block_texts() {
        let found = tokens("{ a # why\n  b(c: \"\"\"\n    one\n      two\n  \"\"\") }").unwrap();
        let b = found.iter().find(|token| token.text == "b").unwrap();
        assert_eq!(b.at, Place { line: 2, column: 3 });
        assert!(found.iter().any(|token| token.text == "\"one\\n  two\""), "{found:?}");
    }
}
