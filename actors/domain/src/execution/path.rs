//! Paths that a result may name: inside the repository, and nothing that a file system or git would read as
//! something else.
//!
//! The rules come from git's own `verify_path` and its protections for HFS+ and NTFS. Deliberately absent: the
//! opt-in for CI-sensitive paths, which is the campaign's policy and not a property of a path.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A path relative to a repository's root, with `/` between its parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryPath(String);

/// A path that no result may name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path {path:?} is refused: {reason}")]
pub struct PathRefused {
    /// The path, as it came.
    pub path: String,
    /// Which rule it breaks.
    pub reason: &'static str,
}

impl RepositoryPath {
    /// Checks a path.
    ///
    /// # Errors
    /// Where it is empty, absolute, over 4,096 bytes, has an empty, `.` or `..` part, a control character
    /// or a backslash, or a part that some file system takes for `.git`.
    pub fn new(path: impl Into<String>) -> Result<Self, PathRefused> {
        let path = path.into();
        match flaw(&path) {
            None => Ok(Self(path)),
            Some(reason) => Err(PathRefused { path, reason }),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn flaw(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.len() > 4096 {
        return Some("it is longer than 4096 bytes");
    }
    if path.starts_with('/') {
        return Some("it is absolute");
    }
    if path.contains(|c: char| c.is_ascii_control()) {
        return Some("it holds a control character");
    }
    if path.contains('\\') {
        return Some("it holds a backslash");
    }
    path.split('/').find_map(|part| match part {
        "" => Some("it has an empty part"),
        "." | ".." => Some("it leaves or repeats its folder"),
        part if is_dot_git(part) => Some("it names git's own folder"),
        _ => None,
    })
}

/// Whether a file system could take `part` for `.git`: any case, with characters HFS+ ignores, with NTFS's
/// trailing dots, spaces and streams, or by NTFS's short name.
fn is_dot_git(part: &str) -> bool {
    let visible: String = part
        .chars()
        .filter(|c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'))
        .collect();
    let lower = visible.to_lowercase();
    let stem = lower.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    stem == ".git" || stem == "git~1"
}

impl TryFrom<String> for RepositoryPath {
    type Error = PathRefused;
    fn try_from(path: String) -> Result<Self, Self::Error> {
        Self::new(path)
    }
}

impl From<RepositoryPath> for String {
    fn from(path: RepositoryPath) -> Self {
        path.0
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
