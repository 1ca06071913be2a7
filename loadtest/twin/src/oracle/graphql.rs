//! Holds GraphQL to GitHub's published schema: the document that a client sent and its variables, and the data
//! that it was answered, field by field. The schema is installed from npm beside the OpenAPI description; it is
//! invalid as published, two fields being there twice, and is repaired before it is used.

use super::OracleError;
use apollo_compiler::ast::{Definition, Document, Type};
use apollo_compiler::executable::{Fragment, Selection};
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema, request};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// GitHub's schema, ready to judge.
#[derive(Debug)]
pub struct GraphqlSchema {
    schema: Valid<Schema>,
}

/// The type that has fields twice.
const TWICE: &str = "EnterpriseOwnerInfo";

impl GraphqlSchema {
    /// Where `npm ci` puts the schema in a source tree.
    pub fn installed() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("oracle/node_modules/@octokit/graphql-schema/schema.graphql")
    }

    /// Reads the schema.
    pub fn load(path: &Path) -> Result<Self, OracleError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| OracleError::Unreadable { path: path.to_owned(), source })?;
        let unexpected = |what: String| OracleError::Unexpected { path: path.to_owned(), what: short(&what) };
        let mut document = Document::parse(text, path).map_err(|error| unexpected(error.to_string()))?;
        repair(&mut document);
        let schema = document.to_schema_validate().map_err(|error| unexpected(error.to_string()))?;
        Ok(Self { schema })
    }

    /// Judges a request's body and, when there is one, the answer's.
    pub fn check(&self, request: &Value, response: Option<&Value>) -> Vec<String> {
        let text = request["query"].as_str().unwrap_or_default();
        let document = match ExecutableDocument::parse_and_validate(&self.schema, text, "request.graphql") {
            Ok(document) => document,
            Err(error) => return vec![short(&format!("the document is not valid: {}", error.errors))],
        };
        let operation = match document.operations.get(request["operationName"].as_str()) {
            Ok(operation) => operation,
            Err(error) => return vec![short(&error.message().to_string())],
        };
        let mut found = Vec::new();
        let given = serde_json::from_value::<JsonMap>(request["variables"].clone()).unwrap_or_default();
        if let Err(error) = request::coerce_variable_values(&self.schema, operation, &given) {
            found.push(short(&format!("the variables do not fit: {}", error.message())));
        }
        if let Some(data) = response.and_then(|body| body["data"].as_object()) {
            let mut judge = Judge { schema: &self.schema, document: &document, found: &mut found };
            judge.object(operation.object_type(), &operation.selection_set.selections, data, "data");
        }
        found
    }
}

fn short(text: &str) -> String {
    text.chars().take(600).collect()
}

/// Keeps the first of each field in the type that has some twice.
fn repair(document: &mut Document) {
    for definition in &mut document.definitions {
        if let Definition::ObjectTypeDefinition(object) = definition
            && object.name == TWICE
        {
            let mut seen = HashSet::new();
            object.make_mut().fields.retain(|field| seen.insert(field.name.clone()));
        }
    }
}

struct Judge<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    found: &'a mut Vec<String>,
}

impl Judge<'_> {
    fn object(&mut self, kind: &str, selections: &[Selection], data: &Map<String, Value>, at: &str) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let key = field.response_key().as_str();
                    match data.get(key) {
                        None if field.directives.is_empty() => {
                            self.found.push(format!("{at}: `{key}` was asked for and is missing"));
                        }
                        None => {}
                        Some(value) => {
                            let at = format!("{at}.{key}");
                            self.value(&field.definition.ty, &field.selection_set.selections, value, &at);
                        }
                    }
                }
                Selection::InlineFragment(inline) => {
                    if inline.type_condition.as_ref().is_none_or(|on| self.fits(on, kind, data)) {
                        self.object(kind, &inline.selection_set.selections, data, at);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment: Option<&Fragment> =
                        self.document.fragments.get(&spread.fragment_name).map(|node| &**node);
                    if let Some(fragment) =
                        fragment.filter(|known| self.fits(known.type_condition(), kind, data))
                    {
                        self.object(kind, &fragment.selection_set.selections, data, at);
                    }
                }
            }
        }
    }

    /// Is the object of the type that a fragment is for? An interface's object is what it says that it is.
    fn fits(&self, on: &str, kind: &str, data: &Map<String, Value>) -> bool {
        let is = |actual: &str| actual == on || self.schema.is_subtype(on, actual);
        match data.get("__typename").and_then(Value::as_str) {
            Some(actual) => is(actual),
            None => is(kind),
        }
    }

    fn value(&mut self, kind: &Type, selections: &[Selection], value: &Value, at: &str) {
        if value.is_null() {
            if kind.is_non_null() {
                self.found.push(format!("{at}: null, and {kind} is never null"));
            }
            return;
        }
        if kind.is_list() {
            let Some(items) = value.as_array() else {
                self.found.push(format!("{at}: not a list"));
                return;
            };
            for (index, item) in items.iter().enumerate() {
                self.value(kind.item_type(), selections, item, &format!("{at}.{index}"));
            }
            return;
        }
        let name = kind.inner_named_type().as_str();
        let right = match self.schema.types.get(name) {
            Some(ExtendedType::Enum(known)) => {
                value.as_str().is_some_and(|word| known.values.contains_key(word))
            }
            Some(ExtendedType::Scalar(_)) => match name {
                "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                "Float" => value.is_number(),
                "Boolean" => value.is_boolean(),
                "ID" | "String" | "URI" | "HTML" | "GitObjectID" => value.is_string(),
                "DateTime" => {
                    value.as_str().is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok())
                }
                _ => true,
            },
            Some(_) => match value.as_object() {
                Some(data) => {
                    self.object(name, selections, data, at);
                    true
                }
                None => false,
            },
            None => false,
        };
        if !right {
            self.found.push(short(&format!("{at}: {value} is not a {name}")));
        }
    }
}
