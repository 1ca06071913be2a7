//! One campaign over two organisations, told in a user's words: pull requests are opened in both, each keeps its own limits
//! and waits for its own reasons, and what stops the one leaves the other alone. What was opened, and how often, the log of
//! the code host says.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_runtime::embedded::testing::{TestDatabase, fresh_database};
use campaigns_twin::{Fault, Options, Together, Twin, faults::Effect, hooks::loss::Loss};
use campaigns_wire::{Budget, ChangesetState, RunState, Waiting};
use serde_json::Value;
use std::{
    path::Path,
    time::{Duration, Instant},
};
use support::{Server, breathe, campaigns, finish};

const SECRET: &str = "the secret of these tests";
const DAY: Duration = Duration::from_secs(86_400);

/// Acme and Globex with so many repositories each, whose names begin with those of their organisations.
async fn both(room: &Path, acme: u32, globex: u32) -> Together {
    let both = Together::start(&room.join("worlds"), &["acme", "globex"], Options::default()).await.unwrap();
    for (twin, count) in both.twins.iter().zip([acme, globex]) {
        for number in 1..=count {
            add(twin, number).await;
        }
    }
    both
}

async fn add(twin: &Twin, number: u32) {
    let name = format!("{}-{number:02}", twin.org());
    twin.repository(&name).file("README.md", "# Service\n").create().await.unwrap();
}

fn spec() -> String {
    support::SPEC.replace("  - organization: acme\n", "  - organization: acme\n  - organization: globex\n")
}

/// A server that takes the webhooks of both, as the App that both have installed.
fn server(room: &Path, both: &Together, database: &TestDatabase, flags: &[&str]) -> Server {
    serve(room, both, |data, app| {
        Server::start_in(data, both, &[app, flags].concat(), &[("DATABASE_URL", database.url())])
    })
}

/// The same, which keeps so many pull requests a day in each.
fn daily(room: &Path, both: &Together, database: &TestDatabase, per_day: u32) -> Server {
    let per_day = per_day.to_string();
    let caps = ["--per-day", &per_day, "--per-minute", "100000", "--per-hour", "100000"];
    let pace = ["--points-per-minute", "1000000", "--write-spacing", "0"];
    serve(room, both, |data, app| {
        let flags = [caps.as_slice(), &pace, app].concat();
        Server::start_limited(data, both, &flags, &[("DATABASE_URL", database.url())])
    })
}

fn serve(room: &Path, both: &Together, start: impl FnOnce(&Path, &[&str]) -> Server) -> Server {
    let secret = room.join("webhook-secret");
    std::fs::write(&secret, SECRET).unwrap();
    let app = both.app().unwrap();
    let (id, key) = (app.id.to_string(), app.private_key_file);
    let app = ["--app-id", &id, "--app-key-file", key.to_str().unwrap()];
    let secret = ["--webhook-secret-file", secret.to_str().unwrap()];
    let server = start(&room.join("data"), &[&app[..], &secret].concat());
    both.send_webhooks(&format!("{}/webhooks/github", server.url), SECRET).unwrap();
    server
}

fn command(server: &Server, words: &[&str]) -> String {
    let mut command = campaigns();
    command.args(words).args(["--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token);
    let (code, out, err) = finish(&mut command);
    assert_eq!(code, Some(0), "{words:?}: {out} {err}");
    format!("{out}{err}")
}

fn json(server: &Server, words: &[&str]) -> Value {
    let mut command = campaigns();
    command.args(words).args(["-o", "json", "--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token);
    serde_json::from_str(&finish(&mut command).1).unwrap()
}

fn budget(server: &Server) -> Budget {
    serde_json::from_value(json(server, &["budget", "greeting"])).unwrap()
}

async fn until(what: &str, is: impl AsyncFn() -> bool) {
    // Longer than it takes until what no webhook told is looked for.
    let deadline = Instant::now() + Duration::from_secs(400);
    while !is().await {
        assert!(Instant::now() < deadline, "it does not come to be that {what}");
        breathe().await;
    }
}

/// How many pull requests were opened in an organisation; never two from one repository.
fn opened(twin: &Twin) -> usize {
    let opened = support::opened(twin);
    assert!(opened.values().all(|times| *times == 1), "one pull request each: {opened:?}");
    opened.len()
}

/// The organisations for which the campaign says that they are paused, with the causes.
async fn paused(server: &Server) -> Vec<(String, String)> {
    let campaign = server.api().get("/campaigns/greeting").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = campaign["paused_organizations"].as_array();
    all.into_iter().flatten().map(|pause| (text(&pause["organization"]), text(&pause["cause"]))).collect()
}

fn is(organization: &str, cause: &str) -> Vec<(String, String)> {
    vec![(organization.to_owned(), cause.to_owned())]
}

/// A run of which a pull request is open in each; of Acme's no more than three are before the faults are mended.
async fn begun(both: &Together, server: &Server) -> uuid::Uuid {
    let [acme, globex] = &both.twins[..] else { panic!() };
    let unwell = Effect::Refuse { status: 503, message: None, retry_after: None };
    acme.world().faults.add(Fault { after: 3, ..Fault::on("pulls/create", unwell) });
    server.api().apply("greeting", &spec()).await;
    let run = server.api().create_run("greeting", "once").await.id;
    until("a pull request is open in each", async || opened(acme) > 0 && opened(globex) > 0).await;
    run
}

async fn ends(both: &Together, server: &Server, run: uuid::Uuid, counts: [usize; 2]) {
    let ended = server.api().ended(run).await;
    assert_eq!(ended.state, RunState::Completed, "{ended:?}");
    assert_eq!([opened(&both.twins[0]), opened(&both.twins[1])], counts);
    let changesets = server.api().changesets("greeting").await;
    assert!(changesets.iter().all(|each| each.state == ChangesetState::Open), "{changesets:#?}");
    assert_eq!(changesets.len(), counts.iter().sum::<usize>());
    assert_eq!(paused(server).await, []);
    for twin in &both.twins {
        let log = twin.log().unwrap();
        let own = format!("installation:{}", twin.app().installation_id);
        let unserved = log.iter().filter(|entry| entry.status == 501);
        assert_eq!(unserved.map(|entry| &entry.operation).collect::<Vec<_>>(), Vec::<&String>::new());
        let mut created = log.iter().filter(|entry| entry.operation == "pulls/create" && entry.status == 201);
        assert!(created.next_back().is_none_or(|last| last.subject == own), "{own} opens them");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_keeps_its_own_limits_and_neither_waits_for_the_other() {
    let room = support::room();
    let both = both(room.path(), 5, 2).await;
    let [acme, globex] = &both.twins[..] else { panic!() };
    let database = fresh_database().await.unwrap();
    // Three pull requests a day, by the clock of the database.
    let server = daily(room.path(), &both, &database, 3);
    let api = server.api();
    api.apply("greeting", &spec()).await;
    let run = api.create_run("greeting", "one").await.id;
    until("Acme is at its cap, and Globex is done", async || {
        let said = budget(&server);
        let waits = said.items.len() == 2 && said.items.iter().all(|item| !item.sending);
        waits && opened(acme) >= 3 && opened(globex) == 2
    })
    .await;
    assert_eq!([opened(acme), opened(globex)], [3, 2], "the cap is a cap of each");
    let said = budget(&server);
    let organizations: Vec<_> =
        said.organizations.iter().map(|each| (each.organization.as_str(), each.waiting)).collect();
    assert_eq!(organizations, [("acme", 2)]);
    assert!(said.items.iter().all(|item| item.repository.starts_with("acme/") && item.waits_for == "window"));
    let whole: Budget =
        serde_json::from_value(json(&server, &["budget", "--organization", "globex"])).unwrap();
    let day = whole.organizations[0].windows.iter().find(|window| window.counts == "pull_requests").unwrap();
    assert_eq!((day.used, day.cap, whole.organizations[0].waiting), (2, 3, 0), "{whole:#?}");
    let waiting = json(&server, &["status", "greeting", "--state", "scheduled"]);
    for changeset in waiting["changesets"].as_array().unwrap() {
        assert!(changeset["repository"].as_str().unwrap().starts_with("acme/"), "{changeset}");
    }

    // While Acme waits for tomorrow, Globex goes on.
    add(globex, 3).await;
    api.create_run("greeting", "two").await;
    until("Globex's new one is open", async || opened(globex) == 3).await;
    assert_eq!(opened(acme), 3);
    database.move_clock(DAY).await.unwrap();
    until("the rest is open", async || opened(acme) == 5).await;
    assert_eq!(api.ended(run).await.state, RunState::Completed);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_suspended_waits_alone() {
    let room = support::room();
    let both = both(room.path(), 8, 4).await;
    let [acme, globex] = &both.twins[..] else { panic!() };
    let database = fresh_database().await.unwrap();
    let server = server(room.path(), &both, &database, &[]);
    let run = begun(&both, &server).await;
    acme.as_maintainer(|person| person.suspend_installation()).await.unwrap();
    until("Acme alone is paused", async || paused(&server).await == is("acme", "suspended")).await;
    until("Globex's are open", async || opened(globex) == 4).await;
    assert!(opened(acme) <= 3);
    until("all that waits is Acme's, until that is mended", async || {
        let said = budget(&server).items;
        let mending = |item: &Waiting| item.repository.starts_with("acme/") && item.waits_for == "mending";
        said.len() >= 5 && said.iter().all(mending)
    })
    .await;
    let status = command(&server, &["status", "greeting"]);
    assert!(
        status.contains("acme is paused (suspended)") && !status.contains("globex is paused"),
        "{status}"
    );
    until("one installation is known to be suspended, and the other one active", async || {
        let installations = json(&server, &["installations"]);
        let states = installations.as_array().unwrap().iter().map(|one| one["state"].as_str());
        states.eq([Some("suspended"), Some("active")])
    })
    .await;

    acme.world().faults.clear();
    acme.as_maintainer(|person| person.unsuspend_installation()).await.unwrap();
    ends(&both, &server, run, [8, 4]).await;
    assert_eq!(server.stop(), Some(0));
}

/// The App is taken from Acme in mid-run and installed there again.
async fn removed_and_installed_again(flags: &[&str], lost: bool) {
    let room = support::room();
    let both = both(room.path(), 8, 4).await;
    let [acme, globex] = &both.twins[..] else { panic!() };
    let database = fresh_database().await.unwrap();
    let server = server(room.path(), &both, &database, flags);
    if lost {
        both.lose_webhooks(&Loss { lost: 1.0, ..Loss::default() });
    }
    let before = acme.app().installation_id;
    let known = async || json(&server, &["installations"])[0]["id"].as_u64();
    until("the installations are known", async || known().await == Some(before)).await;
    let run = begun(&both, &server).await;
    acme.as_maintainer(|person| person.uninstall()).await.unwrap();
    until("Acme alone is paused", async || paused(&server).await == is("acme", "not_installed")).await;
    until("it is known to be removed", async || {
        json(&server, &["installations"])[0]["state"].as_str() == Some("removed")
    })
    .await;
    until("Globex's are open", async || opened(globex) == 4).await;
    assert!(opened(acme) <= 3);
    let status = command(&server, &["status", "greeting"]);
    assert!(status.contains("acme is paused (not_installed)"), "{status}");

    acme.world().faults.clear();
    acme.as_maintainer(|person| person.install()).await.unwrap();
    let after = acme.app().installation_id;
    assert_ne!(before, after);
    ends(&both, &server, run, [8, 4]).await;
    until("the new installation is known", async || known().await == Some(after)).await;
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_removes_the_app_goes_on_by_itself_once_it_has_it_again() {
    removed_and_installed_again(&[], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_every_webhook_is_lost_the_sweep_finds_that_it_has_it_again() {
    removed_and_installed_again(&["--installations-seconds", "1"], true).await;
}

/// How many pull requests of a day an organisation has used up.
fn used(server: &Server, organization: &str) -> u64 {
    let said = json(server, &["budget", "--organization", organization]);
    let said: Budget = serde_json::from_value(said).unwrap();
    let windows = &said.organizations[0].windows;
    windows.iter().find(|window| window.counts == "pull_requests").unwrap().used
}

/// Where each changeset stands, by its repository's name, whoever has it.
async fn standing(server: &Server) -> Vec<(String, ChangesetState)> {
    let all = server.api().changesets("greeting").await;
    let mut all: Vec<_> = all.into_iter().map(|each| (each.repository, each.state)).collect();
    all.sort_by_key(|(repository, _)| repository.split_once('/').map(|(_, name)| name.to_owned()));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_moves_to_the_other_is_paced_written_and_followed_there() {
    use ChangesetState::{Closed, Merged, Open, Unpublished};
    let room = support::room();
    let both = both(room.path(), 3, 1).await;
    let [acme, globex] = &both.twins[..] else { panic!() };
    acme.repository("acme-04").public().file("README.md", "# Service\n").create().await.unwrap();
    let database = fresh_database().await.unwrap();
    let server = daily(room.path(), &both, &database, 100);
    let api = server.api();
    api.apply("greeting", &spec().replace("published: true", "published: false")).await;
    let run = api.create_run("greeting", "one").await.id;
    assert_eq!(api.ended(run).await.state, RunState::Completed);
    until("all are there", async || standing(&server).await.len() == 5).await;
    let there = |repository: &str, state| (repository.to_owned(), state);
    assert_eq!(standing(&server).await[0], there("acme/acme-01", Unpublished));

    // Before its pull request is opened: sending finds out, also where the old owner's token reads it still.
    for name in ["acme-01", "acme-04"] {
        acme.as_maintainer(|person| person.transfer(name, "globex")).await.unwrap();
    }
    command(&server, &["publish", "greeting", "--yes"]);
    let all_open = [
        there("globex/acme-01", Open),
        there("acme/acme-02", Open),
        there("acme/acme-03", Open),
        there("globex/acme-04", Open),
        there("globex/globex-01", Open),
    ];
    until("all are open", async || standing(&server).await == all_open).await;
    assert_eq!([opened(acme), opened(globex)], [2, 3]);
    assert_eq!(
        [used(&server, "acme"), used(&server, "globex")],
        [2, 3],
        "each by the limits of its organisation"
    );
    let own = |twin: &Twin| format!("installation:{}", twin.app().installation_id);
    let writes = |twin: &Twin| {
        let log = twin.log().unwrap().into_iter();
        let written = log.filter(|entry| entry.writes && entry.repo.is_some());
        let who = written.map(|entry| entry.subject.trim_end_matches("/graphql").to_owned());
        who.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(writes(globex), [own(globex)].into(), "with its own token");

    // While it is open: a webhook tells, and it is followed to its end.
    acme.as_maintainer(|person| person.transfer("acme-02", "globex")).await.unwrap();
    until("it is Globex's", async || standing(&server).await[1] == there("globex/acme-02", Open)).await;
    globex.merge("acme-02", 1).await.unwrap();
    until("it is merged", async || standing(&server).await[1] == there("globex/acme-02", Merged)).await;

    // While nobody is there to hear of it: the next read finds it, and what is asked for is done there.
    server.kill();
    acme.as_maintainer(|person| person.transfer("acme-03", "globex")).await.unwrap();
    let server = daily(room.path(), &both, &database, 100);
    command(&server, &["sync", "greeting"]);
    until("it is Globex's", async || standing(&server).await[2] == there("globex/acme-03", Open)).await;
    command(&server, &["close", "greeting", "--only", "globex/acme-03", "--yes"]);
    until("it is closed", async || standing(&server).await[2] == there("globex/acme-03", Closed)).await;
    assert!(globex.pulls("acme-03")[0].closed_at.is_some());
    assert_eq!(writes(globex), [own(globex)].into());
    assert_eq!([used(&server, "acme"), used(&server, "globex")], [2, 3], "nothing was opened twice");
    assert_eq!(server.stop(), Some(0));
}
