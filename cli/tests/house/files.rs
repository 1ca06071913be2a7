//! What a file looks like from outside: its first line, its name, its length.

use crate::source::Source;

/// A file past this many lines is read by nobody to its end.
const LONGEST: usize = 400;

const MISNAMED: &[&str] = &["utils", "util", "helpers", "helper", "common", "manager", "misc"];

/// Files that do not open with what they are for.
pub(crate) fn unexplained(source: &Source) -> Vec<String> {
    let first = source.text.lines().next().unwrap_or_default();
    let said = first.strip_prefix("//!").is_some_and(|words| words.split_whitespace().count() >= 3);
    if said {
        Vec::new()
    } else {
        vec![format!("{}:1: does not open with `//!` and its purpose", source.path)]
    }
}

/// Names that say nothing.
pub(crate) fn misnamed(source: &Source) -> Vec<String> {
    let parts = source.path.trim_end_matches(".rs").split('/');
    parts
        .filter(|part| part.split(['_', '-']).any(|word| MISNAMED.contains(&word)))
        .map(|part| format!("{}: `{part}` names no idea", source.path))
        .collect()
}

/// Files that are too long.
pub(crate) fn long(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= LONGEST || source.is_test() {
        return Vec::new();
    }
    vec![format!("{}: {lines} lines; split it at an idea", source.path)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_purpose_is_named() {
        assert!(unexplained(&Source::new("a.rs", "//! Counts the sheep.\n")).is_empty());
        for text in
            ["", "use std::fs;\n", "// Counts the sheep.\n", "//! placeholder\n", "\n//! Counts the sheep.\n"]
        {
            assert_eq!(unexplained(&Source::new("a.rs", text)).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn a_name_without_an_idea_is_named() {
        for path in ["actors/src/utils.rs", "http/src/helpers/mod.rs", "cli/src/run_manager.rs"] {
            assert_eq!(misnamed(&Source::new(path, "")).len(), 1, "{path}");
        }
        assert!(misnamed(&Source::new("actors/src/commons_of_grass.rs", "")).is_empty());
    }

    #[test]
    fn a_long_file_is_named_unless_it_is_a_test() {
        let text = "\n".repeat(LONGEST + 1);
        assert_eq!(long(&Source::new("actors/src/a.rs", text.as_str())).len(), 1);
        assert!(long(&Source::new("actors/src/a/tests.rs", text.as_str())).is_empty());
        assert!(long(&Source::new("actors/src/a.rs", "\n".repeat(LONGEST))).is_empty());
    }
}
