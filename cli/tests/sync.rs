//! Following pull requests: what a maintainer does at the code host shows after `campaigns sync`.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::{Effect, Fault};
use serde_json::Value;
use support::{Server, campaigns, finish};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_and_a_close_show_after_sync() {
    let room = support::room();
    let twin = support::twin(room.path(), 5).await;
    let data = room.path().join("data");
    let server = Server::start(&data, &twin);
    let command = |words: &[&str]| {
        let mut command = campaigns();
        command
            .args(words)
            .args(["-o", "json", "--server", &server.url])
            .env("CAMPAIGNS_TOKEN", &server.token);
        command
    };
    let spec = room.path().join("spec.yaml");
    std::fs::write(&spec, support::SPEC).unwrap();
    let (code, out, err) = finish(&mut command(&["apply", "-f", spec.to_str().unwrap()]));
    assert_eq!(code, Some(0), "{err}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["pull_requests_open"], Value::from(4), "{summary}");

    twin.merge("service-001", 1).await.unwrap();
    twin.close("service-002", 1).await.unwrap();
    let (code, out, err) = finish(&mut command(&["sync", "greeting"]));
    assert_eq!(code, Some(0), "{err}");
    let changesets: Value = serde_json::from_str(&out).unwrap();
    let state = |name: &str| {
        let all = changesets.as_array().unwrap();
        all.iter().find(|each| each["repository"] == name).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state("acme/service-001"), "merged");
    assert_eq!(state("acme/service-002"), "closed");
    assert_eq!(state("acme/service-003"), "open");

    // What could not be read is said, and the exit code tells.
    let unread = Effect::Refuse { status: 422, message: Some("Not now".to_owned()), retry_after: None };
    twin.faults().add(Fault::on("graphql", unread));
    let (code, out, err) = finish(&mut command(&["sync", "greeting"]));
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("some not read:") && err.contains("acme/service-003  "), "{err}");
    assert!(out.contains("acme/service-003"), "where they stood last is shown all the same: {out}");
    twin.faults().clear();

    let (code, out, err) = finish(&mut command(&["diff", "greeting", "service-003"]));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("+Hello from a campaign."), "{out}");
    let (code, out, _) = finish(&mut command(&["status", "greeting"]));
    assert_eq!(code, Some(0));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["targets"].as_array().unwrap().len(), 5);
    let (code, out, _) = finish(&mut command(&["logs", "greeting", "service-003"]));
    assert_eq!(code, Some(0));
    assert!(serde_json::from_str::<Value>(&out).is_ok());
    assert_eq!(server.stop(), Some(0));
}
