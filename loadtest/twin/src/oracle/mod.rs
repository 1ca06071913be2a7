//! The oracle: holds recorded exchanges to GitHub's own published OpenAPI description and GraphQL schema, both
//! what a client sent and what it was told. They are installed from npm (`oracle/package.json`); it is read, not trusted
//! for what it leaves out: statuses that every operation may answer with are held to the basic error. Rate
//! limits, duplicates and signing have no published description and are not judged here.

pub mod graphql;
pub mod schema;

use crate::record::Exchange;
use crate::rest::catalog::{Catalog, Matched};
use crate::rest::pairs;
use graphql::GraphqlSchema;
use jsonschema::Validator;
use schema::Description;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Statuses that GitHub answers any operation with and describes for hardly any.
const ANYWHERE: [u64; 11] = [301, 400, 401, 403, 404, 413, 415, 429, 500, 502, 503];
/// The twin's own word for what it does not do, which GitHub never says.
const NOT_IMPLEMENTED: u64 = 501;

/// Why the oracle cannot speak.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// The description is missing.
    #[error(
        "cannot read GitHub's description at {path}: {source}; install it with `npm ci` in loadtest/twin/oracle"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// It is not JSON.
    #[error("GitHub's description at {path} is not what was expected: {what}")]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// GitHub's description, ready to judge.
#[derive(Debug)]
pub struct Oracle {
    description: Description,
    compiled: Mutex<HashMap<String, Arc<Vec<Validator>>>>,
    graphql: OnceLock<Result<GraphqlSchema, String>>,
}

/// What one exchange was found guilty of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `POST /repos/acme/one/pulls -> 201`.
    pub exchange: String,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}: {}", self.exchange, self.what)
    }
}

impl Oracle {
    /// Where `npm ci` puts the description in a source tree.
    pub fn installed() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("oracle/node_modules/@octokit/openapi/generated/api.github.com.json")
    }

    /// Reads the description.
    pub fn load(path: &Path) -> Result<Self, OracleError> {
        let text = std::fs::read(path)
            .map_err(|source| OracleError::Unreadable { path: path.to_owned(), source })?;
        let document: Value = serde_json::from_slice(&text)
            .map_err(|error| OracleError::Unexpected { path: path.to_owned(), what: error.to_string() })?;
        if document["paths"].as_object().is_none_or(serde_json::Map::is_empty) {
            return Err(OracleError::Unexpected { path: path.to_owned(), what: "it has no paths".into() });
        }
        Ok(Self {
            description: Description::new(document),
            compiled: Mutex::default(),
            graphql: OnceLock::new(),
        })
    }

    /// Every operation it describes, as `METHOD path id`, sorted by path and method.
    pub fn operations(&self) -> Vec<String> {
        self.description.operations()
    }

    /// Judges every exchange of a recording; (how many there were, what was wrong).
    pub fn check_file(&self, path: &Path) -> std::io::Result<(usize, Vec<Violation>)> {
        let text = std::fs::read(path)?;
        let mut count = 0;
        let mut violations = Vec::new();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let exchange: Exchange = serde_json::from_slice(line)?;
            count += 1;
            violations.extend(self.check(&exchange));
        }
        Ok((count, violations))
    }

    /// Judges one exchange.
    pub fn check(&self, exchange: &Exchange) -> Vec<Violation> {
        let named = format!("{} {} -> {}", exchange.method, exchange.path, exchange.status);
        if exchange.path == "/graphql" {
            let found = self.check_graphql(exchange);
            return found.into_iter().map(|what| Violation { exchange: named.clone(), what }).collect();
        }
        let method = if exchange.method == "HEAD" { "GET" } else { &exchange.method };
        let Some(matched) = Catalog::get().find(method, &exchange.path) else {
            let what = "GitHub describes no such operation".to_owned();
            // Whoever asks for what does not exist and is told so was answered truthfully.
            return if exchange.status == 404 {
                Vec::new()
            } else {
                vec![Violation { exchange: named, what }]
            };
        };
        let mut found = Vec::new();
        // A request that was refused as malformed is the refusal's business; the answer is still judged.
        if exchange.status < 400 {
            found.extend(self.check_query(&matched, exchange));
            found.extend(self.check_request(&matched, exchange));
        }
        found.extend(self.check_response(&matched, exchange));
        found.into_iter().map(|what| Violation { exchange: named.clone(), what }).collect()
    }

    /// The schema is read when the first document is to be judged: most recordings have none.
    fn check_graphql(&self, exchange: &Exchange) -> Vec<String> {
        if exchange.status != 200 {
            return self.check_basic(exchange);
        }
        let load = || GraphqlSchema::load(&GraphqlSchema::installed()).map_err(|error| error.to_string());
        match (self.graphql.get_or_init(load), &exchange.request) {
            (Err(what), _) => vec![what.clone()],
            (Ok(_), None) => vec!["a request body is required".to_owned()],
            (Ok(schema), Some(request)) => schema.check(request, exchange.response.as_ref()),
        }
    }

    fn check_query(&self, matched: &Matched, exchange: &Exchange) -> Vec<String> {
        let known = self.description.query(matched.operation);
        let mut found = Vec::new();
        for (name, value) in pairs(exchange.query.as_deref()) {
            let Some(schema) = known.get(&name) else {
                found.push(format!("the query parameter `{name}` is not described"));
                continue;
            };
            if !schema::query_value_fits(schema, &value) {
                found.push(format!("the query parameter `{name}` may not be `{value}`"));
            }
        }
        found
    }

    fn check_request(&self, matched: &Matched, exchange: &Exchange) -> Vec<String> {
        let key = format!("request {}", matched.operation.id);
        let schemas = || self.description.request(matched.operation).into_iter().collect();
        let validators = match self.validators(&key, schemas) {
            Ok(validators) => validators,
            Err(what) => return vec![what],
        };
        match (&exchange.request, validators.first()) {
            (None, _) if self.description.requires_body(matched.operation) => {
                vec!["a request body is required".to_owned()]
            }
            (None, _) => Vec::new(),
            // Some clients send `{}` or `null` where nothing is described; GitHub takes no notice.
            (Some(body), None) if body.as_object().is_none_or(serde_json::Map::is_empty) => Vec::new(),
            (Some(_), None) => vec!["no request body is described".to_owned()],
            (Some(body), Some(validator)) => complaints("request body", validator, body),
        }
    }

    fn check_response(&self, matched: &Matched, exchange: &Exchange) -> Vec<String> {
        let status = u64::from(exchange.status);
        let described = self.description.response(matched.operation, exchange.status);
        // Any GET may be conditional, and a few are described so.
        if status == 304 && exchange.method == "GET" && described.is_none() {
            let body = exchange.response.is_some();
            return if body { vec!["304 has no body".to_owned()] } else { Vec::new() };
        }
        if status == NOT_IMPLEMENTED || (described.is_none() && ANYWHERE.contains(&status)) {
            return self.check_basic(exchange);
        }
        let Some(schemas) = described else { return vec!["the status is not described".to_owned()] };
        let Some(body) = &exchange.response else {
            let is_json = exchange.content_type.as_deref().is_none_or(|kind| kind.contains("json"));
            let needs = is_json && !schemas.is_empty() && exchange.method != "HEAD";
            return if needs {
                vec!["a response body is described and missing".to_owned()]
            } else {
                Vec::new()
            };
        };
        if schemas.is_empty() {
            // Described without content: GitHub's errors still carry their message.
            return if status >= 300 {
                self.check_basic(exchange)
            } else {
                vec!["no response body is described".to_owned()]
            };
        }
        let key = format!("response {} {status}", matched.operation.id);
        let validators = match self.validators(&key, || schemas) {
            Ok(validators) => validators,
            Err(what) => return vec![what],
        };
        let mut least: Option<Vec<String>> = None;
        for validator in validators.iter() {
            let found = complaints("response body", validator, body);
            if least.as_ref().is_none_or(|least| found.len() < least.len()) {
                least = Some(found);
            }
        }
        least.unwrap_or_default()
    }

    fn check_basic(&self, exchange: &Exchange) -> Vec<String> {
        let basic = || vec![self.description.component("basic-error")];
        match (&exchange.response, self.validators("basic-error", basic)) {
            (_, Err(what)) => vec![what],
            (Some(body), Ok(validators)) => {
                let mut found: Vec<String> = validators
                    .iter()
                    .flat_map(|validator| complaints("error body", validator, body))
                    .collect();
                if !body["message"].is_string() {
                    found.push("error body: there is no message".to_owned());
                }
                found
            }
            (None, Ok(_)) if exchange.method == "HEAD" => Vec::new(),
            (None, Ok(_)) => vec!["an error without a body".to_owned()],
        }
    }

    fn validators(
        &self,
        key: &str,
        schemas: impl FnOnce() -> Vec<Value>,
    ) -> Result<Arc<Vec<Validator>>, String> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(key) {
            return Ok(Arc::clone(known));
        }
        let built = schemas()
            .iter()
            .map(|schema| {
                jsonschema::draft4::options()
                    .should_validate_formats(true)
                    .build(schema)
                    .map_err(|error| format!("{key} has a schema that cannot be used: {error}"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let built = Arc::new(built);
        compiled.insert(key.to_owned(), Arc::clone(&built));
        Ok(built)
    }
}

/// What a validator has against a body; at most a few of them, each with its place.
fn complaints(part: &str, validator: &Validator, body: &Value) -> Vec<String> {
    validator
        .iter_errors(body)
        .take(8)
        .map(|error| {
            let text: String = error.to_string().chars().take(300).collect();
            format!("{part} at `{}`: {text}", error.instance_path())
        })
        .collect()
}
