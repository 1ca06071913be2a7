//! The address of the database. It may hold a password, so it does not print.

use super::ConfigError;
use std::fmt;
use std::str::FromStr;

/// A PostgreSQL connection address, such as `postgresql://user:password@host/name`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The address, for the one place that connects.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("DatabaseUrl(redacted)")
    }
}

impl FromStr for DatabaseUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let refused = |why| ConfigError::DatabaseUrl { why };
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(refused("it has no `://`"))?;
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(refused("it does not begin with `postgresql://`"));
        }
        let socket = rest.contains("host=");
        let host = rest.split(['/', '?']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
        if host.is_empty() && !socket {
            return Err(refused("it names no host"));
        }
        Ok(Self(text.to_owned()))
    }
}
