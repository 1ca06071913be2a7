//! An address as settings give it, which may hold a password, so it does not print.
//!
//! Deliberately absent: whose address it is and which ones it takes (`database_url`, `redis_url`).

use std::fmt;

/// The text of an address.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address(String);

impl Address {
    /// An address that was found to be one.
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text, for the one place that connects.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("redacted")
    }
}

/// A text's scheme and what follows it, or what is wrong.
pub(super) fn split(text: &str) -> Result<(&str, &str), &'static str> {
    text.split_once("://").ok_or("it has no `://`")
}

/// The host in what follows a scheme; empty where there is none.
pub(super) fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}
