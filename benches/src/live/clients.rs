//! The clients: sockets that ask once and then count what comes, and how old it is.
//!
//! Deliberately absent: an HTTP client. What a client costs is no part of the figures, and there are a thousand.

use super::Hello;
use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// What precedes the microsecond at which an event was made.
pub(crate) const SENT: &[u8] = b"\"sent\":";
/// How long a client waits for the next piece.
const PATIENCE: Duration = Duration::from_secs(60);
/// What every answer to an HTTP request begins with; the raw server says it too.
pub(crate) const HEAD_ENDS: &[u8] = b"\r\n\r\n";

/// Clients that have been let in.
pub(crate) struct Clients(Vec<Client>);

struct Client {
    socket: TcpStream,
    rest: Vec<u8>,
}

/// What the clients heard.
pub(crate) struct Heard {
    /// The age that 99 of 100 deliveries had at most when they were read.
    pub(crate) p99_ms: f64,
    /// Events that a client has not heard, over all clients.
    pub(crate) lost: u64,
}

/// Lets this process have as many sockets as it may.
pub(crate) fn allow_many_connections() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// Connects this many clients; each has been answered.
pub(crate) async fn join(hello: &Hello, count: usize) -> Result<Clients> {
    let clients = stream::iter(0..count).map(|_| Client::join(hello)).buffer_unordered(32).try_collect();
    Ok(Clients(clients.await?))
}

impl Client {
    async fn join(hello: &Hello) -> Result<Self> {
        let mut socket = TcpStream::connect(&hello.address).await?;
        socket.write_all(hello.request.as_bytes()).await?;
        let mut rest = vec![];
        loop {
            ensure!(socket.read_buf(&mut rest).await? > 0, "a client was turned away");
            if let Some(end) = place(&rest, HEAD_ENDS) {
                let head = String::from_utf8_lossy(&rest[..end]).into_owned();
                ensure!(head.starts_with("HTTP/1.1 200"), "a client was turned away: {head}");
                rest.drain(..end + HEAD_ENDS.len());
                return Ok(Self { socket, rest });
            }
        }
    }

    /// The ages in microseconds of what it hears, up to this many events.
    async fn listen(mut self, events: usize) -> Result<Vec<u32>> {
        let mut ages = Vec::with_capacity(events);
        while ages.len() < events {
            let Ok(read) = timeout(PATIENCE, self.socket.read_buf(&mut self.rest)).await else { break };
            if read? == 0 {
                break;
            }
            let now = micros()?;
            let mut from = 0;
            while let Some(found) = place(&self.rest[from..], SENT) {
                let after = from + found + SENT.len();
                // The database writes a blank behind a name.
                let digits = after + self.rest[after..].iter().take_while(|byte| **byte == b' ').count();
                let length = self.rest[digits..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                // A number at the end of what has come may go on.
                if digits + length == self.rest.len() {
                    break;
                }
                let sent: u64 = std::str::from_utf8(&self.rest[digits..digits + length])?.parse()?;
                ages.push(u32::try_from(now.saturating_sub(sent)).unwrap_or(u32::MAX));
                from = digits + length;
            }
            let kept = from.max(self.rest.len().saturating_sub(SENT.len() + 20));
            let whole = place(&self.rest[from..], SENT).map_or(kept, |found| from + found);
            self.rest.drain(..whole);
        }
        Ok(ages)
    }
}

impl Clients {
    /// Listens until every client has heard this many events, or nothing more comes.
    pub(crate) async fn listen(self, events: usize) -> Result<Heard> {
        let count = self.0.len();
        let listening: Vec<_> =
            self.0.into_iter().map(|client| tokio::spawn(client.listen(events))).collect();
        let mut ages = vec![];
        for client in listening {
            ages.extend(client.await??);
        }
        ages.sort_unstable();
        let p99 = ages.get(ages.len() * 99 / 100).context("no client heard anything")?;
        Ok(Heard { p99_ms: f64::from(*p99) / 1e3, lost: (events * count - ages.len()) as u64 })
    }
}

fn place(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

/// The time in microseconds, which both sides read from one clock.
pub(crate) fn micros() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?)
}
