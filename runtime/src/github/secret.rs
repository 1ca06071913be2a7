//! Secrets that cannot be printed, and taking out of other people's words what looks like one.
//!
//! Deliberately absent: where secrets come from (the environment, a file), which is the configuration's.

use std::fmt;

/// A token or key. Its value shows in no `Debug`, has no `Display`, and is asked for by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret; white space around it, as files have it, is left out.
    pub fn new(value: impl Into<String>) -> Self {
        let value: String = value.into();
        let trimmed = value.trim();
        if trimmed.len() == value.len() { Self(value) } else { Self(trimmed.to_owned()) }
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// What stands in for a secret.
pub const REDACTED: &str = "[redacted]";

/// Prefixes of GitHub's tokens, with the fewest characters that follow one. Installation tokens have two forms,
/// `ghs_` with 36 letters and the long one with dots and dashes; one rule takes both.
const PREFIXES: [(&str, usize); 6] =
    [("ghs_", 36), ("ghp_", 36), ("gho_", 36), ("ghu_", 36), ("ghr_", 36), ("github_pat_", 22)];

/// Replaces in `text` every GitHub token, JSON web token, `Authorization` value, `token=` parameter and the
/// user part of a URL.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let cut = secret_length(rest, out.as_bytes());
        if cut > 0 {
            out.push_str(REDACTED);
            rest = &rest[cut..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn run(text: &str, fits: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| fits(*byte)).count()
}

/// How many bytes at the start of `text` are a secret; `before` is what was kept already.
fn secret_length(text: &str, before: &[u8]) -> usize {
    for (prefix, least) in PREFIXES {
        if let Some(tail) = text.strip_prefix(prefix) {
            let length = run(tail, is_token_byte);
            if length >= least {
                return prefix.len() + length;
            }
        }
    }
    let starts_a_word = before.last().is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if starts_a_word && text.starts_with("eyJ") {
        let length = run(text, is_token_byte);
        if text[..length].bytes().filter(|byte| *byte == b'.').count() == 2 {
            return length;
        }
    }
    if ends_with(before, &["bearer ", "basic "]) {
        let length = run(text, |byte| is_token_byte(byte) || matches!(byte, b'+' | b'/' | b'=' | b'~'));
        if length >= 8 {
            return length;
        }
    }
    if ends_with(before, &["token=", "signature=", "authorization_request="]) {
        return run(text, |byte| {
            !matches!(byte, b'&' | b'"' | b' ' | b'>' | b')' | b'\'') && byte.is_ascii_graphic()
        });
    }
    if before.ends_with(b"://") {
        let authority =
            run(text, |byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'"'));
        if let Some(at) = text[..authority].rfind('@') {
            return at;
        }
    }
    0
}

fn ends_with(before: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| {
        before
            .len()
            .checked_sub(word.len())
            .is_some_and(|at| before[at..].eq_ignore_ascii_case(word.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new(" ghp_canary\n");
        assert_eq!(secret.expose(), "ghp_canary");
        assert!(!format!("{secret:?}{:#?}", Some(&secret)).contains("canary"));
    }

    #[test]
    fn every_form_is_taken_out() {
        let short = format!("ghs_{}", "a".repeat(36));
        let long = format!("ghs_123456_{}.{}.{}-_x", "b".repeat(36), "c".repeat(160), "d".repeat(300));
        let fine = format!("github_pat_{}", "e".repeat(82));
        let jwt = "eyJhbGciOi.eyJpc3MiOi.c2ln-_bmF0";
        for secret in [&short, &long, &fine, &format!("ghp_{}", "f".repeat(36)), &jwt.to_owned()] {
            let text = redact(&format!("the token \"{secret}\" is bad"));
            assert_eq!(text, "the token \"[redacted]\" is bad");
        }
        assert_eq!(
            redact("https://x-access-token:hunter2@host.example/a/b.git failed"),
            "https://[redacted]@host.example/a/b.git failed"
        );
        assert_eq!(redact("GET /x?a=1&token=abc%20d&b=2"), "GET /x?a=1&token=[redacted]&b=2");
        assert_eq!(redact("Authorization: Basic eHh4eHh4OnNlY3JldA=="), "Authorization: Basic [redacted]");
    }

    #[test]
    fn ordinary_words_stay() {
        for text in ["ghs_ is a prefix", "basic auth is off", "é https://host.example/a@b", "eyJ.x", ""] {
            assert_eq!(redact(text), text);
        }
    }
}
