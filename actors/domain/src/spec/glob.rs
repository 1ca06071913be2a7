//! Globs over repository names: `crate-*`, `{api,web}-*`, `acme/*-service`.
//!
//! A glob without `/` is held against the name without its owner, one with `/` against `owner/name`; case makes
//! no difference, as it makes none at GitHub. Deliberately absent: globs over files.

use crate::id::RepositoryName;
use globset::{GlobBuilder, GlobMatcher};
use std::fmt;

/// The longest glob, in bytes; it becomes a regular expression.
const LONGEST: usize = 256;

/// A glob over repository names.
#[derive(Debug, Clone)]
pub struct Glob {
    matcher: GlobMatcher,
    whole: bool,
}

/// A text that is not a glob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{glob}` is not a glob: {reason}")]
pub struct NotAGlob {
    /// The text.
    pub glob: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Glob {
    /// Reads a glob: `*`, `?`, `[a-z]`, `{one,other}`.
    ///
    /// # Errors
    /// Where it is empty, over 256 bytes, or its brackets do not match.
    pub fn new(text: &str) -> Result<Self, NotAGlob> {
        let refused = |reason: String| NotAGlob { glob: text.chars().take(80).collect(), reason };
        if text.trim().is_empty() {
            return Err(refused("it is empty".to_owned()));
        }
        if text.len() > LONGEST {
            return Err(refused(format!("it is longer than {LONGEST} bytes")));
        }
        let glob = GlobBuilder::new(text)
            .case_insensitive(true)
            .literal_separator(true)
            .build()
            .map_err(|error| refused(error.kind().to_string()))?;
        Ok(Self { matcher: glob.compile_matcher(), whole: text.contains('/') })
    }

    /// Whether the repository's name fits.
    pub fn matches(&self, name: &RepositoryName) -> bool {
        match self.whole {
            true => self.matcher.is_match(name.to_string()),
            false => self.matcher.is_match(name.name()),
        }
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        self.matcher.glob().glob()
    }
}

impl std::str::FromStr for Glob {
    type Err = NotAGlob;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
