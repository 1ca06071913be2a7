//! Rollouts from end to end: waves follow what the checks of the code host say, and people set the pace.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::{Conclusion, Twin};
use campaigns_wire::RunState;
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
