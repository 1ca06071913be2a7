//! Webhooks from end to end: what is missed is asked for again, and what gets lost, comes twice or comes in another
//! order changes nothing about the end.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::{
    Twin,
    hooks::{log::Attempt, loss::Loss},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use support::{Api, Server, breathe, campaigns, finish};

const SECRET: &str = "the secret of these tests";

/// A server that takes the twin's webhooks, as the twin's App.
fn server(data: &Path, twin: &Twin, secret: &Path) -> Server {
    let app = twin.app();
    let (id, key) = (app.id.to_string(), app.private_key_file);
    let flags = [
        "--webhook-secret-file",
        secret.to_str().unwrap(),
        "--app-id",
        &id,
        "--app-key-file",
        key.to_str().unwrap(),
    ];
    let server = Server::start_with(data, twin, &flags);
    twin.send_webhooks(&format!("{}/webhooks/github", server.url), SECRET).unwrap();
    server
}

fn secret(room: &Path) -> PathBuf {
    let file = room.join("webhook-secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    file
}

async fn published(server: &Server) -> Api {
    let api = server.api();
    api.apply("greeting", support::SPEC).await;
    let run = api.create_run("greeting", "one").await;
    api.ended(run.id).await;
    api
}

async fn states(api: &Api) -> BTreeMap<String, String> {
    let changesets = api.changesets("greeting").await;
    changesets.into_iter().map(|each| (each.repository, each.state.as_str().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_while_the_server_was_away_is_asked_for_again() {
    let room = support::room();
    let (twin, secret) = (support::twin(room.path(), 2).await, secret(room.path()));
    let data = room.path().join("data");
    let server = server(&data, &twin, &secret);
    published(&server).await;
    twin.webhooks_settled().await;
    let attempts = || twin.world().hooks.log.shown(twin.world().clock.now(), None);
    assert!(
        !attempts().is_empty() && attempts().iter().all(|attempt| attempt.status_code == 202),
        "{:?}",
        attempts()
    );
    assert_eq!(server.stop(), Some(0));
    twin.merge("service-001", 1).await.unwrap();
    twin.webhooks_settled().await;
    let missed =
        attempts().into_iter().filter(|attempt| !attempt.succeeded() && attempt.event == "pull_request");
    let missed: Vec<String> = missed.map(|attempt| attempt.guid).collect();
    assert_eq!(missed.len(), 1);
    let server = self::server(&data, &twin, &secret);
    // Longer than it takes to be looked for once more.
    let deadline = Instant::now() + Duration::from_secs(300);
    let again =
        |attempt: &Attempt| attempt.redelivery && attempt.succeeded() && missed.contains(&attempt.guid);
    while !attempts().iter().any(again) {
        assert!(Instant::now() < deadline, "what failed was not asked for again");
        breathe().await;
    }
    let operations: Vec<String> = twin.log().unwrap().into_iter().map(|entry| entry.operation).collect();
    assert!(operations.iter().any(|operation| operation == "apps/list-installations"), "{operations:?}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_doubled_and_shuffled_they_end_as_reading_alone_does() {
    let room = support::room();
    let (twin, secret) = (support::twin(room.path(), 10).await, secret(room.path()));
    twin.lose_webhooks(Loss { seed: 20, lost: 0.2, doubled: 0.2, shuffled: 0.5, ..Loss::default() });
    let server = server(&room.path().join("data"), &twin, &secret);
    let api = published(&server).await;
    for name in ["service-001", "service-002", "service-003"] {
        twin.merge(name, 1).await.unwrap();
    }
    for name in ["service-004", "service-006"] {
        twin.close(name, 1).await.unwrap();
    }
    twin.push("service-007", "campaigns/greeting", &[("README.md", Some(b"By hand.\n"))]).await.unwrap();
    twin.webhooks_settled().await;
    let sync = || {
        let mut command = campaigns();
        command.args(["sync", "greeting", "--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token);
        let (code, _, err) = finish(&mut command);
        assert_eq!(code, Some(0), "{err}");
    };
    // Reading everything afresh adds what the lost ones would have told, and takes nothing back.
    sync();
    let ended = states(&api).await;
    let wanted = [
        ("service-001", "merged"),
        ("service-002", "merged"),
        ("service-003", "merged"),
        ("service-004", "closed"),
        ("service-006", "closed"),
        ("service-007", "handed_over"),
        ("service-008", "open"),
        ("service-009", "open"),
    ];
    let wanted: BTreeMap<String, String> =
        wanted.into_iter().map(|(name, state)| (format!("acme/{name}"), state.to_owned())).collect();
    assert_eq!(ended, wanted);
    assert_eq!(server.stop(), Some(0));
}
