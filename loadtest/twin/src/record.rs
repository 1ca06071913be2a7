//! Records exchanges with the API as JSON lines, for the oracle to hold both sides to GitHub's description.
//! Credentials are left out, tokens in answers included; git, pages and the admin space are not recorded.

use crate::rest::call::Payload;
use crate::rest::{Answered, Incoming};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// One exchange.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// Method.
    pub method: String,
    /// Path without the layout's prefix, by names.
    pub path: String,
    /// Query, undecoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// JSON body of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    /// Status of the answer.
    pub status: u16,
    /// Content type of the answer, without parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// JSON body of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
}

/// Where exchanges go.
#[derive(Debug)]
pub struct Recorder {
    file: Mutex<File>,
}

impl Recorder {
    /// Appends to a file, 0600.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Mutex::new(crate::world::journal::open_append(path)?) })
    }

    /// Records one exchange.
    pub fn write(&self, incoming: &Incoming, path: &str, answered: &Answered) {
        let (content_type, mut response) = match &answered.body {
            Payload::Empty => (None, None),
            Payload::Json(value) => (Some("application/json".to_owned()), Some(value.clone())),
            Payload::Raw(kind, _) => (kind.split(';').next().map(str::to_owned), None),
        };
        if let Some(token) = response.as_mut().and_then(|body| body.get_mut("token")) {
            *token = "***".into();
        }
        let exchange = Exchange {
            method: incoming.method.to_string(),
            path: path.to_owned(),
            query: incoming.query.clone(),
            request: serde_json::from_slice(&incoming.body).ok(),
            status: answered.status,
            content_type,
            response,
        };
        let Ok(mut line) = serde_json::to_vec(&exchange) else { return };
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(&line) {
            tracing::error!(error = %error, "an exchange cannot be recorded");
        }
    }
}
