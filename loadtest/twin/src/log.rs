//! The server's own log: one JSON line per request, written before the answer leaves, so that it survives
//! kill -9 and can judge what a client really did (how often it created, with which token, what it was told).
//! It holds no secrets: a token appears as the first digits of its digest. It is not rotated.

use crate::limits::Arrival;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// One request as the twin saw it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// When the answer was decided, RFC 3339 with milliseconds.
    pub time: String,
    /// When the request had arrived, microseconds since the epoch by the twin's clock. What the limits count by.
    #[serde(default)]
    pub arrived: i64,
    /// When the answer was decided, microseconds since the epoch by the twin's clock. A fault may hold it longer.
    #[serde(default)]
    pub decided: i64,
    /// HTTP method.
    pub method: String,
    /// Path as asked for, without the layout's prefix and the query.
    pub path: String,
    /// Query as asked for, with the values of signatures removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// GitHub's operation id, `git/upload-pack`, `git/receive-pack`, `page` or `unknown`.
    pub operation: String,
    /// The status that the operation ended with.
    pub status: u16,
    /// The status that the client was sent, where a fault changed it; 0 for a cut connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<u16>,
    /// Whose budget was charged: `installation:7`, `user:1001`, `app:5`, `ip:127.0.0.1`.
    pub subject: String,
    /// First twelve hexadecimal digits of the token's SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whether the request counted against the primary rate limit.
    pub counted: bool,
    /// Whether it created content (pull request, comment, label, commit, ref) and succeeded.
    pub content_creating: bool,
    /// What it costs of the points of a minute.
    #[serde(default)]
    pub points: u64,
    /// Whether it asks for a change (any method but GET, HEAD and OPTIONS; a mutation), whatever came of it.
    #[serde(default)]
    pub writes: bool,
    /// Whether the limits count it as creating content, whatever came of it.
    #[serde(default)]
    pub creates: bool,
    /// How many requests of the same subject there were when it arrived, with this one.
    #[serde(default)]
    pub concurrent: u64,
    /// The limit that refused it: `primary`, `concurrent`, `points`, `creations_per_minute`, `creations_per_hour`,
    /// `row`, or `fault` where a fault said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Seconds in the answer's `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// `owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Number of the pull request that the request was about or that it opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<u64>,
    /// Name of the head branch of a pull request that was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// `X-GitHub-Request-Id` of the answer.
    pub request_id: String,
    /// Microseconds from the request's arrival to the decision.
    pub micros: u64,
}

impl Entry {
    /// What is the same of every request, with nothing said of who asked and what came of it.
    pub fn of(arrival: Arrival, decided: DateTime<Utc>, operation: &str) -> Self {
        Self {
            time: decided.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            arrived: arrival.at.timestamp_micros(),
            decided: decided.timestamp_micros(),
            method: String::new(),
            path: String::new(),
            query: None,
            operation: operation.to_owned(),
            status: 0,
            answered: None,
            subject: String::new(),
            token: None,
            counted: false,
            content_creating: false,
            points: arrival.points,
            writes: arrival.writes,
            creates: arrival.creates,
            concurrent: arrival.concurrent,
            limit: None,
            retry_after: None,
            repo: None,
            pull: None,
            head: None,
            request_id: String::new(),
            micros: 0,
        }
    }
}

/// The durable log.
#[derive(Debug)]
pub struct RequestLog {
    path: PathBuf,
    file: Mutex<File>,
}

impl RequestLog {
    /// Opens the log for appending.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = crate::world::journal::open_append(path)?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }

    /// Appends one entry with a single write.
    pub fn write(&self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry).map_err(io::Error::other)?;
        line.push(b'\n');
        self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner).write_all(&line)
    }

    /// Every entry so far, oldest first; a torn last line is left out.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let text = std::fs::read(&self.path)?;
        Ok(text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
