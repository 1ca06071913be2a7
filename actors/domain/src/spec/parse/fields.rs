//! Reading a mapping whose keys are known, and the texts, lists and templates in it.
//!
//! Deliberately absent: which keys there are (each part of the spec has its `Shape`).

use crate::spec::{
    names::nearest,
    node::{Node, Value},
    report::{Position, Report, quoted},
    template::{BEGIN, Template},
};

/// The keys that a mapping may have.
pub(super) struct Shape {
    /// What the mapping is, for messages.
    pub(super) what: &'static str,
    /// The keys that are supported.
    pub(super) keys: &'static [&'static str],
    /// The keys of the format that are not supported yet, each with what to do instead.
    pub(super) refused: &'static [(&'static str, &'static str)],
}

/// A mapping whose keys have been checked.
pub(super) struct Fields<'n> {
    at: Position,
    what: &'static str,
    pairs: &'n [(Node, Node)],
}

impl<'n> Fields<'n> {
    /// Takes a mapping; unknown and unsupported keys are reported.
    pub(super) fn open(node: &'n Node, shape: &Shape, report: &mut Report<'_>) -> Option<Self> {
        let Value::Map(pairs) = &node.value else {
            let message = format!("{} is a mapping, and this is {}", shape.what, node.kind());
            report.add(node.at, message, format!("write it as keys and values: {}", shape.keys.join(", ")));
            return None;
        };
        for (key, _) in pairs {
            let name = key.scalar().unwrap_or_default();
            if shape.keys.contains(&name) {
                continue;
            }
            if let Some((name, help)) = shape.refused.iter().find(|(refused, _)| *refused == name) {
                report.add(key.at, format!("`{name}` is not supported yet"), *help);
                continue;
            }
            if report.is_full() {
                report.add(key.at, "", "");
                continue;
            }
            let message = format!("unknown key {} in {}", quoted(name), shape.what);
            let known = shape.keys.iter().chain(shape.refused.iter().map(|(name, _)| name)).copied();
            match nearest(name, known) {
                Some(near) => report.add(key.at, message, format!("did you mean `{near}`?")),
                None => report.add(key.at, message, format!("it has {}", shape.keys.join(", "))),
            }
        }
        Some(Self { at: node.at, what: shape.what, pairs })
    }

    /// The value of a key; one that is empty counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        let pair = self.pairs.iter().find(|(name, _)| name.scalar() == Some(key));
        pair.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The value of a key that has to be there.
    pub(super) fn require(&self, key: &str, help: &str, report: &mut Report<'_>) -> Option<&'n Node> {
        let found = self.get(key);
        if found.is_none() {
            let empty = self.pairs.iter().find(|(name, _)| name.scalar() == Some(key));
            match empty {
                Some((name, _)) => report.add(name.at, format!("`{key}` is empty"), help),
                None => report.add(self.at, format!("`{key}` is missing in {}", self.what), help),
            }
        }
        found
    }

    /// The text of a key, if it is there.
    pub(super) fn text(&self, key: &str, report: &mut Report<'_>) -> Option<&'n str> {
        self.get(key).and_then(|node| text(node, &format!("`{key}`"), report))
    }

    /// The text with templates of a key that has to be there and not be blank.
    pub(super) fn template(&self, key: &str, help: &str, report: &mut Report<'_>) -> Option<&'n str> {
        let node = self.require(key, help, report)?;
        let text = template(node, &format!("`{key}`"), report)?;
        if text.trim().is_empty() {
            report.add(node.at, format!("`{key}` is empty"), help);
            return None;
        }
        Some(text)
    }

    /// The items of a key's list; none where it is absent.
    pub(super) fn list(&self, key: &str, report: &mut Report<'_>) -> &'n [Node] {
        match self.get(key).map(|node| (node, &node.value)) {
            None => &[],
            Some((_, Value::List(items))) => items,
            Some((node, _)) => {
                let message = format!("`{key}` is a list, and this is {}", node.kind());
                report.add(node.at, message, "write each item in a line of its own that begins with `- `");
                &[]
            }
        }
    }

    /// `true` or `false` of a key, if it is there.
    pub(super) fn switch(&self, key: &str, report: &mut Report<'_>) -> Option<bool> {
        let node = self.get(key)?;
        let found = switch(node);
        if found.is_none() {
            report.add(
                node.at,
                format!("`{key}` is true or false, and this is {}", node.kind()),
                "write it without quotes",
            );
        }
        found
    }
}

/// `true` or `false`, if the node is one of them.
pub(super) fn switch(node: &Node) -> Option<bool> {
    match (node.kind(), node.scalar()) {
        ("true or false", Some(text)) => Some(text.eq_ignore_ascii_case("true")),
        _ => None,
    }
}

/// A node that has to be a text. YAML's numbers, booleans and nothing are none until they are quoted.
pub(super) fn text<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    if node.kind() != "a text" {
        let help = match node.scalar() {
            Some(text) if !node.is_null() => format!("write it in quotes: \"{}\"", text.trim()),
            _ => "write a text".to_owned(),
        };
        report.add(node.at, format!("{what} is a text, and this is {}", node.kind()), help);
        return None;
    }
    let text = node.scalar()?;
    if text.contains('\0') {
        report.add(
            node.at,
            format!("{what} holds a NUL character"),
            "take it out: no program can be given it",
        );
        return None;
    }
    Some(text)
}

/// A text whose templates can be rendered.
pub(super) fn template<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    let text = text(node, what, report)?;
    let Err(errors) = Template::parse(text) else { return Some(text) };
    if report.is_full() {
        errors.iter().for_each(|_| report.add(node.at, "", ""));
        return None;
    }
    // The nth `${{` of the text is the nth of its source, unless an escape or a comment made one more or less.
    let source = report.slice(&node.span);
    let places: Vec<usize> = source.match_indices(BEGIN).map(|(at, _)| node.span.start + at).collect();
    let exact = places.len() == text.matches(BEGIN).count();
    for error in errors {
        let place = places.get(error.nth).filter(|_| exact);
        let at = place.map_or(node.at, |offset| report.position(*offset));
        report.add(at, error.message, error.help);
    }
    None
}
