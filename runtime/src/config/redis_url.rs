//! The address of Redis. It may hold a password, so it does not print.

use super::address::{Address, host, split};
use std::str::FromStr;

/// An address of Redis, such as `redis://:password@host:6379`, `rediss://host` or `redis+unix:///run/redis.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisUrl(Address);

/// A text that is no address of Redis. It may hold a password, so it is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "REDIS_URL is no address of Redis: {why}. It looks like redis://host:6379, or rediss://host with TLS"
)]
pub struct NotRedis {
    /// What is missing or wrong.
    pub why: &'static str,
}

impl RedisUrl {
    /// The address, for the one place that connects.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for RedisUrl {
    type Err = NotRedis;

    fn from_str(text: &str) -> Result<Self, NotRedis> {
        let refused = |why| NotRedis { why };
        let text = text.trim();
        let (scheme, rest) = split(text).map_err(refused)?;
        let place = match scheme {
            "redis" | "rediss" => host(rest),
            "unix" | "redis+unix" => rest.split('?').next().unwrap_or_default(),
            _ => return Err(refused("it does not begin with `redis://`, `rediss://` or `redis+unix://`")),
        };
        if place.is_empty() {
            return Err(refused("it names neither a host nor a socket"));
        }
        if redis::parse_redis_url(text).is_none() {
            return Err(refused("it cannot be read as a URL"));
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
            ["redis://:canary@host:6379", "rediss://ada:canary@host/1", "redis+unix:///run/redis.sock"]
        {
            let url: RedisUrl = address.parse().unwrap();
            assert_eq!(url.expose(), address);
            assert!(!format!("{url:?}").contains("canary"));
        }
        for (text, why) in [
            ("host:6379", "://"),
            ("http://host:6379", "begin"),
            ("redis://", "neither"),
            ("redis://a:b:c", "read"),
        ] {
            let error = text.parse::<RedisUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
