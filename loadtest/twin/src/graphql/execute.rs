//! Carries out an operation: walks its selections, keeps the path for errors, merges what is asked twice, and
//! refuses the first field that is not served by name. What each field holds is its object's file's.

use super::lex::Place;
use super::parse::{Document, Field, Selection};
use crate::auth::Caller;
use crate::limits::Budget;
use crate::rest::call::Facts;
use crate::rest::refusal::Refusal;
use crate::rest::urls::Urls;
use crate::world::World;
use serde_json::{Map, Value, json};

/// An operation that is being carried out.
#[derive(Debug)]
pub struct Execution<'a> {
    pub(super) world: &'a World,
    pub(super) caller: Caller,
    pub(super) urls: Urls,
    pub(super) budget: Budget,
    pub(super) errors: Vec<Value>,
    pub(super) path: Vec<Value>,
    /// Is a field null that may not be, so that there is no data at all?
    pub(super) void: bool,
    /// What the log will say.
    pub(super) facts: Facts,
    /// Was content created?
    pub(super) created: bool,
}

/// The interfaces and unions by which fragments ask for the objects served here.
const KINDS: [(&str, &[&str]); 12] = [
    ("PullRequest", &["Node", "Assignable", "Closable", "Comment", "Labelable", "UniformResourceLocatable"]),
    ("Repository", &["Node", "RepositoryOwner", "UniformResourceLocatable"]),
    ("User", &["Node", "Actor", "RepositoryOwner", "UniformResourceLocatable"]),
    ("Bot", &["Node", "Actor", "UniformResourceLocatable"]),
    ("Organization", &["Node", "Actor", "RepositoryOwner", "UniformResourceLocatable"]),
    ("Commit", &["Node", "GitObject", "UniformResourceLocatable"]),
    ("Blob", &["Node", "GitObject"]),
    ("Ref", &["Node"]),
    ("Label", &["Node"]),
    ("MergeQueueEntry", &["Node"]),
    ("StatusCheckRollup", &["Node"]),
    ("PullRequestReview", &["Node"]),
];

fn is_a(kind: &str, on: &str) -> bool {
    kind == on || KINDS.iter().any(|(known, are)| *known == kind && are.contains(&on))
}

/// The refusal of what is not served.
pub fn unserved(path: &str) -> Refusal {
    Refusal::not_implemented("graphql", path)
}

/// The refusal of a field that is not served.
pub(super) fn no_field(kind: &str, field: &Field) -> Refusal {
    unserved(&format!("{kind}.{}", field.name))
}

/// The fields asked of an object of a kind, with what is asked of one key in several places put together.
pub(super) fn asked(selection: &[Selection], kind: &str) -> Vec<Field> {
    fn gather(selection: &[Selection], kind: &str, found: &mut Vec<Field>) {
        for item in selection {
            match item {
                Selection::Field(field) => match found.iter_mut().find(|known| known.alias == field.alias) {
                    Some(known) => known.selection.extend(field.selection.iter().cloned()),
                    None => found.push(field.clone()),
                },
                Selection::Within { on, selection } if on.as_deref().is_none_or(|on| is_a(kind, on)) => {
                    gather(selection, kind, found);
                }
                Selection::Within { .. } => {}
            }
        }
    }
    let mut found = Vec::new();
    gather(selection, kind, &mut found);
    found
}

impl<'a> Execution<'a> {
    /// For a caller who pays from a budget.
    pub fn new(world: &'a World, caller: Caller, urls: Urls, budget: Budget) -> Self {
        Self {
            world,
            caller,
            urls,
            budget,
            errors: Vec::new(),
            path: Vec::new(),
            void: false,
            facts: Facts::default(),
            created: false,
        }
    }

    /// The answer's body: data, and errors where there were some.
    pub fn answer(&mut self, document: &Document) -> Result<Value, Refusal> {
        let kind = if document.kind == "mutation" { "Mutation" } else { "Query" };
        let data = self.pick(&document.selection, kind, |me, field| match field.name.as_str() {
            _ if kind == "Mutation" => me.mutation(field),
            "viewer" => me.viewer(field),
            "rateLimit" => me.rate_limit(field),
            "repository" => me.repository(field),
            "organization" => me.organization(field),
            "node" => me.node(field),
            "nodes" => me.nodes(field),
            other => Err(unserved(&format!("query {other}"))),
        })?;
        let mut answer = json!({"data": if self.void { Value::Null } else { data }});
        if !self.errors.is_empty() {
            answer["errors"] = std::mem::take(&mut self.errors).into();
        }
        Ok(answer)
    }

    /// The fields asked of an object; the first that is not served is refused by name.
    pub(super) fn pick(
        &mut self,
        selection: &[Selection],
        kind: &str,
        mut read: impl FnMut(&mut Self, &Field) -> Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        let mut out = Map::new();
        for wanted in asked(selection, kind) {
            let value = match wanted.name.as_str() {
                "__typename" => json!(kind),
                _ => {
                    self.path.push(json!(wanted.alias));
                    let value = read(self, &wanted)?;
                    self.path.pop();
                    value
                }
            };
            out.insert(wanted.alias, value);
        }
        Ok(out.into())
    }

    /// Puts an error beside the data and a null in its place.
    pub(super) fn error(&mut self, kind: &str, at: Place, message: String) -> Value {
        self.errors.push(json!({
            "type": kind,
            "path": self.path,
            "locations": [{"line": at.line, "column": at.column}],
            "message": message,
        }));
        Value::Null
    }
}
