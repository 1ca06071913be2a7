//! GitHub's own list of REST operations and the rule that finds one for a request: the most literal path first,
//! and the parameters that hold branch names and paths may span slashes. The router and the oracle share it,
//! so what the twin routes is what GitHub describes. What an operation does is not here.

use std::collections::HashMap;
use std::sync::OnceLock;

/// An operation of GitHub's.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// `/repos/{owner}/{repo}/pulls`.
    pub template: &'static str,
    /// `pulls/list`.
    pub id: &'static str,
}

/// A request matched to an operation.
#[derive(Debug)]
pub struct Matched {
    /// The operation.
    pub operation: &'static Operation,
    /// Path parameters by name, decoded.
    pub params: Vec<(&'static str, String)>,
}

impl Matched {
    /// A path parameter; empty when the template has none of that name.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }
}

/// Parameters whose values hold slashes.
const SPANNING: [&str; 5] = ["ref", "path", "branch", "basehead", "tree_sha"];

/// Paths that GitHub serves and does not describe: each is another's, without its last parameter.
const UNDESCRIBED: [(&str, &str); 2] = [
    ("/repos/{owner}/{repo}/tarball", "repos/download-tarball-archive"),
    ("/repos/{owner}/{repo}/contents", "repos/get-content"),
];

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<&'static str, Node>,
    single: Option<Box<Node>>,
    spanning: Option<Box<Node>>,
    operation: Option<&'static Operation>,
}

/// All operations, by method.
#[derive(Debug)]
pub struct Catalog {
    operations: Vec<&'static Operation>,
    roots: HashMap<&'static str, Node>,
    first: std::collections::HashSet<&'static str>,
}

impl Catalog {
    /// GitHub's catalog.
    pub fn get() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| Self::parse(include_str!("catalog.txt")))
    }

    fn parse(text: &'static str) -> Self {
        let mut catalog = Self { operations: Vec::new(), roots: HashMap::new(), first: Default::default() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (Some(method), Some(template), Some(id)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            // Lives as long as the program: the catalog is parsed once.
            let operation: &'static Operation = Box::leak(Box::new(Operation { method, template, id }));
            catalog.operations.push(operation);
            // `{base}...{head}` is described a second time as `{basehead}`, which is the one that is matched.
            if !template.contains("...") {
                catalog.plant(template, operation);
            }
            for (path, _) in UNDESCRIBED.iter().filter(|(_, other)| *other == id) {
                catalog.plant(path, operation);
            }
        }
        catalog
    }

    fn plant(&mut self, path: &'static str, operation: &'static Operation) {
        self.first.extend(segments(path).first());
        let mut node = self.roots.entry(operation.method).or_default();
        for segment in segments(path) {
            node = match parameter(segment) {
                None => node.literals.entry(segment).or_default(),
                Some(name) if SPANNING.contains(&name) => node.spanning.get_or_insert_default(),
                Some(_) => node.single.get_or_insert_default(),
            };
        }
        node.operation = Some(operation);
    }

    /// Every operation.
    pub fn operations(&self) -> &[&'static Operation] {
        &self.operations
    }

    /// Does a path that begins with this segment belong to the API?
    pub fn begins(&self, segment: &str) -> bool {
        self.first.contains(segment)
    }

    /// Finds the operation for a request; `path` is without the layout's prefix and the query.
    pub fn find(&self, method: &str, path: &str) -> Option<Matched> {
        let parts = segments(path);
        let mut values = Vec::new();
        let operation = descend(self.roots.get(method)?, &parts, &mut values)?;
        let names = segments(operation.template).into_iter().filter_map(parameter);
        let params = names.zip(values).map(|(name, value)| (name, decode(&value))).collect();
        Some(Matched { operation, params })
    }
}

fn descend(node: &Node, parts: &[&str], values: &mut Vec<String>) -> Option<&'static Operation> {
    let Some((first, rest)) = parts.split_first() else { return node.operation };
    if let Some(found) = node.literals.get(first).and_then(|next| descend(next, rest, values)) {
        return Some(found);
    }
    if let Some(next) = &node.single {
        values.push((*first).to_owned());
        if let Some(found) = descend(next, rest, values) {
            return Some(found);
        }
        values.pop();
    }
    if let Some(next) = &node.spanning {
        // The shortest span first would give `/commits/a/b/status` to the wrong operation only if `b` could be
        // a literal; a longer literal tail is the more literal path.
        for length in 1..=parts.len() {
            values.push(parts[..length].join("/"));
            if let Some(found) = descend(next, &parts[length..], values) {
                return Some(found);
            }
            values.pop();
        }
    }
    None
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

fn parameter(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Decodes `%41` sequences; what is not one stays.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(method: &str, path: &str) -> Option<&'static str> {
        Catalog::get().find(method, path).map(|matched| matched.operation.id)
    }

    #[test]
    fn finds_the_most_literal_path() {
        assert_eq!(id("GET", "/repos/o/r"), Some("repos/get"));
        assert_eq!(
            id("GET", "/repos/o/r/commits/feature/x/status"),
            Some("repos/get-combined-status-for-ref")
        );
        assert_eq!(id("GET", "/repos/o/r/commits/feature/x"), Some("repos/get-commit"));
        assert_eq!(id("GET", "/repos/o/r/contents/a/b/c.txt"), Some("repos/get-content"));
        assert_eq!(id("PATCH", "/repos/o/r/git/refs/heads/a/b"), Some("git/update-ref"));
        assert_eq!(id("GET", "/repos/o/r/branches/a/b/protection"), Some("repos/get-branch-protection"));
        assert_eq!(id("GET", "/nothing/like/it"), None);
        assert_eq!(id("GET", "/repos/o/r/compare/a...b"), Some("repos/compare-commits-with-basehead"));
        assert_eq!(id("GET", "/repos/o/r/contents"), Some("repos/get-content"));
        assert_eq!(id("GET", "/"), Some("meta/root"));
    }

    #[test]
    fn decodes_parameters() {
        let matched = Catalog::get().find("GET", "/repos/o/r/branches/a%2Fb").unwrap();
        assert_eq!(matched.param("branch"), "a/b");
        assert_eq!(matched.param("owner"), "o");
    }
}
