//! The YAML text as a tree of nodes that know where they stand, built from a parser's events.
//!
//! Within bounds: bytes, depth, and the nodes that aliases multiply. YAML 1.2 is read, so that `on`, `yes` and
//! `off` are texts. Tags other than `!!str` and merge keys are refused. Deliberately absent: what the nodes mean
//! (`parse`).

use super::report::{Position, Report, quoted};
use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

/// The largest spec, in bytes.
pub const MOST_BYTES: usize = 256 * 1024;

/// How deep nodes may stand in one another; the format itself needs six.
const MOST_DEPTH: usize = 32;

/// How many nodes, and how many bytes in them, a spec may have once its aliases are written out.
const MOST_NODES: usize = 150_000;
const MOST_EXPANDED: usize = 2 * 1024 * 1024;

/// A node and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Position,
    /// The bytes of the source that a scalar was read from.
    pub(super) span: Range<usize>,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A text; `plain` where it was written without quotes, so that it may stand for a number and the like.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// Keys are texts; each is there once.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The scalar's text, whatever it stands for.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What the node is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Scalar { plain: false, .. } => "a text",
            Value::Scalar { text, .. } => match text.as_str() {
                "" | "~" | "null" | "Null" | "NULL" => "nothing",
                "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => "true or false",
                text if is_number(text) => "a number",
                _ => "a text",
            },
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.kind() == "nothing"
    }

    /// How many nodes it is made of, and how many bytes are in them.
    fn weight(&self) -> (usize, usize) {
        let sum = |(nodes, bytes): (usize, usize), node: &Self| {
            let (more, size) = node.weight();
            (nodes + more, bytes + size)
        };
        match &self.value {
            Value::Scalar { text, .. } => (1, text.len()),
            Value::List(items) => items.iter().fold((1, 0), sum),
            Value::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).fold((1, 0), sum),
        }
    }
}

/// YAML's core schema for integers and floating-point numbers.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let radix = |prefix: &str, fits: fn(char) -> bool| {
        digits.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(fits))
    };
    let decimal = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'))
        && digits.parse::<f64>().is_ok();
    let named = matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    decimal || named || radix("0x", |c| c.is_ascii_hexdigit()) || radix("0o", |c| ('0'..='7').contains(&c))
}

/// A list or mapping that has not ended yet.
struct Open {
    at: Position,
    anchor: usize,
    items: Vec<Node>,
    /// Where the key stands that waits for its value; mappings only.
    mapping: Option<HashMap<String, usize>>,
}

/// Builds the tree; `None` where the text is no single YAML document within bounds, which is reported.
pub(super) fn read(source: &str, report: &mut Report<'_>) -> Option<Node> {
    if source.len() > MOST_BYTES {
        let message = format!("the spec is {} bytes long; at most {MOST_BYTES} are read", source.len());
        report.add(Position::START, message, "move large file contents into the step's image");
        return None;
    }
    let options = granit_parser::options! {
        emit_comments: false,
        simple_key_max_lookahead: 8 * 1024,
        flow_nesting_limit: 255,
        block_nesting_limit: 255,
    };
    let mut tree = Tree { report, open: vec![], anchors: HashMap::new(), root: None, nodes: 0, bytes: 0 };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(source, options) {
        match event {
            Ok((Event::DocumentStart(..), span)) => {
                documents += 1;
                if documents > 1 {
                    tree.report.add(place(&span), "a second YAML document begins", "a file holds one spec");
                    return None;
                }
            }
            Ok((event, span)) => tree.event(event, &span)?,
            Err(error) => {
                let at = Position { line: error.marker().line().max(1), column: error.marker().col() + 1 };
                let help = "look at the indentation and the quotes here and in the line before; a text with `: ` or \
                            ` #` in it needs quotes";
                tree.report.add(at, format!("this is not YAML: {}", error.info()), help);
                return None;
            }
        }
    }
    let root = tree.root.take();
    if root.is_none() {
        report.add(Position::START, "the spec is empty", "it needs at least a `name`");
    }
    root
}

fn place(span: &Span) -> Position {
    Position { line: span.start.line().max(1), column: span.start.col() + 1 }
}

struct Tree<'r, 's> {
    report: &'r mut Report<'s>,
    open: Vec<Open>,
    anchors: HashMap<usize, Option<Node>>,
    root: Option<Node>,
    nodes: usize,
    bytes: usize,
}

impl Tree<'_, '_> {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Option<()> {
        let at = place(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let forced = self.tag(tag.as_deref(), span, true)?;
                let value =
                    Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain && !forced };
                let node = Node { value, at, span: span.byte_range().unwrap_or_default() };
                self.keep(anchor, &node)?;
                let weight = (1, node.scalar().map_or(0, str::len));
                self.place(node, weight)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), span, false)?;
                self.begin(at, anchor, None)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), span, false)?;
                self.begin(at, anchor, Some(HashMap::new()))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let value = match open.mapping {
                    None => Value::List(open.items),
                    Some(_) => Value::Map(pairs(open.items)),
                };
                let node = Node { value, at: open.at, span: 0..0 };
                self.keep(open.anchor, &node)?;
                self.place(node, (1, 0))
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned().flatten() {
                Some(node) => {
                    self.count(at, node.weight())?;
                    self.place(node, (0, 0))
                }
                None => {
                    self.report.add(at, "this alias stands inside of what it names", "write the value out");
                    None
                }
            },
            _ => Some(()),
        }
    }

    fn begin(&mut self, at: Position, anchor: usize, mapping: Option<HashMap<String, usize>>) -> Option<()> {
        if self.open.len() == MOST_DEPTH {
            let message = format!("the spec is more than {MOST_DEPTH} levels deep here");
            self.report.add(at, message, "no part of a spec is that deep");
            return None;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { at, anchor, items: vec![], mapping });
        Some(())
    }

    /// Counts what is about to be kept; aliases and anchors count with everything that they stand for, which is
    /// what stops a few lines from standing for millions.
    fn count(&mut self, at: Position, (nodes, bytes): (usize, usize)) -> Option<()> {
        self.nodes += nodes;
        self.bytes += bytes;
        if self.nodes <= MOST_NODES && self.bytes <= MOST_EXPANDED {
            return Some(());
        }
        self.report.add(
            at,
            "the spec grows too large here",
            "write fewer values, or fewer aliases (`*name`)",
        );
        None
    }

    fn keep(&mut self, anchor: usize, node: &Node) -> Option<()> {
        if anchor != 0 {
            self.count(node.at, node.weight())?;
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Some(())
    }

    /// Puts a finished node where it belongs, if the whole is still within bounds.
    fn place(&mut self, node: Node, weight: (usize, usize)) -> Option<()> {
        let at = node.at;
        self.count(at, weight)?;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        if let Some(keys) = &mut open.mapping
            && open.items.len().is_multiple_of(2)
        {
            let Some(key) = node.scalar().map(str::to_owned) else {
                self.report.add(at, format!("a key is a text, and this is {}", node.kind()), "");
                return None;
            };
            let index = open.items.len();
            if let Some(earlier) = keys.get(&key).and_then(|index| open.items.get(*index)) {
                let message = format!("the key {} is there twice", quoted(&key));
                let help = format!("it is in line {} already; keep one of them", earlier.at.line);
                self.report.add(at, message, help);
            } else {
                keys.insert(key, index);
            }
        }
        open.items.push(node);
        Some(())
    }

    /// Whether a tag says that a scalar is a text; any other tag is refused.
    fn tag(&mut self, tag: Option<&Tag>, span: &Span, scalar: bool) -> Option<bool> {
        let Some(tag) = tag else { return Some(false) };
        match tag.core_suffix() {
            Some("str") if scalar => Some(true),
            _ => {
                let at = place(&span.tag_span().unwrap_or(*span));
                let message = format!("the YAML tag {} is not supported", quoted(&tag.original()));
                self.report.add(at, message, "write the plain value");
                None
            }
        }
    }
}

/// Keys and values in turn; of a key that is there twice, which has been reported, the first.
fn pairs(items: Vec<Node>) -> Vec<(Node, Node)> {
    let mut items = items.into_iter();
    let mut seen: HashSet<String> = HashSet::new();
    let mut pairs = vec![];
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        if seen.insert(key.scalar().unwrap_or_default().to_owned()) {
            pairs.push((key, value));
        }
    }
    pairs
}
