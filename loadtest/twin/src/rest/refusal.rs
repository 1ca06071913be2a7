//! Refusals in GitHub's words: status, `message`, `documentation_url`, `errors`. What may go wrong inside the
//! twin itself is a 500 here, with its cause in the program's log.

use serde_json::{Value, json};

const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// An answer that is not the one asked for.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
    /// Headers beyond the usual ones.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// Any refusal.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self {
            status,
            body: json!({"message": message, "documentation_url": DOCUMENTATION, "status": status.to_string()}),
            headers: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// It is not there, or the caller may not know that it is.
    pub fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// The token is not one.
    pub fn bad_credentials() -> Self {
        Self::new(401, "Bad credentials")
    }

    /// A token is needed.
    pub fn requires_authentication() -> Self {
        Self::new(401, "Requires authentication")
    }

    /// The installation's owner suspended it.
    pub fn suspended() -> Self {
        Self::new(403, "This installation has been suspended")
    }

    /// The input is well-formed and wrong.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, message)
    }

    /// `Validation Failed` with one entry in `errors`.
    pub fn validation(resource: &str, code: &str, field: Option<&str>, message: Option<String>) -> Self {
        let mut refusal = Self::new(422, "Validation Failed");
        let mut error = serde_json::Map::new();
        error.insert("resource".into(), json!(resource));
        error.insert("code".into(), json!(code));
        if let Some(field) = field {
            error.insert("field".into(), json!(field));
        }
        if let Some(message) = message {
            error.insert("message".into(), json!(message));
        }
        refusal.body["errors"] = json!([error]);
        refusal
    }

    /// The repository has no commits.
    pub fn empty_repository() -> Self {
        Self::new(409, "Git Repository is empty.")
    }

    /// The operation exists at GitHub and not here.
    pub fn not_implemented(operation: &str, what: &str) -> Self {
        let mut refusal = Self::new(501, format!("The twin does not implement {operation} ({what})."));
        refusal.body["operation"] = json!(operation);
        refusal
    }
}

impl From<git2::Error> for Refusal {
    fn from(error: git2::Error) -> Self {
        tracing::error!(error = %error, "git failed");
        Self::new(500, "Server Error")
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        tracing::error!(error = %error, "the data folder failed");
        Self::new(500, "Server Error")
    }
}
