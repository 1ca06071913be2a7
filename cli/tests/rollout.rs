//! Rollouts from end to end: waves follow what the checks of the code host say, and people set the pace.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_runtime::embedded::testing::fresh_database;
use campaigns_twin::{Conclusion, Twin};
use campaigns_wire::{Budget, RunState};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use support::{Server, breathe, campaigns, finish};

/// A server that takes the twin's webhooks, so that what checks say is read at once.
fn server(room: &Path, twin: &Twin) -> Server {
    let (secret, app) = (room.join("secret"), twin.app());
    std::fs::write(&secret, "the secret of these tests\n").unwrap();
    let flags = [
        "--webhook-secret-file",
        secret.to_str().unwrap(),
        "--app-id",
        &app.id.to_string(),
        "--app-key-file",
        app.private_key_file.to_str().unwrap(),
    ];
    let server = Server::start_with(&room.join("data"), twin, &flags);
    let hooks = format!("{}/webhooks/github", server.url);
    twin.send_webhooks(&hooks, "the secret of these tests").unwrap();
    server
}

fn command(server: &Server, words: &[&str]) -> String {
    let mut command = campaigns();
    command.args(words).args(["--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token);
    let (code, out, err) = finish(&mut command);
    assert_eq!(code, Some(0), "{words:?}: {out}{err}");
    out
}

/// Waits until the twin has opened as many pull requests; from which repositories.
async fn opened(twin: &Twin, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let opened = support::opened(twin);
        if opened.len() >= count {
            assert!(opened.len() == count && opened.values().all(|each| *each == 1), "{opened:?}");
            return opened
                .into_keys()
                .map(|name| name.trim_start_matches("acme/service-00").into())
                .collect();
        }
        assert!(Instant::now() < deadline, "{count} are not opened: {opened:?}");
        breathe().await;
    }
}

/// Waits until `campaigns status` says so.
async fn says(server: &Server, words: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let said = command(server, &["status", "greeting"]);
        if said.contains(words) {
            return said;
        }
        assert!(Instant::now() < deadline, "status does not say `{words}`: {said}");
        breathe().await;
    }
}

/// Waits until as many are known to be open.
async fn on_record(server: &Server, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while server.api().changesets("greeting").await.iter().filter(|each| each.pull_request.is_some()).count()
        < count
    {
        assert!(Instant::now() < deadline, "{count} are not on record");
        breathe().await;
    }
}

async fn check(twin: &Twin, number: &str, conclusion: Conclusion) {
    let name = format!("service-00{number}");
    twin.as_maintainer(move |maintainer| maintainer.set_check(&name, 1, "build", conclusion)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waves_follow_what_checks_say_and_halt_where_they_are_red() {
    let room = support::room();
    let twin = support::twin(room.path(), 7).await;
    let server = server(room.path(), &twin);
    let rollout = "rollout: {waves: [{name: canary, targets: 2, gate: {checksPassed: 100%}}, \
                   {name: more, targets: 2, gate: {checksPassed: 100%}}], haltOn: {checksFailed: 0}}\n";
    let api = server.api();
    api.apply("greeting", &format!("{}{rollout}", support::SPEC)).await;
    let run = api.create_run("greeting", "one").await.id;
    assert_eq!(opened(&twin, 2).await, ["1", "2"]);
    on_record(&server, 2).await;
    says(&server, "wave `more` waits until 100 % of wave `canary` have passed their checks: 0 of 2 so far")
        .await;
    check(&twin, "1", Conclusion::Success).await;
    says(&server, "1 of 2 so far").await;
    assert_eq!(support::opened(&twin).len(), 2, "the second wave did not wait");
    check(&twin, "2", Conclusion::Success).await;
    assert_eq!(opened(&twin, 4).await, ["1", "2", "3", "4"]);
    // A webhook about a pull request that is not on record yet is no use; it would be read a minute later.
    on_record(&server, 4).await;

    check(&twin, "3", Conclusion::Failure).await;
    let said = says(&server, "halted: 1 pull requests have failing checks, more than 0").await;
    assert!(!said.contains("paused by"), "{said}");
    // A person accepts that one. The gate still waits for it.
    command(&server, &["resume", "greeting"]);
    check(&twin, "4", Conclusion::Success).await;
    says(&server, "wave `rest` waits until 100 % of wave `more` have passed their checks: 1 of 2 so far")
        .await;
    assert_eq!(support::opened(&twin).len(), 4);
    check(&twin, "3", Conclusion::Success).await;
    assert_eq!(opened(&twin, 6).await, ["1", "2", "3", "4", "6", "7"]);
    assert_eq!(api.ended(run).await.state, RunState::Completed);
    assert_eq!(server.stop(), Some(0));
}

const DAY: Duration = Duration::from_secs(86_400 + 60);

fn budget(server: &Server, campaign: &str) -> Budget {
    serde_json::from_str(&command(server, &["budget", campaign, "-o", "json"])).unwrap()
}

/// Waits until so many of a campaign wait and are not being sent; what the budget says then.
async fn waits(server: &Server, campaign: &str, count: usize) -> Budget {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let said = budget(server, campaign);
        if said.items.len() == count && said.items.iter().all(|item| !item.sending) {
            return said;
        }
        assert!(Instant::now() < deadline, "{count} of {campaign} do not wait: {said:#?}");
        breathe().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_says_what_waits_for_what_and_people_set_the_pace() {
    let room = support::room();
    let twin = support::twin(room.path(), 7).await;
    let database = fresh_database().await.unwrap();
    // Two pull requests a day.
    let server = Server::start_daily(&room.path().join("data"), &twin, 2, &database);
    let api = server.api();
    api.apply("greeting", support::SPEC).await;
    let slow = api.create_run("greeting", "one").await.id;
    opened(&twin, 2).await;
    let said = waits(&server, "greeting", 4).await;
    let organization = &said.organizations[0];
    assert_eq!(
        (organization.organization.as_str(), organization.waiting, organization.unforeseen),
        ("acme", 4, 0)
    );
    let day = organization.windows.iter().find(|window| window.counts == "pull_requests").unwrap();
    assert_eq!((day.cap, day.used, day.seconds), (2, 2, 86_400));
    let days = |said: &Budget, nth: usize| {
        (said.items[nth].open_at.unwrap() - said.organizations[0].at).num_seconds() as f64 / 86_400.0
    };
    assert!(said.items.iter().all(|item| item.waits_for == "window"), "{:#?}", said.items);
    assert_eq!(said.items[0].reason, "2 pull requests in the organisation in a day are used up");
    assert!(
        (0.9..1.0).contains(&days(&said, 1)) && (1.9..2.1).contains(&days(&said, 3)),
        "{:#?}",
        said.items
    );
    assert_eq!(said.finished_at, said.items[3].open_at);
    let table = command(&server, &["budget", "greeting"]);
    for words in ["acme", "4 waiting", "2 of 2", "in 23 h", "all open 1 d 23 h from now"] {
        assert!(table.contains(words), "`{words}` is not in:\n{table}");
    }
    assert!(command(&server, &["budget", "--organization", "acme"]).contains("4 waiting"));

    // Somebody urgent goes before them, as the budget says beforehand.
    let urgent = support::SPEC
        .replace("greeting", "urgent")
        .replace("name: urgent\n", "name: urgent\npriority: urgent\n");
    api.apply("urgent", &urgent).await;
    api.create_run("urgent", "two").await;
    let said = waits(&server, "urgent", 6).await;
    assert!(
        (0.9..1.0).contains(&days(&said, 1)) && (2.9..3.1).contains(&days(&said, 5)),
        "{:#?}",
        said.items
    );
    database.move_clock(DAY).await.unwrap();
    waits(&server, "urgent", 4).await;
    assert_eq!(waits(&server, "greeting", 4).await.items.len(), 4);

    command(&server, &["pace", "urgent", "perDay=1"]);
    let said = waits(&server, "urgent", 4).await;
    assert!(
        (0.9..1.0).contains(&days(&said, 0)) && (1.9..2.1).contains(&days(&said, 1)),
        "{:#?}",
        said.items
    );
    assert!(said.items[1].reason.contains("1 pull requests of the campaign in a day"), "{:#?}", said.items);
    let others = budget(&server, "greeting");
    assert!(
        (0.9..1.0).contains(&days(&others, 0)) && (1.9..2.1).contains(&days(&others, 1)),
        "{:#?}",
        others.items
    );
    // Back to what its spec says: the day is its own from now on.
    command(&server, &["pace", "urgent", "perDay=spec"]);
    let said = waits(&server, "urgent", 4).await;
    assert!(
        (0.9..1.0).contains(&days(&said, 1)) && (1.9..2.1).contains(&days(&said, 3)),
        "{:#?}",
        said.items
    );

    // What a pause holds is not foreseen.
    command(&server, &["pause", "greeting"]);
    let said = budget(&server, "greeting");
    assert!(said.items.iter().all(|item| item.waits_for == "resume" && item.open_at.is_none()), "{said:#?}");
    assert!(said.items[0].reason.starts_with("paused by "), "{said:#?}");
    assert!(command(&server, &["budget", "greeting"]).contains("when the 4 will be open cannot be foreseen"));
    assert_eq!(api.run(slow).await.state, RunState::Running);
    assert_eq!(server.stop(), Some(0));
}
