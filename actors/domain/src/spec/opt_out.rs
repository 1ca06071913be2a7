//! The file by which a repository keeps campaigns out.
//!
//! `optOut: true`, or a list of the campaigns that are not wanted, by name or glob. Deliberately absent: reading it from
//! a repository, and the label that does the same (`selection::OptOut`).

use super::{
    node::{Node, Value, read},
    report::Report,
};
use globset::GlobBuilder;

/// Whether the file keeps this campaign out. What cannot be understood does: whoever wrote it wanted something.
pub(crate) fn keeps_out(file: &str, campaign: &str) -> bool {
    let says_something = |line: &str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line != "---"
    };
    if !file.lines().any(says_something) {
        return false;
    }
    let Some(Node { value: Value::Map(pairs), .. }) = read(file, &mut Report::new(file)) else { return true };
    let Some((_, wish)) = pairs.iter().find(|(key, _)| key.scalar() == Some("optOut")) else { return false };
    match (&wish.value, wish.kind()) {
        (_, "nothing") => false,
        (Value::Scalar { text, .. }, "true or false") => text.eq_ignore_ascii_case("true"),
        (Value::List(names), _) => names.iter().any(|name| means(name, campaign)),
        (_, "a text") => means(wish, campaign),
        _ => true,
    }
}

/// Whether a name or glob means the campaign.
fn means(name: &Node, campaign: &str) -> bool {
    let Some(text) = name.scalar() else { return true };
    let glob = GlobBuilder::new(text.trim()).case_insensitive(true).build();
    glob.map_or(true, |glob| glob.compile_matcher().is_match(campaign))
}
