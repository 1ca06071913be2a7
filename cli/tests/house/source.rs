//! A Rust file without its comments and the contents of its strings, so that rules look at code only. A small
//! reader of tokens, not a parser: rules need names and their neighbours, nothing more.

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// From the repository's root.
    pub(crate) path: String,
    /// As it is on disk.
    pub(crate) text: String,
    /// Words and marks outside comments and strings, each with its line from 1.
    pub(crate) tokens: Vec<(usize, String)>,
}

impl Source {
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let tokens = tokens(&blank(&text));
        Self { path: path.into(), text, tokens }
    }

    /// Whether the whole file is test code: an integration test or a `tests` module of its own.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| ["tests", "tests.rs"].contains(&part))
    }

    /// The lines where this sequence of tokens begins.
    pub(crate) fn lines_of(&self, sequence: &[&str]) -> Vec<usize> {
        self.tokens
            .windows(sequence.len())
            .filter(|window| window.iter().zip(sequence).all(|((_, token), wanted)| token == wanted))
            .map(|window| window[0].0)
            .collect()
    }
}

/// The text with comments and the insides of strings and characters replaced by spaces; lines stay lines.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let keep = |out: &mut String, range: &[char]| {
        out.extend(range.iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
    };
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1).copied()) {
            ('/', Some('/')) => (at..chars.len()).find(|i| chars[*i] == '\n').unwrap_or(chars.len()),
            ('/', Some('*')) => block_comment_end(&chars, at),
            ('"', _) => string_end(&chars, at),
            ('r', Some('"' | '#')) if !in_word(&chars, at) => match raw_string_end(&chars, at) {
                Some(end) => end,
                None => at,
            },
            ('\'', _) => character_end(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            keep(&mut out, &chars[at..end]);
            at = end;
        }
    }
    out
}

/// Whether the character continues a word; `br"` and `cr"` are strings all the same.
fn in_word(chars: &[char], at: usize) -> bool {
    let word = |i: usize| chars[i].is_alphanumeric() || chars[i] == '_';
    match at {
        0 => false,
        1 => word(0) && !['b', 'c'].contains(&chars[0]),
        _ => word(at - 1) && (word(at - 2) || !['b', 'c'].contains(&chars[at - 1])),
    }
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return None;
    }
    let closed = |i: usize| {
        chars[i] == '"' && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    let body = start + 2 + hashes;
    Some((body..chars.len()).find(|i| closed(*i)).map_or(chars.len(), |i| i + 1 + hashes))
}

/// `'a'` and `'\n'` are characters, `'a` alone is a lifetime.
fn character_end(chars: &[char], start: usize) -> Option<usize> {
    match chars.get(start + 1)? {
        '\\' => (start + 3..chars.len().min(start + 14)).find(|i| chars[*i] == '\'').map(|i| i + 1),
        _ => (chars.get(start + 2) == Some(&'\'')).then_some(start + 3),
    }
}

fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut word = String::new();
        for c in line.chars().chain([' ']) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                found.push((number + 1, std::mem::take(&mut word)));
            }
            if !c.is_whitespace() {
                found.push((number + 1, c.to_string()));
            }
        }
    }
    found
}

#[test]
fn comments_and_strings_are_not_code() {
    let text = r####"
        // unsafe one
        /* unsafe /* two */ unsafe */ real
        "unsafe \" three" b"unsafe" r#"unsafe " four"# br"unsafe" '"' 'u' '\'' '\u{1F600}'
        fn f<'unsafe_lifetime>(x: &'a str) { bar"unsafe" }
    "####;
    let source = Source::new("a.rs", text);
    assert!(source.lines_of(&["unsafe"]).is_empty(), "{:?}", source.tokens);
    assert_eq!(source.lines_of(&["real"]), [3]);
    assert_eq!(source.lines_of(&["fn", "f"]), [5]);
}

#[test]
fn a_file_of_tests_is_known_by_its_path() {
    for (path, test) in [
        ("cli/tests/house/main.rs", true),
        ("a/src/b/tests.rs", true),
        ("runtime/src/embedded/testing.rs", false),
    ] {
        assert_eq!(Source::new(path, "").is_test(), test, "{path}");
    }
}
