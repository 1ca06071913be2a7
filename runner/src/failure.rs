//! Why an attempt yielded no result: what happened, to what, and what to do, in words for the campaign's author.
//!
//! Two kinds are kept apart, because they are retried from different budgets: what the steps did
//! ([`Failure::is_authors`]) and what the machine did. Deliberately absent: whether to try again, which is the
//! target's decision.

use serde::{Deserialize, Serialize};

/// Why an attempt yielded no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "failure")]
pub enum Failure {
    /// A step ended with another exit code than 0.
    #[error("step {step} ended with exit code {exit_code}{}; its output is in the log", hint_text(.hint))]
    StepFailed {
        /// Counted from 1.
        step: usize,
        /// 128 + n where signal n ended it.
        exit_code: i32,
        /// What the runner takes for the cause, where it can tell.
        hint: Option<String>,
    },
    /// A step could not be started as it is written.
    #[error("step {step} could not be started: {reason}")]
    StepRefused {
        /// Counted from 1.
        step: usize,
        /// What is wrong with it and what to write instead.
        reason: String,
    },
    /// A step ran longer than it may; it and everything it started were killed.
    #[error(
        "step {step} was stopped after {seconds} s, the longest a step may run: make it quicker, or split it \
         into several steps"
    )]
    TimedOut {
        /// Counted from 1.
        step: usize,
        /// The limit.
        seconds: u64,
    },
    /// The changed contents, or their diff, are larger than a patch may be.
    #[error(
        "the changes are larger than {limit} bytes, the most that a patch may hold (reached at `{path}`): let \
         the steps remove what they build, name it in .gitignore, or narrow the campaign to a workspace"
    )]
    PatchTooLarge {
        /// Where the limit was passed.
        path: String,
        /// Bytes.
        limit: u64,
    },
    /// More files changed than an attempt may change.
    #[error(
        "more than {limit} files changed, the most for one repository: let the steps remove what they build, or \
         name it in .gitignore"
    )]
    TooManyFiles {
        /// Files.
        limit: u64,
    },
    /// A changed path that no patch may name.
    #[error("`{path}` cannot be part of a change: {reason}")]
    PathRefused {
        /// Relative to the root, with unprintable bytes escaped.
        path: String,
        /// Which rule it breaks, and what to do.
        reason: String,
    },
    /// A changed path that holds something git cannot store.
    #[error(
        "`{path}` is {kind}, and a change can only hold files and symbolic links: let the step remove it"
    )]
    NotARegularFile {
        /// Relative to the root.
        path: String,
        /// "a named pipe", "a socket", …
        kind: String,
    },
    /// A changed file that cannot be read.
    #[error("`{path}` cannot be read: {reason}")]
    Unreadable {
        /// Relative to the root.
        path: String,
        /// What stands in the way.
        reason: String,
    },
    /// A step names a container, and it cannot be had.
    #[error("the container `{image}` cannot be used: {reason}")]
    ContainerUnavailable {
        /// As the step names it.
        image: String,
        /// Why, and what to do.
        reason: String,
        /// Whether it may be had later without anybody's doing.
        transient: bool,
    },
    /// Whoever ordered the attempt called it off.
    #[error("the attempt was called off")]
    Cancelled,
    /// Something else than the steps went wrong.
    #[error("the steps could not be carried out on this machine: {0}")]
    Infrastructure(#[serde(with = "detail")] String),
}

impl Failure {
    /// Whether the steps (or the spec) are the cause, so that the same order would fail again.
    pub fn is_authors(&self) -> bool {
        match self {
            Self::Infrastructure(_) | Self::Cancelled => false,
            Self::ContainerUnavailable { transient, .. } => !transient,
            _ => true,
        }
    }

    /// An infrastructure failure: what was being done, and what stood in the way.
    pub(crate) fn machine(doing: &str, error: impl std::fmt::Display) -> Self {
        Self::Infrastructure(format!("{doing}: {error}"))
    }
}

fn hint_text(hint: &Option<String>) -> String {
    hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default()
}

/// An internally tagged enum cannot hold a bare string, so it travels as `{"detail": …}`.
mod detail {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Detail {
        detail: String,
    }

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        Detail { detail: text.to_owned() }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        Detail::deserialize(deserializer).map(|found| found.detail)
    }
}

/// A path of arbitrary bytes for people: printable text as it is, everything else escaped.
pub(crate) fn readable(path: &[u8]) -> String {
    path.utf8_chunks()
        .flat_map(|chunk| {
            let text = chunk.valid().chars().flat_map(|c| {
                let plain =
                    !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
                if plain { vec![c] } else { c.escape_default().collect() }
            });
            let rest = chunk.invalid().iter().flat_map(|byte| format!("\\x{byte:02x}").into_bytes());
            text.chain(rest.map(char::from).collect::<Vec<_>>()).collect::<Vec<_>>()
        })
        .collect()
}
