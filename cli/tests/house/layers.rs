//! The order of `domain`'s modules: spec → selection → execution → changeset → publish → reconcile. A module
//! imports from those on its left and from what stands before all of them (ids, the machine's words).

use crate::source::Source;

const ORDER: &[&str] = &["spec", "selection", "execution", "changeset", "publish", "reconcile"];

/// Imports to the right.
pub(crate) fn violations(source: &Source) -> Vec<String> {
    let Some(inside) = source.path.strip_prefix("actors/domain/src/") else { return Vec::new() };
    let first = inside.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    if first == "lib" {
        return Vec::new();
    }
    // What is before all modules has no rank and may use none of them.
    let own = ORDER.iter().position(|each| *each == first);
    let depth = inside.split('/').count() - usize::from(inside.ends_with("mod.rs"));
    imported(source, depth)
        .into_iter()
        .filter_map(|(line, module)| {
            let rank = ORDER.iter().position(|each| *each == module)?;
            (own.is_none_or(|own| rank > own)).then(|| {
                format!("{}:{line}: `{first}` imports `{module}`, which is on its right", source.path)
            })
        })
        .collect()
}

/// The first name after `crate::`, or after as many `super::` as lead to the crate's root; every name of a group.
fn imported(source: &Source, depth: usize) -> Vec<(usize, String)> {
    let tokens: Vec<(usize, &str)> =
        source.tokens.iter().map(|(line, token)| (*line, token.as_str())).collect();
    let word = |at: usize| tokens.get(at).map_or("", |(_, token)| *token);
    let colons = |at: usize| word(at) == ":" && word(at + 1) == ":";
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let path_begins = at < 2 || !colons(at - 2);
        let mut end = at;
        if path_begins && word(at) == "crate" && colons(at + 1) {
            end = at + 3;
        } else if path_begins && word(at) == "super" {
            let mut supers = 0;
            while word(end) == "super" && colons(end + 1) {
                (supers, end) = (supers + 1, end + 3);
            }
            if supers < depth {
                end = at;
            }
        }
        if end > at {
            match word(end) {
                "{" => found.extend(group(&tokens[end + 1..])),
                name => found.push((tokens[at].0, name.to_owned())),
            }
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// The first names of a group's members, up to its closing brace.
fn group(tokens: &[(usize, &str)]) -> Vec<(usize, String)> {
    let (mut depth, mut first, mut found) = (1, true, Vec::new());
    for (line, token) in tokens {
        match *token {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => first = true,
            name if first => {
                found.push((*line, name.to_owned()));
                first = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        violations(&Source::new(path, text)).len()
    }

    #[test]
    fn leftward_is_allowed() {
        assert_eq!(found("actors/domain/src/publish/mod.rs", "use crate::{id::A, spec::{B, publish}};"), 0);
        assert_eq!(found("actors/domain/src/publish/words.rs", "use super::super::changeset::C;"), 0);
        assert_eq!(found("actors/domain/src/spec/mod.rs", "use super::id::A; use crate::spec::B;"), 0);
        assert_eq!(found("actors/domain/src/lib.rs", "pub use crate::reconcile::R;"), 0);
        assert_eq!(found("actors/src/campaign.rs", "use crate::publish::P;"), 0);
    }

    #[test]
    fn rightward_is_named_however_it_is_written() {
        assert_eq!(found("actors/domain/src/spec/mod.rs", "use crate::publish::P;"), 1);
        assert_eq!(
            found("actors/domain/src/spec/parse.rs", "use crate::{id::A, selection::{B}, execution};"),
            2
        );
        assert_eq!(found("actors/domain/src/spec/parse.rs", "fn f(x: crate::reconcile::R) {}"), 1);
        assert_eq!(found("actors/domain/src/spec/mod.rs", "use super::changeset::C;"), 1);
        assert_eq!(found("actors/domain/src/spec/parse.rs", "use super::super::changeset::C;"), 1);
        assert_eq!(found("actors/domain/src/id.rs", "use crate::spec::S;"), 1);
    }

    #[test]
    fn a_module_of_the_same_name_inside_is_no_violation() {
        assert_eq!(found("actors/domain/src/spec/parse.rs", "use super::publish::P;"), 0);
    }
}
