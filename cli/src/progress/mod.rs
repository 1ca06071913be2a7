//! Following a run: its events become bars on a terminal and plain lines elsewhere, then a summary.
//!
//! Deliberately absent: state of its own. What is shown is what the server says; a lost stream is taken up again
//! behind the last event that was seen.

mod line;
mod reporter;
mod stream;
mod summary;

pub(crate) use reporter::Reporter;
pub(crate) use summary::conclude;

use crate::{client::Client, output, signal};
use anyhow::Result;
use campaigns_wire::Run;
use std::time::Duration;
use stream::{Frame, Stream};
use tokio::time::Instant;
use uuid::Uuid;

/// How often the totals are read while events come.
const REFRESH: Duration = Duration::from_millis(200);
/// How often it is looked whether organisations have paused.
const LOOK: Duration = Duration::from_secs(2);
/// How often a lost stream is opened again, a second apart, before the command gives up.
const RECONNECTS: u32 = 60;

/// Follows a run of the server until it ends; nothing where somebody has heard enough before, by Ctrl-C or since nobody
/// reads the progress any more, which changes nothing for the run.
pub(crate) async fn follow_or_leave(client: &Client, run: Uuid) -> Result<Option<Run>> {
    let mut reporter = Reporter::new();
    let ended = tokio::select! {
        ended = follow(client, run, &mut reporter) => return ended.map(Some),
        stop = signal::stop() => stop,
        () = signal::nobody_reads() => return Ok(None),
    };
    ended?;
    drop(reporter);
    output::note(&format!(
        "run {run} goes on: `campaigns watch {run}` follows it, `campaigns cancel {run}` ends it"
    ));
    Ok(None)
}

/// Follows a run until it ends, and returns it as it ended.
pub(crate) async fn follow(client: &Client, run: Uuid, reporter: &mut Reporter) -> Result<Run> {
    let mut after: Option<String> = None;
    let mut lost = 0;
    let begun = client.run(run).await?;
    reporter.totals(&begun);
    loop {
        match one_stream(client, run, &mut after, &mut lost, reporter).await {
            Ok(Some(ended)) => {
                reporter.finish(&ended);
                return Ok(ended);
            }
            // The server closed the stream or went away: it is the same as a lost connection.
            Ok(None) => lost += 1,
            Err(error) => {
                lost += 1;
                if lost > RECONNECTS {
                    return Err(error);
                }
            }
        }
        if lost > 1 {
            reporter.waiting_for_server();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Reads one connection's events; the run where it has ended, nothing where the connection did.
async fn one_stream(
    client: &Client,
    run: Uuid,
    after: &mut Option<String>,
    lost: &mut u32,
    reporter: &mut Reporter,
) -> Result<Option<Run>> {
    let mut stream = Stream::new(client.stream(run, after.as_deref()).await?);
    let mut refreshed = Instant::now();
    let mut stale = false;
    let mut look = Instant::now();
    let campaign = client.run(run).await?.campaign;
    loop {
        let frame = tokio::select! {
            frame = stream.next() => frame?,
            () = tokio::time::sleep_until(refreshed + REFRESH), if stale => {
                reporter.totals(&client.run(run).await?);
                refreshed = Instant::now();
                stale = false;
                continue;
            }
            () = tokio::time::sleep_until(look) => {
                reporter.paused(&client.campaign(&campaign).await?.paused_organizations);
                look = Instant::now() + LOOK;
                continue;
            }
        };
        match frame {
            Some(Frame::Event(event)) => {
                *lost = 0;
                *after = Some(event.id.clone());
                reporter.event(&event);
                stale = true;
            }
            Some(Frame::End) => return client.run(run).await.map(Some),
            Some(Frame::Other) => {}
            None => return Ok(None),
        }
    }
}
