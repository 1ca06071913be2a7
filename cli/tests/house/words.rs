//! Words that may not stand in code, or only in some files.

use crate::crates::{VENDORLESS, VENDORS};
use crate::source::Source;

/// Files that may say `unsafe`, with the reason. The workspace forbids it; a crate that needs it says so there.
const UNSAFE: &[(&str, &str)] = &[];

/// Files of tests that may sleep, with the reason.
const SLEEPS: &[(&str, &str)] = &[("cli/tests/support/mod.rs", "the pause of every poll of another process")];

fn at(source: &Source, lines: Vec<usize>, words: &str) -> Vec<String> {
    lines.into_iter().map(|line| format!("{}:{line}: {words}", source.path)).collect()
}

/// A vendor's name in a crate that must not know vendors.
pub(crate) fn vendors(source: &Source) -> Vec<String> {
    let vendorless = VENDORLESS.iter().any(|package| {
        let folder = match *package {
            "campaigns-domain" => "actors/domain/",
            "campaigns-wire" => "http/wire/",
            other => &format!("{}/", other.trim_start_matches("campaigns-")),
        };
        source.path.starts_with(folder)
    });
    if !vendorless {
        return Vec::new();
    }
    VENDORS
        .iter()
        .flat_map(|vendor| {
            at(
                source,
                source.lines_of(&[vendor, ":", ":"]),
                &format!("names {vendor}; only runtime knows vendors"),
            )
        })
        .collect()
}

/// `cfg(test)` before anything but a module named `tests`, and its disguises.
pub(crate) fn test_code_in_production(source: &Source) -> Vec<String> {
    if source.is_test() {
        return Vec::new();
    }
    let words = "production code that changes under test; only `mod tests` may be conditional";
    let tokens: Vec<&str> = source.tokens.iter().map(|(_, token)| token.as_str()).collect();
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut found = Vec::new();
    for start in 0..tokens.len() {
        let rest = &tokens[start..];
        if rest.starts_with(&attribute) && !followed_by_tests(&rest[attribute.len()..]) {
            found.push(source.tokens[start].0);
        }
        let hidden = rest.starts_with(&["cfg", "!"]) || rest.starts_with(&["cfg_attr"]);
        let composed = rest.starts_with(&["cfg", "("]) && rest.get(2) != Some(&"test");
        if (hidden || composed) && names_test(rest) {
            found.push(source.tokens[start].0);
        }
    }
    at(source, found, words)
}

/// Other attributes may stand between; then it must be `mod tests`.
fn followed_by_tests(mut tokens: &[&str]) -> bool {
    while tokens.starts_with(&["#", "["]) {
        let Some(end) = tokens.iter().position(|token| *token == "]") else { return false };
        tokens = &tokens[end + 1..];
    }
    tokens.starts_with(&["mod", "tests"])
}

/// Whether `test` stands inside the parentheses that open next.
fn names_test(tokens: &[&str]) -> bool {
    let mut depth = 0;
    for token in tokens.iter().skip_while(|token| **token != "(") {
        match *token {
            "(" => depth += 1,
            ")" => depth -= 1,
            "test" => return true,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    false
}

/// `#[ignore]`, with or without a reason.
pub(crate) fn ignored_tests(source: &Source) -> Vec<String> {
    at(source, source.lines_of(&["#", "[", "ignore"]), "a test that is never run")
}

/// Sleeping in a test instead of waiting for what is meant. In the body of a `loop` or `while` it is the pause of
/// a poll, which a process boundary may force; under paused time tokio's sleep only turns the clock.
pub(crate) fn sleeping_tests(source: &Source) -> Vec<String> {
    if !source.is_test() || SLEEPS.iter().any(|(path, _)| *path == source.path) {
        return Vec::new();
    }
    let paused = !source.lines_of(&["start_paused", "=", "true"]).is_empty();
    let tokens: Vec<&str> = source.tokens.iter().map(|(_, token)| token.as_str()).collect();
    // For every open block whether it is a loop's body; and where the statement that opens the next one began.
    let (mut blocks, mut begun, mut found) = (Vec::new(), 0, Vec::new());
    for (index, token) in tokens.iter().enumerate() {
        match *token {
            "{" => blocks.push(tokens[begun..index].iter().any(|word| ["loop", "while"].contains(word))),
            "}" => drop(blocks.pop()),
            "sleep"
                if tokens[..index].ends_with(&[":", ":"])
                    && !blocks.contains(&true)
                    && !(paused && tokens[..index].ends_with(&["time", ":", ":"])) =>
            {
                found.push(source.tokens[index].0);
            }
            _ => {}
        }
        if ["{", "}", ";"].contains(token) {
            begun = index + 1;
        }
    }
    at(source, found, "a test sleeps; wait for the event, or poll a condition with a deadline")
}

/// ractor's `call!`, which waits for ever.
pub(crate) fn calls_without_timeout(source: &Source) -> Vec<String> {
    at(source, source.lines_of(&["call", "!"]), "`call!` has no timeout; use `call_t!`")
}

/// `unsafe` outside the named files.
pub(crate) fn unexplained_unsafe(source: &Source) -> Vec<String> {
    if UNSAFE.iter().any(|(path, _)| *path == source.path) {
        return Vec::new();
    }
    at(source, source.lines_of(&["unsafe"]), "unsafe, and not listed with a reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn production(text: &str) -> Source {
        Source::new("actors/src/a.rs", text)
    }

    #[test]
    fn a_vendor_is_named_where_it_must_not_be_known() {
        for path in ["actors/src/a.rs", "actors/domain/src/a.rs", "http/src/a.rs", "http/wire/src/a.rs"] {
            assert_eq!(vendors(&Source::new(path, "use sqlx::PgPool;")).len(), 1, "{path}");
        }
        assert!(vendors(&Source::new("runtime/src/store/mod.rs", "use sqlx::PgPool;")).is_empty());
        assert!(vendors(&production("// sqlx::PgPool is the runtime's\nlet redis = 1;")).is_empty());
    }

    #[test]
    fn only_a_module_of_tests_is_conditional() {
        assert!(test_code_in_production(&production("#[cfg(test)]\nmod tests {}")).is_empty());
        assert!(
            test_code_in_production(&production("#[cfg(test)]\n#[path = \"t.rs\"]\nmod tests;")).is_empty()
        );
        assert!(test_code_in_production(&production("#[cfg(unix)]\nfn f() {}")).is_empty());
        for text in [
            "#[cfg(test)]\nfn f() {}",
            "#[cfg(test)]\nmod fakes;",
            "if cfg!(test) {}",
            "#[cfg_attr(test, derive(Default))]\nstruct A;",
            "#[cfg(not(test))]\nfn f() {}",
            "#[cfg(any(test, unix))]\nfn f() {}",
        ] {
            assert_eq!(test_code_in_production(&production(text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn ignored_and_sleeping_tests_are_named() {
        assert_eq!(ignored_tests(&production("#[ignore = \"slow\"]\nfn f() {}")).len(), 1);
        assert!(ignored_tests(&production("fn ignore() {}")).is_empty());
        let sleeping = "tokio::time::sleep(d).await; std::thread::sleep(d);";
        assert_eq!(sleeping_tests(&Source::new("a/tests/b.rs", sleeping)).len(), 2);
        assert!(sleeping_tests(&production(sleeping)).is_empty());
        let polls =
            "while !done() { assert!(now() < end); thread::sleep(d); } loop { if x { time::sleep(d) } }";
        assert!(sleeping_tests(&Source::new("a/tests/b.rs", polls)).is_empty());
        let virtually = "#[tokio::test(start_paused = true)] async fn f() { tokio::time::sleep(d).await; }";
        assert!(sleeping_tests(&Source::new("a/tests/b.rs", virtually)).is_empty());
        let really = virtually.replace("tokio::time", "std::thread");
        assert_eq!(sleeping_tests(&Source::new("a/tests/b.rs", really)).len(), 1);
        let after = "while !done() {} thread::sleep(d);";
        assert_eq!(sleeping_tests(&Source::new("a/tests/b.rs", after)).len(), 1);
    }

    #[test]
    fn a_call_without_timeout_is_named() {
        assert_eq!(calls_without_timeout(&production("ractor::call!(a, M)")).len(), 1);
        assert!(calls_without_timeout(&production("call_t!(a, M, 5); self.call(x)")).is_empty());
    }

    #[test]
    fn unsafe_is_named() {
        assert_eq!(unexplained_unsafe(&production("unsafe { f() }")).len(), 1);
        assert!(unexplained_unsafe(&production("// unsafe\n#![forbid(unsafe_code)]")).is_empty());
    }
}
