//! Pausing in the middle: no write begins at the code host any more, whatever becomes of the process meanwhile; and
//! when the campaign is resumed, it ends as if nothing had been.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::{Effect, Entry, Fault};
use campaigns_wire::{ChangesetState, RunState};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::time::{Duration, Instant};
use support::{Server, TwinProcess, campaigns, finish};

const REPOSITORIES: u32 = 50;
/// Within this long of a pause nothing new is written any more.
const BOUND: Duration = Duration::from_secs(5);

fn command(server: &Server, words: &[&str]) -> (Option<i32>, Value) {
    let mut command = campaigns();
    command.args(words).args(["-o", "json", "--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token);
    let (code, out, err) = finish(&mut command);
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{words:?}: {out}{err}")))
}

fn time(entry: &Entry) -> DateTime<Utc> {
    entry.time.parse().unwrap()
}

/// The writes that began between two moments.
fn written(log: &[Entry], after: DateTime<Utc>, before: DateTime<Utc>) -> Vec<&Entry> {
    let writes = log.iter().filter(|entry| entry.method != "GET" && entry.operation != "graphql");
    writes
        .filter(|entry| {
            let began = time(entry) - chrono::TimeDelta::microseconds(entry.micros.cast_signed());
            began > after && began < before
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_campaign_writes_nothing_even_after_kill_9_and_ends_the_same_when_resumed() {
    let room = support::room();
    let trees = support::services(room.path(), REPOSITORIES);
    let twin = TwinProcess::start(&trees, &room.path().join("world"));
    let data = room.path().join("data");
    let server = Server::start(&data, &twin);
    // So that there is much left to be written however late the pause comes.
    twin.add_fault(&Fault::on("pulls/create", Effect::HoldAnswer { ms: 600_000 }).after(3)).await;
    server.api().apply("greeting", support::SPEC).await;
    let run = server.api().create_run("greeting", "once").await.id;
    let deadline = Instant::now() + Duration::from_secs(120);
    while twin.opened().await.len() < 3 {
        assert!(Instant::now() < deadline, "no pull request comes");
        support::breathe().await;
    }

    let (code, paused) = command(&server, &["pause", "greeting"]);
    assert_eq!((code, paused["state"].as_str()), (Some(0), Some("done")), "{paused}");
    let since = Utc::now();
    twin.clear_faults().await;
    let opened = twin.opened().await.len();
    assert!(opened < REPOSITORIES as usize / 2, "{opened} pull requests are open: the pause comes too late");
    let now = server.api().run(run).await;
    assert_eq!((now.state, now.paused_by.is_some()), (RunState::Running, true), "{now:?}");

    server.kill();
    let server = Server::start(&data, &twin);
    // Time has to pass, so that there is something to be seen.
    while Utc::now() < since + BOUND * 2 {
        support::breathe().await;
    }
    let resumed = Utc::now();
    let log = twin.log().await;
    let late = written(&log, since + BOUND, resumed);
    assert!(late.is_empty(), "written while it was paused: {late:?}");
    let (code, again) = command(&server, &["resume", "greeting"]);
    assert_eq!((code, again["state"].as_str()), (Some(0), Some("done")), "{again}");

    let ended = server.api().ended(run).await;
    assert_eq!((ended.state, ended.paused_by), (RunState::Completed, None));
    let changed = REPOSITORIES - REPOSITORIES / 5;
    let opened = twin.opened().await;
    assert_eq!(opened.len(), changed as usize);
    assert!(opened.values().all(|count| *count == 1), "one pull request each: {opened:?}");
    let changesets = server.api().changesets("greeting").await;
    assert!(changesets.iter().all(|each| each.state == ChangesetState::Open));

    // There is nothing to cancel any more, which is said.
    let mut cancel = campaigns();
    cancel.args(["cancel", "greeting", "--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token);
    let (code, out, err) = finish(&mut cancel);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("no run under way"), "{err}");
    assert_eq!(server.stop(), Some(0));
}
