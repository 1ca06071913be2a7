//! The address of the database. It may hold a password, so it does not print.

use super::address::{Address, host, split};
use std::str::FromStr;

/// A PostgreSQL connection address, such as `postgresql://user:password@host/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Address);

/// A text that is no address of a database. It may hold a password, so it is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "DATABASE_URL is no address of a PostgreSQL database: {why}. It looks like postgresql://user@host/name"
)]
pub struct NotADatabase {
    /// What is missing or wrong.
    pub why: &'static str,
}

impl DatabaseUrl {
    /// The address, for the one place that connects.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for DatabaseUrl {
    type Err = NotADatabase;

    fn from_str(text: &str) -> Result<Self, NotADatabase> {
        let refused = |why| NotADatabase { why };
        let text = text.trim();
        let (scheme, rest) = split(text).map_err(refused)?;
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(refused("it does not begin with `postgresql://`"));
        }
        let socket = rest.contains("host=");
        if host(rest).is_empty() && !socket {
            return Err(refused("it names no host"));
        }
        Ok(Self(Address::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_text_and_no_password_is_shown() {
        for address in
            ["postgresql://ada:canary@host/name", "postgres://host", "postgresql:///name?host=/run/pg"]
        {
            let url: DatabaseUrl = address.parse().unwrap();
            assert_eq!(url.expose(), address);
            assert!(!format!("{url:?}").contains("canary"));
        }
        for (text, why) in
            [("host/name", "://"), ("mysql://host/name", "begin"), ("postgresql://", "no host")]
        {
            let error = text.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
