//! OpenAPI 3.0 schemas as JSON Schema draft 4, which they extend: `nullable` becomes a type, inline objects of
//! request bodies are closed so that a mistyped field is found, and each schema carries the components it
//! refers to. What is judged, and how strictly, is `oracle`'s.

use crate::rest::catalog::Operation;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// GitHub's description.
#[derive(Debug)]
pub struct Description {
    document: Value,
}

impl Description {
    /// Over a parsed document.
    pub fn new(document: Value) -> Self {
        Self { document }
    }

    /// `METHOD path id` of every operation, sorted by path and method.
    pub fn operations(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        for (path, methods) in self.document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                if let Some(id) = operation["operationId"].as_str() {
                    found.insert((path.clone(), method.to_uppercase(), id.to_owned()));
                }
            }
        }
        found.into_iter().map(|(path, method, id)| format!("{method} {path} {id}")).collect()
    }

    fn operation(&self, operation: &Operation) -> &Value {
        &self.document["paths"][operation.template][operation.method.to_lowercase()]
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
            Some(pointer) => self.resolve(self.document.pointer(pointer).unwrap_or(&Value::Null)),
            None => value,
        }
    }

    /// Query parameters by name, with their schemas.
    pub fn query(&self, operation: &Operation) -> BTreeMap<String, Value> {
        let described = self.operation(operation);
        let shared = &self.document["paths"][operation.template]["parameters"];
        let all = shared.as_array().into_iter().chain(described["parameters"].as_array()).flatten();
        all.map(|parameter| self.resolve(parameter))
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| {
                Some((parameter["name"].as_str()?.to_owned(), self.resolve(&parameter["schema"]).clone()))
            })
            .collect()
    }

    /// Must there be a body?
    pub fn requires_body(&self, operation: &Operation) -> bool {
        self.resolve(&self.operation(operation)["requestBody"])["required"] == true
    }

    /// The schema of the request's body, if one is described.
    pub fn request(&self, operation: &Operation) -> Option<Value> {
        let body = self.resolve(&self.operation(operation)["requestBody"]);
        let schema = body.get("content")?.get("application/json")?.get("schema")?;
        let mut schema = schema.clone();
        close(&mut schema);
        Some(self.complete(&schema))
    }

    /// The schemas of the response with a status: `None` when the status is not described, empty when it is
    /// described without a JSON body, several when several media types are.
    pub fn response(&self, operation: &Operation, status: u16) -> Option<Vec<Value>> {
        let response = self.operation(operation)["responses"].get(status.to_string())?;
        let content = self.resolve(response)["content"].as_object();
        let is_json = |kind: &str| kind.contains("json") || kind == "application/vnd.github.object";
        Some(
            content
                .into_iter()
                .flatten()
                .filter(|(kind, _)| is_json(kind))
                .filter_map(|(_, body)| body.get("schema"))
                .map(|schema| self.complete(schema))
                .collect(),
        )
    }

    /// A component by name.
    pub fn component(&self, name: &str) -> Value {
        self.complete(&json!({"$ref": format!("#/components/schemas/{name}")}))
    }

    /// A schema with every component that it needs, all as draft 4.
    fn complete(&self, schema: &Value) -> Value {
        let mut needed = BTreeMap::new();
        let mut waiting = Vec::new();
        references(schema, &mut waiting);
        while let Some(name) = waiting.pop() {
            if needed.contains_key(&name) {
                continue;
            }
            let component = &self.document["components"]["schemas"][&name];
            references(component, &mut waiting);
            needed.insert(name, draft4(component));
        }
        json!({"allOf": [draft4(schema)], "components": {"schemas": needed}})
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            found
                .extend(reference.and_then(|it| it.strip_prefix("#/components/schemas/")).map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Keywords that hold schemas by name, and keywords that hold data which only looks like schemas.
const NAMED: [&str; 1] = ["properties"];
const DATA: [&str; 4] = ["example", "examples", "default", "enum"];

/// `nullable` as draft 4 says it; everything else is the same there.
fn draft4(schema: &Value) -> Value {
    let Value::Object(fields) = schema else {
        return match schema {
            Value::Array(items) => items.iter().map(draft4).collect(),
            other => other.clone(),
        };
    };
    let mut out = Map::new();
    let contradictory = is_contradictory(fields);
    for (name, value) in fields {
        let converted = match (name.as_str(), value) {
            ("nullable" | "example" | "examples" | "description" | "title", _) => continue,
            (name, _) if DATA.contains(&name) => value.clone(),
            (name, Value::Object(inner)) if NAMED.contains(&name) => {
                Value::Object(inner.iter().map(|(name, schema)| (name.clone(), draft4(schema))).collect())
            }
            _ => draft4(value),
        };
        let name = if contradictory && name == "allOf" { "anyOf" } else { name };
        out.insert(name.to_owned(), converted);
    }
    if fields.get("nullable") == Some(&Value::Bool(true)) {
        json!({"anyOf": [{"type": "null"}, Value::Object(out)]})
    } else {
        Value::Object(out)
    }
}

/// In the list of installations the account is described as a user and an enterprise at once, which nothing can
/// be; everywhere else it is either of the two, and so it is read here.
fn is_contradictory(fields: &Map<String, Value>) -> bool {
    let titles: Vec<&str> = fields
        .get("allOf")
        .and_then(Value::as_array)
        .map(|parts| parts.iter().filter_map(|part| part["title"].as_str()).collect())
        .unwrap_or_default();
    titles == ["Simple User", "Enterprise"]
}

/// Closes inline objects: those that name their properties and say nothing of others.
fn close(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    for word in ["oneOf", "anyOf"] {
        if let Some(Value::Array(choices)) = fields.get_mut(word) {
            choices.iter_mut().for_each(close);
        }
    }
    if let Some(items) = fields.get_mut("items") {
        close(items);
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(close);
        fields.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}

/// Does a query's text fit its schema's type and enumeration?
pub fn query_value_fits(schema: &Value, text: &str) -> bool {
    let typed = match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().is_ok(),
        Some("number") => text.parse::<f64>().is_ok(),
        Some("boolean") => text == "true" || text == "false",
        _ => true,
    };
    let listed = schema["enum"].as_array().is_none_or(|values| {
        values.iter().any(|value| {
            value.as_str() == Some(text) || value.as_i64().is_some_and(|number| text.parse() == Ok(number))
        })
    });
    typed && listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_null_a_type_and_closes_what_is_inline() {
        let converted = draft4(&json!({"type": "string", "nullable": true}));
        assert_eq!(converted, json!({"anyOf": [{"type": "null"}, {"type": "string"}]}));
        let mut schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
        close(&mut schema);
        assert_eq!(schema["additionalProperties"], json!(false));
    }

    #[test]
    fn a_property_may_be_called_nullable() {
        let converted = draft4(&json!({"properties": {"nullable": {"type": "boolean"}}}));
        assert_eq!(converted, json!({"properties": {"nullable": {"type": "boolean"}}}));
    }

    #[test]
    fn judges_query_values() {
        assert!(query_value_fits(&json!({"type": "integer"}), "3"));
        assert!(!query_value_fits(&json!({"type": "integer"}), "three"));
        assert!(!query_value_fits(&json!({"type": "string", "enum": ["open"]}), "opened"));
    }
}
