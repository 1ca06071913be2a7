//! Takes the effect out of texts that come from repositories, before they go into a title, a pull request's text
//! or a commit's message.
//!
//! GitHub acts on mentions, references, closing keywords and `[skip ci]`, in commit messages too; git reads
//! trailers from lines. A zero-width space behind the first character keeps a text readable and inert.
//! Deliberately absent: the author's own words, whose effects are meant.

/// Breaks up what GitHub or git would act on.
const BREAK: char = '\u{200b}';

/// GitHub's closing keywords ("Linking a pull request to an issue").
const CLOSING: [&str; 9] =
    ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

/// GitHub's requests to leave workflows out ("Skipping workflow runs"), without their bracket.
const SKIPPING: [&str; 5] = ["skip ci]", "ci skip]", "no ci]", "skip actions]", "actions skip]"];

/// The text on one line, without effect.
pub(super) fn neutral(text: &str) -> String {
    let line = one_line(text);
    let mut inert = String::with_capacity(line.len());
    let mut before = None;
    for (at, c) in line.char_indices() {
        inert.push(c);
        let after = &line[at + c.len_utf8()..];
        if acts(&line[at..], before, c, after) {
            inert.push(BREAK);
        }
        before = Some(c);
    }
    inert
}

/// Whether something that begins with this character would act.
fn acts(here: &str, before: Option<char>, c: char, after: &str) -> bool {
    let starts_word = !before.is_some_and(char::is_alphanumeric);
    match c {
        // @name, @org/team
        '@' => after.starts_with(char::is_alphanumeric),
        // #123, org/repo#1
        '#' => after.starts_with(|c: char| c.is_ascii_digit()),
        // <!-- and -->
        '<' => after.starts_with('!'),
        '-' => after.starts_with("->"),
        '[' => SKIPPING.iter().any(|skip| begins(after, skip)),
        // GH-123
        'g' | 'G' if starts_word => begins(after, "h-"),
        // https://github.com/org/repo/issues/1
        'h' | 'H' if starts_word => begins(after, "ttp://") || begins(after, "ttps://"),
        'c' | 'C' | 'f' | 'F' | 'r' | 'R' if starts_word => CLOSING.iter().any(|word| {
            begins(here, word) && here[word.len()..].starts_with(|c: char| c == ':' || c.is_whitespace())
        }),
        _ => false,
    }
}

fn begins(text: &str, lower: &str) -> bool {
    text.get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower))
}

/// The text with every run of blanks, line ends and control characters as one space.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control() || is_invisible_line_end(c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn is_invisible_line_end(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}
