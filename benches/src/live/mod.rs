//! Live events to a thousand clients, against a server that writes every event to every client by itself.
//!
//! Each server is a process of its own, so that its processor time is its own; the clients are here. Both are given
//! the same events; ours as they happen, the reference at once, which is the cheapest for it. Deliberately absent: clients that are slow or go away, which the API's tests have.

mod clients;
pub(crate) mod server;

use super::report::{Figure, median};
use anyhow::{Context as _, Result};
use clients::Heard;
use serde::{Deserialize, Serialize};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// How many clients listen.
const CLIENTS: usize = 1_000;
/// How many events happen at once, and how often, and how often in all.
pub(crate) const AT_ONCE: usize = 10;
pub(crate) const EVERY_MS: u64 = 50;
pub(crate) const TIMES: usize = 100;
/// How many events each client has to hear.
pub(crate) const EVENTS: usize = AT_ONCE * TIMES;
/// The most milliseconds that 99 of 100 deliveries may take.
const MOST_MS: f64 = 250.0;
/// The most memory of the server for each client, in KB.
const MOST_KB: f64 = 24.0;

/// What a server says once it listens.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) address: String,
    /// What a client sends first.
    pub(crate) request: String,
}

/// What a server says at its end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spent {
    /// Processor seconds between the first event and the last delivery.
    pub(crate) seconds: f64,
    /// KB that the process grew by while the clients joined.
    pub(crate) grown: f64,
}

/// The figures.
pub(crate) async fn fan_out(pairs: u32) -> Result<Vec<Figure>> {
    clients::allow_many_connections()?;
    let (mut cpu, mut slowest, mut memory, mut lost) = (vec![], vec![], vec![], 0);
    for pair in 1..=pairs {
        let (ours, heard) = measure("live-server").await?;
        let (raw, raw_heard) = measure("raw-server").await?;
        anyhow::ensure!(raw_heard.lost == 0, "the reference lost {} events", raw_heard.lost);
        let each = |spent: &Spent| spent.seconds * 1e6 / (EVENTS * CLIENTS) as f64;
        eprintln!(
            "pair {pair} of {pairs}: {:.2} µs a delivery, raw {:.2} µs; p99 {:.0} ms; {:.1} KB a client",
            each(&ours),
            each(&raw),
            heard.p99_ms,
            ours.grown / CLIENTS as f64
        );
        cpu.push((each(&ours), each(&raw)));
        slowest.push(heard.p99_ms);
        memory.push(ours.grown / CLIENTS as f64);
        lost += heard.lost;
    }
    let against = |values: Vec<f64>, most: f64| [(median(values.into_iter()), most)];
    Ok(vec![
        Figure::at_most(
            "the server's time for a delivery to one of 1,000, against a raw write",
            "µs",
            &cpu,
            0.25,
        ),
        Figure::at_most("99 of 100 deliveries within", "ms", &against(slowest, MOST_MS), 1.0),
        Figure::at_most("memory for each client", "KB", &against(memory, MOST_KB), 1.0),
        Figure::exactly("events lost", "", lost, 0),
    ])
}

async fn measure(server: &str) -> Result<(Spent, Heard)> {
    let mut server = Server::start(server).await?;
    let hello: Hello = server.says().await?;
    let clients = clients::join(&hello, CLIENTS).await?;
    server.tell("begin").await?;
    let heard = clients.listen(EVENTS).await?;
    server.tell("end").await?;
    let spent = server.says().await?;
    server.child.wait().await?;
    Ok((spent, heard))
}

struct Server {
    child: Child,
    words: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Server {
    async fn start(name: &str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let words = child.stdin.take().context("the server has no input")?;
        let said = child.stdout.take().context("the server has no output")?;
        Ok(Self { child, words, said: BufReader::new(said).lines() })
    }

    async fn tell(&mut self, word: &str) -> Result<()> {
        Ok(self.words.write_all(format!("{word}\n").as_bytes()).await?)
    }

    async fn says<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T> {
        let line = self.said.next_line().await?.context("the server ended before its time")?;
        Ok(serde_json::from_str(&line)?)
    }
}
