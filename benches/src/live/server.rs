//! The two servers: the API's over a store, and one that writes every event to every client.
//!
//! Deliberately absent: any choice of load; both follow the same constants. That the one goes at the pace of the events and
//! the other as fast as it can is what the bar is defined by.

use super::{
    AT_ONCE, EVENTS, EVERY_MS, Hello, Spent, TIMES,
    clients::{allow_many_connections, micros},
};
use crate::processor::taken_here;
use anyhow::{Context as _, Result};
use campaigns_actors::ports::{NewEvent, Store as _, Subject, Transition};
use campaigns_benches::{
    api,
    stage::{KIND, Stage},
};
use campaigns_domain::id::Shard;
use campaigns_http::live::LiveSettings;
use serde_json::json;
use std::{fs, future::pending, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines, Stdin},
    net::{TcpListener, TcpStream},
    time::{MissedTickBehavior, interval},
};

/// Serves live events of one run through the API.
pub(crate) async fn live() -> Result<()> {
    let stage = Stage::new().await?;
    let (run, targets) = stage.run_of(AT_ONCE as u32).await?;
    let (state, secret) = api::over(&stage, LiveSettings::default()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(campaigns_http::serve(listener, campaigns_http::router(state), pending(), pending()));
    let request = format!(
        "GET /api/v1/runs/{}/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Accept: text/event-stream\r\n\r\n",
        run.id,
        secret.expose()
    );
    let mut told = Told::new(&Hello { address, request })?;
    told.next().await?;
    let before = Before::now()?;
    let mut ticks = ticks();
    for _ in 0..TIMES {
        ticks.tick().await;
        let mut transition = Transition::new(stage.fence(Shard::of_run(run.id)), run.id);
        for target in &targets {
            let data = json!({"sent": micros()?, "attempt": 1, "reason": "a step of its way"});
            transition.events.push(NewEvent { subject: Subject::Target(target.id), kind: KIND, data });
        }
        stage.store.commit(transition).await?;
    }
    told.next().await?;
    told.spent(&before)
}

/// Writes every event to every client, one after the other and without a pause: so a write costs least, since who reads
/// is busy and need not be woken.
pub(crate) async fn raw() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let hello = Hello { address: listener.local_addr()?.to_string(), request: "\n".to_owned() };
    let mut told = Told::new(&hello)?;
    let mut clients = vec![];
    loop {
        tokio::select! {
            word = told.next() => break word?,
            accepted = listener.accept() => clients.push(welcome(accepted?.0).await?),
        }
    }
    let before = Before::now()?;
    for _ in 0..EVENTS {
        // About as long as a frame of the API.
        let event =
            format!("id: {:0100}\nevent: target.moved\ndata: {{\"sent\":{},{:150}}}\n\n", 0, micros()?, "");
        for client in &mut clients {
            client.write_all(event.as_bytes()).await?;
        }
    }
    told.next().await?;
    told.spent(&before)
}

async fn welcome(mut client: TcpStream) -> Result<TcpStream> {
    client.read_u8().await?;
    // As the API does: otherwise the kernel would gather what follows a write that is not acknowledged yet.
    client.set_nodelay(true)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    Ok(client)
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(Duration::from_millis(EVERY_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// What whoever started this says, and what it is told.
struct Told {
    words: Lines<BufReader<Stdin>>,
    /// KB that the process had before the first client.
    empty: f64,
}

impl Told {
    fn new(hello: &Hello) -> Result<Self> {
        allow_many_connections()?;
        println!("{}", serde_json::to_string(hello)?);
        Ok(Self { words: BufReader::new(tokio::io::stdin()).lines(), empty: resident()? })
    }

    async fn next(&mut self) -> Result<()> {
        self.words.next_line().await?.map(drop).context("whoever started this has gone away")
    }

    fn spent(&self, before: &Before) -> Result<()> {
        let spent = Spent { seconds: taken_here()? - before.seconds, grown: before.resident - self.empty };
        println!("{}", serde_json::to_string(&spent)?);
        Ok(())
    }
}

/// What the process had used when the first event was made.
struct Before {
    seconds: f64,
    resident: f64,
}

impl Before {
    fn now() -> Result<Self> {
        Ok(Self { seconds: taken_here()?, resident: resident()? })
    }
}

/// KB of memory that this process has.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    line.trim().trim_end_matches(" kB").parse().context("an unreadable VmRSS")
}
