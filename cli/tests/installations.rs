//! An installation that is suspended in the middle of a run, as its users see it: what waits says why, and once it is
//! lifted the run ends by itself, with every pull request open once. With webhooks, and where they get lost.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::{Fault, Twin, faults::Effect, hooks::loss::Loss};
use campaigns_wire::{ChangesetState, RunState};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use support::{Server, breathe, campaigns, finish};

const SECRET: &str = "the secret of these tests";
const REPOSITORIES: u32 = 20;
const CHANGED: usize = 16;

/// A server that takes the twin's webhooks, as the twin's App.
fn server(room: &Path, twin: &Twin) -> Server {
    let secret = room.join("webhook-secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let app = twin.app();
    let (id, key) = (app.id.to_string(), app.private_key_file);
    let secret = ["--webhook-secret-file", secret.to_str().unwrap()];
    let app = ["--app-id", &id, "--app-key-file", key.to_str().unwrap()];
    let server = Server::start_with(&room.join("data"), twin, &[secret.as_slice(), &app].concat());
    twin.send_webhooks(&format!("{}/webhooks/github", server.url), SECRET).unwrap();
    server
}

fn command(server: &Server, words: &[&str]) -> (String, String) {
    let mut command = campaigns();
    command.args(words).args(["--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token);
    let (code, out, err) = finish(&mut command);
    assert_eq!(code, Some(0), "{words:?}: {err}");
    (out, err)
}

fn json(server: &Server, words: &[&str]) -> Value {
    serde_json::from_str(&command(server, &[words, &["-o", "json"]].concat()).0).unwrap()
}

/// Waits until something is so, and says what.
async fn until(what: &str, is: impl AsyncFn() -> bool) {
    // Longer than it takes until what no webhook told is looked for.
    let deadline = Instant::now() + Duration::from_secs(400);
    while !is().await {
        assert!(Instant::now() < deadline, "it does not come to be that {what}");
        breathe().await;
    }
}

async fn suspend(twin: &Twin) {
    twin.as_maintainer(|person| person.suspend_installation()).await.unwrap();
}

async fn lift(twin: &Twin) {
    twin.world().faults.clear();
    twin.as_maintainer(|person| person.unsuspend_installation()).await.unwrap();
}

/// A run of which a few pull requests are open; from the fourth on no answer comes before the installation is lifted.
async fn begun(twin: &Twin, server: &Server) -> uuid::Uuid {
    let held = Fault::on("pulls/create", Effect::HoldAnswer { ms: 600_000 });
    twin.world().faults.add(held.after(3));
    server.api().apply("greeting", support::SPEC).await;
    let run = server.api().create_run("greeting", "once").await.id;
    until("a pull request is open", async || !support::opened(twin).is_empty()).await;
    run
}

/// The cause for which the campaign's organisation is paused, if it is.
async fn cause(server: &Server) -> Option<String> {
    let campaign = server.api().get("/campaigns/greeting").await;
    campaign["paused_organizations"][0]["cause"].as_str().map(str::to_owned)
}

/// What GitHub last said of the installation.
async fn state(server: &Server) -> String {
    let page = server.api().get("/installations").await;
    page["items"][0]["state"].as_str().unwrap_or_default().to_owned()
}

async fn ends_with_everything_open_once(twin: &Twin, server: &Server, run: uuid::Uuid) {
    let ended = server.api().ended(run).await;
    assert_eq!(ended.state, RunState::Completed, "{ended:?}");
    let opened = support::opened(twin);
    assert_eq!(opened.len(), CHANGED);
    assert!(opened.values().all(|count| *count == 1), "one pull request each: {opened:?}");
    let changesets = server.api().changesets("greeting").await;
    assert!(changesets.iter().all(|each| each.state == ChangesetState::Open), "{changesets:?}");
    assert_eq!(cause(server).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_installation_says_so_everywhere_and_the_run_ends_once_it_is_lifted() {
    let room = support::room();
    let twin = support::twin(room.path(), REPOSITORIES).await;
    let server = server(room.path(), &twin);
    let run = begun(&twin, &server).await;
    let mut watch = campaigns();
    watch.args(["watch", "greeting", "--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token);
    let mut watch = watch.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(watch.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said = Arc::new(Mutex::new(String::new()));
    let hears = said.clone();
    let hears = std::thread::spawn(move || lines.for_each(|line| *hears.lock().unwrap() += &(line + "\n")));

    suspend(&twin).await;
    until("the campaign says so", async || cause(&server).await.as_deref() == Some("suspended")).await;
    until("the installation says so", async || state(&server).await == "suspended").await;
    let open = support::opened(&twin).len();
    assert!(open < CHANGED, "{open} are open: the suspension comes too late");
    let (_, status) = command(&server, &["status", "greeting"]);
    assert!(status.contains("acme is paused (suspended)"), "{status}");
    let waiting = json(&server, &["status", "greeting", "--state", "scheduled"]);
    let why = waiting["changesets"][0]["why"].as_str().unwrap();
    assert!(why.contains("is suspended") || why.contains("suspended us"), "{why}");
    let budget = json(&server, &["budget", "greeting"]);
    assert_eq!(budget["organizations"][0]["pause"]["cause"], "suspended", "{budget}");
    until("all that waits does so until that is mended", async || {
        let budget = json(&server, &["budget", "greeting"]);
        let items = budget["items"].as_array().unwrap();
        !items.is_empty() && items.iter().all(|item| item["waits_for"] == "mending")
    })
    .await;
    let (table, _) = command(&server, &["installations"]);
    assert!(table.contains("acme") && table.contains("suspended"), "{table}");
    let installations = json(&server, &["installations"]);
    assert_eq!(installations[0]["id"], twin.app().installation_id);
    assert_eq!(installations[0]["pause"]["cause"], "suspended");
    assert!(installations[0]["since"].is_string() && installations[0]["seen_at"].is_string());

    // It looks every few seconds.
    let is_told = async || said.lock().unwrap().contains("acme is paused (suspended)");
    until("whoever watches is told", is_told).await;

    lift(&twin).await;
    ends_with_everything_open_once(&twin, &server, run).await;
    until("the installation says so, too", async || state(&server).await == "active").await;
    let watched = watch.wait().unwrap();
    hears.join().unwrap();
    assert!(watched.success(), "{}", said.lock().unwrap());
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_every_webhook_is_lost_refusals_and_the_sweep_find_it() {
    let room = support::room();
    let twin = support::twin(room.path(), REPOSITORIES).await;
    twin.lose_webhooks(Loss { lost: 1.0, ..Loss::default() });
    let server = server(room.path(), &twin);
    until("the installation is known", async || state(&server).await == "active").await;
    let run = begun(&twin, &server).await;
    suspend(&twin).await;
    // Nobody has told it: what is refused does.
    until("the campaign says so", async || cause(&server).await.as_deref() == Some("suspended")).await;
    assert_eq!(state(&server).await, "active", "nobody has looked yet");
    server.kill();
    // The first sweep is at once.
    let server = self::server(room.path(), &twin);
    until("the sweep finds it", async || state(&server).await == "suspended").await;
    assert_eq!(cause(&server).await.as_deref(), Some("suspended"));
    assert!(support::opened(&twin).len() < CHANGED, "the suspension comes too late");
    lift(&twin).await;
    server.kill();
    let server = self::server(room.path(), &twin);
    ends_with_everything_open_once(&twin, &server, run).await;
    until("the installation says so, too", async || state(&server).await == "active").await;
    assert_eq!(server.stop(), Some(0));
}
