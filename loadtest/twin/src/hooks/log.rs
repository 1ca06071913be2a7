//! Every attempt at a delivery, as a file of JSON lines: what was sent and what came back. GitHub shows three days
//! of it; older ones stay in the file and are not shown.

use crate::world::journal::open_append;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// How long GitHub keeps deliveries.
const KEPT: Duration = Duration::days(3);

/// An attempt without what was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number.
    pub id: u64,
    /// The delivery's id, the same for every attempt.
    pub guid: String,
    /// When.
    pub delivered_at: DateTime<Utc>,
    /// Was it attempted before?
    pub redelivery: bool,
    /// How long it took, in seconds.
    pub duration: f64,
    /// What came of it.
    pub status: String,
    /// The status that came back; 502 or 504 where none did.
    pub status_code: u16,
    /// The event.
    pub event: String,
    /// How it happened.
    pub action: Option<String>,
    /// The installation that was told.
    pub installation_id: Option<u64>,
    /// The repository it was about.
    pub repository_id: Option<u64>,
    /// Where it went.
    pub url: String,
}

impl Attempt {
    /// Did it arrive?
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Headers of the request.
    pub request_headers: Value,
    /// Its body.
    pub request: Value,
    /// Headers of the answer.
    pub response_headers: Value,
    /// Its body.
    pub response: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    attempt: Attempt,
    said: Said,
}

#[derive(Debug)]
struct Inner {
    file: File,
    end: u64,
    attempts: Vec<(Attempt, u64, usize)>,
}

/// The log.
#[derive(Debug)]
pub struct DeliveryLog(Mutex<Inner>);

impl DeliveryLog {
    /// Opens the log of a data folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open_append(path)?;
        let text = std::fs::read(path)?;
        let mut attempts = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            if let Ok(attempt) = serde_json::from_slice::<Attempt>(line) {
                attempts.push((attempt, at, line.len()));
            }
            at += line.len() as u64;
        }
        Ok(Self(Mutex::new(Inner { file, end: at, attempts })))
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an attempt; its number, which grows, is given here.
    pub fn add(&self, mut attempt: Attempt, said: Said) -> io::Result<u64> {
        let mut inner = self.inner();
        attempt.id = inner.attempts.last().map_or(1, |(last, ..)| last.id + 1);
        let mut line =
            serde_json::to_vec(&Line { attempt: attempt.clone(), said }).map_err(io::Error::other)?;
        line.push(b'\n');
        inner.file.write_all(&line)?;
        let (id, at) = (attempt.id, inner.end);
        inner.end += line.len() as u64;
        inner.attempts.push((attempt, at, line.len()));
        Ok(id)
    }

    /// The attempts that GitHub would show now, newest first, with numbers before `before`.
    pub fn shown(&self, now: DateTime<Utc>, before: Option<u64>) -> Vec<Attempt> {
        let inner = self.inner();
        let shown = |attempt: &&Attempt| {
            now - attempt.delivered_at < KEPT && before.is_none_or(|before| attempt.id < before)
        };
        inner.attempts.iter().rev().map(|(attempt, ..)| attempt).filter(shown).cloned().collect()
    }

    /// One attempt with what was said.
    pub fn get(&self, now: DateTime<Utc>, id: u64) -> io::Result<Option<(Attempt, Said)>> {
        let inner = self.inner();
        let found =
            inner.attempts.iter().find(|(attempt, ..)| attempt.id == id && now - attempt.delivered_at < KEPT);
        let Some((_, at, length)) = found else { return Ok(None) };
        let mut line = vec![0; *length];
        inner.file.read_exact_at(&mut line, *at)?;
        let line: Line = serde_json::from_slice(&line).map_err(io::Error::other)?;
        Ok(Some((line.attempt, line.said)))
    }
}
