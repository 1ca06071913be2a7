//! One connection to Redis, opened when it is needed and again after a failure.
//!
//! A server that would evict leases is refused whenever a connection is opened. Deliberately absent: repeating a
//! command. Whoever sends one decides what an unknown outcome means.

use crate::config::RedisUrl;
use redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection};
use std::time::Duration;

/// Why nothing could be asked of Redis.
#[derive(Debug, thiserror::Error)]
pub enum Away {
    /// There is no answer, or no entry.
    #[error("Redis does not answer: {0}. Is it running, and is REDIS_URL right?")]
    Unreachable(String),
    /// The server would drop leases where memory is short.
    #[error(
        "Redis is set to `maxmemory-policy {found}`, under which it evicts leases where memory is short: set it to \
         `noeviction`, and best use a Redis of its own for Campaigns"
    )]
    Evicts {
        /// The policy that it is set to.
        found: String,
    },
}

impl From<redis::RedisError> for Away {
    fn from(error: redis::RedisError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// A connection and how to open it.
pub(super) struct Link {
    client: Client,
    name: &'static str,
    answer_within: Duration,
    open: Option<MultiplexedConnection>,
}

impl Link {
    /// A connection to `url` that is known to the server by `name`, and whose answers are waited for so long.
    pub(super) fn new(url: &RedisUrl, name: &'static str, answer_within: Duration) -> Result<Self, Away> {
        Ok(Self { client: Client::open(url.expose())?, name, answer_within, open: None })
    }

    /// The connection, opened if it is not.
    pub(super) async fn open(&mut self) -> Result<&mut MultiplexedConnection, Away> {
        if self.open.is_none() {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(self.answer_within))
                .set_response_timeout(Some(self.answer_within));
            let opening = async {
                let mut connection =
                    self.client.get_multiplexed_async_connection_with_config(&config).await?;
                check(&mut connection).await?;
                // A name is for those who look at the server; one that does not take it serves as well.
                let _: redis::RedisResult<()> =
                    redis::cmd("CLIENT").arg("SETNAME").arg(self.name).query_async(&mut connection).await;
                Ok::<_, Away>(connection)
            };
            let opened = tokio::time::timeout(self.answer_within * 3, opening).await;
            let silent = |_| Away::Unreachable("it takes connections and says nothing".to_owned());
            self.open = Some(opened.map_err(silent)??);
        }
        self.open.as_mut().ok_or_else(|| Away::Unreachable("it is closed".to_owned()))
    }

    /// Forgets the connection after a failure: what it would still answer is no answer to the next question.
    pub(super) fn close(&mut self) {
        self.open = None;
    }
}

/// Refuses a server that evicts. INFO says so too, and unlike CONFIG is allowed on most hosted servers.
async fn check(connection: &mut MultiplexedConnection) -> Result<(), Away> {
    let info: String = redis::cmd("INFO").arg("memory").query_async(connection).await?;
    let policy = info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"));
    match policy.map(str::trim) {
        Some("noeviction") => Ok(()),
        Some(other) => Err(Away::Evicts { found: other.to_owned() }),
        None => Err(Away::Unreachable("INFO does not say its maxmemory-policy".to_owned())),
    }
}
