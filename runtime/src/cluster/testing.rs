//! Support for tests that need a real Redis: `shared()` is one throw-away server for all tests of a process, kept apart
//! by installation; `own()` is one that a test may flush, pause and kill.
//!
//! Both end with the process: the kernel sees to it. Deliberately absent: anything for production.

use super::{
    Keys, Link, RedisPool,
    server::{RedisServer, ServerError},
};
use crate::config::RedisUrl;
use campaigns_actors::ports::PointPool;
use redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection};
use std::{
    io,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tempfile::TempDir;
use uuid::Uuid;

/// How long a test waits for Redis. Left to itself a connection gives up after half a second, which a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection for what a test does or looks at by itself.
///
/// # Errors
/// Where Redis does not answer.
pub async fn connection(url: &RedisUrl) -> Result<MultiplexedConnection, super::Away> {
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    Ok(Client::open(url.expose())?.get_multiplexed_async_connection_with_config(&patient).await?)
}

/// A replica's pool of read points that waits for Redis as long as a test does: a replica goes on alone after a second.
///
/// # Errors
/// Where Redis does not answer.
pub async fn pool(url: &RedisUrl, installation: Uuid) -> Result<Arc<dyn PointPool>, super::Away> {
    let (mut link, keys) = (Link::new(url, "campaigns-points", PATIENCE)?, Keys::of(installation));
    RedisPool::mark(link.open().await?, &keys).await?;
    Ok(Arc::new(RedisPool::new(link, keys, Uuid::new_v4(), PATIENCE)))
}

/// A server of a test's own.
#[derive(Debug)]
pub struct OwnRedis {
    server: Option<RedisServer>,
    folder: TempDir,
}

impl OwnRedis {
    /// Its address, which stays the same when it is started again.
    ///
    /// # Errors
    /// Where the temporary folder's name cannot be part of an address.
    pub fn url(&self) -> Result<RedisUrl, crate::config::NotRedis> {
        format!("redis+unix://{}", self.folder.path().join("redis.sock").display()).parse()
    }

    /// The folder with its socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills it with everything that it holds.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it again, empty.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn start(&mut self) -> Result<(), ServerError> {
        self.kill();
        self.server = Some(RedisServer::start(self.folder.path())?);
        Ok(())
    }

    /// Has it forget everything.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn flush(&self) -> Result<(), super::Away> {
        Ok(redis::cmd("FLUSHALL").query_async(&mut self.connection().await?).await?)
    }

    /// Has it hang up on everybody who is connected in this way (`pubsub` or `normal`), but for whoever asks; on how many.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn hang_up(&self, kind: &str) -> Result<u32, super::Away> {
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("TYPE").arg(kind).arg("SKIPME").arg("yes");
        Ok(kill.query_async(&mut self.connection().await?).await?)
    }

    /// A connection for what a test does to it.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn connection(&self) -> Result<MultiplexedConnection, super::Away> {
        connection(&self.url().map_err(|error| super::Away::Unreachable(error.to_string()))?).await
    }
}

/// A server of the caller's own, with more of redis-server's arguments.
///
/// # Errors
/// See [`ServerError`].
pub fn own(arguments: &[&str]) -> Result<OwnRedis, ServerError> {
    let folder = folder().map_err(ServerError::NotStarted)?;
    let server = RedisServer::start_with(folder.path(), arguments)?;
    Ok(OwnRedis { server: Some(server), folder })
}

/// The address of the server that the tests of this process share; the first call starts it.
///
/// # Errors
/// See [`ServerError`]; the first error stays.
pub fn shared() -> Result<RedisUrl, String> {
    static SHARED: OnceLock<Result<OwnRedis, String>> = OnceLock::new();
    let server = SHARED.get_or_init(|| own(&[]).map_err(|error| error.to_string()));
    server.as_ref().map_err(Clone::clone)?.url().map_err(|error| error.to_string())
}

/// A socket's path is at most 107 bytes long, so the folder is directly below the temporary one.
fn folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("campaigns-redis-").tempdir()
}
