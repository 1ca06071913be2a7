//! Pull requests that live: the base moves into a conflict, people push, edit and convert, and the next version of
//! the spec comes. A conflict is gone afterwards, and nothing of anybody else's is touched.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::Twin;
use serde_json::{Value, json};
use support::{Server, campaigns, finish};

/// Speaks to the twin as a person with a token would.
async fn as_person(twin: &Twin, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
    let request = reqwest::Client::new()
        .request(method, format!("{}{path}", twin.url()))
        .header("user-agent", "a person")
        .bearer_auth(twin.token());
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

async fn pull(twin: &Twin, name: &str) -> Value {
    as_person(twin, reqwest::Method::GET, &format!("/repos/acme/{name}/pulls/1"), None).await
}

/// The spec, whose base branches are answered by people alone.
fn by_hand() -> String {
    format!("{}policy:\n  rebase: never\n", support::SPEC)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_becomes_clean_and_what_people_did_stays() {
    let room = support::room();
    let twin = support::twin(room.path(), 5).await;
    let server = Server::start(&room.path().join("data"), &twin);
    let command = |words: &[&str]| {
        let mut command = campaigns();
        command.args(words).args(["-o", "json", "--server", &server.url]);
        command.env("CAMPAIGNS_TOKEN", &server.token);
        command
    };
    let spec = room.path().join("spec.yaml");
    let apply = |text: String, expected: i32| {
        std::fs::write(&spec, text).unwrap();
        let (code, out, err) = finish(&mut command(&["apply", "-f", spec.to_str().unwrap()]));
        assert_eq!(code, Some(expected), "{err}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    assert_eq!(apply(by_hand(), 0)["pull_requests_open"], json!(4));
    let first = pull(&twin, "service-001").await;
    assert_eq!(first["mergeable_state"], "clean", "{first}");

    // Somebody changes the same line in the base: the pull request is in conflict.
    let theirs: &[u8] = b"# service-001\n\nQuite another ending.\n";
    twin.push("service-001", "main", &[("README.md", Some(theirs))]).await.unwrap();
    assert_eq!(pull(&twin, "service-001").await["mergeable_state"], "dirty");
    // Somebody pushes to our branch, and somebody else edits the title.
    let mine: &[u8] = b"mine\n";
    let pushed = twin.push("service-002", "campaigns/greeting", &[("mine.txt", Some(mine))]).await.unwrap();
    let title = Some(json!({"title": "A better title"}));
    as_person(&twin, reqwest::Method::PATCH, "/repos/acme/service-003/pulls/1", title).await;
    let edited = pull(&twin, "service-003").await;
    // And somebody presses "Update branch".
    twin.push("service-004", "main", &[("theirs.txt", Some(theirs))]).await.unwrap();
    let pressed = twin.as_maintainer(|person| person.press_update_branch("service-004", 1)).await.unwrap();
    let (code, out, err) = finish(&mut command(&["sync", "greeting"]));
    assert_eq!(code, Some(0), "{err}");
    let state = |name: &str| {
        let all: Value = serde_json::from_str(&out).unwrap();
        let all = all.as_array().unwrap();
        all.iter().find(|each| each["repository"] == name).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state("acme/service-002"), "handed_over");
    assert_eq!(state("acme/service-003"), "handed_over");
    assert_eq!(state("acme/service-004"), "open", "the button is no human's hand");

    // Two of them want a person.
    apply(by_hand().replace("Hello from a campaign.", "Hello again."), 3);
    let clean = pull(&twin, "service-001").await;
    assert_eq!(clean["mergeable_state"], "clean", "the conflict is gone: {clean}");
    assert_eq!(clean["number"], first["number"]);
    let head = clean["head"]["sha"].as_str().unwrap();
    let commit_of = async |name: &str, sha: &str| {
        as_person(&twin, reqwest::Method::GET, &format!("/repos/acme/{name}/commits/{sha}"), None).await
    };
    let commit = commit_of("service-001", head).await;
    assert_eq!(commit["parents"][0]["sha"], first["head"]["sha"], "appended to our own head: {commit}");
    assert_eq!(commit["parents"][1]["sha"], clean["base"]["sha"], "and a merge of the base: {commit}");
    assert_eq!(clean["changed_files"], 1, "the base's own changes are not shown as ours");
    assert_eq!(pull(&twin, "service-002").await["head"]["sha"], json!(pushed));
    let kept = pull(&twin, "service-003").await;
    assert_eq!((&kept["title"], &kept["head"]["sha"]), (&edited["title"], &edited["head"]["sha"]));

    let built_on = pull(&twin, "service-004").await;
    let head = built_on["head"]["sha"].as_str().unwrap();
    let commit = commit_of("service-004", head).await;
    assert_eq!(commit["parents"].as_array().unwrap().len(), 1, "{commit}");
    assert_eq!(commit["parents"][0]["sha"], json!(pressed), "appended to the button's merge");
    assert_eq!(built_on["changed_files"], 1, "what the base changed stays: {built_on}");

    let (code, out, err) = finish(&mut command(&["status", "greeting"]));
    assert_eq!(code, Some(0), "{err}");
    for reason in ["somebody pushed to", "edited the pull request's title"] {
        assert!(out.contains(reason), "the status says why: {out}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_gone_after_a_rebase() {
    let room = support::room();
    let twin = support::twin(room.path(), 3).await;
    let server = Server::start(&room.path().join("data"), &twin);
    let run = |words: &[&str]| {
        let mut command = campaigns();
        command.args(words).args(["-o", "json", "--server", &server.url]);
        command.env("CAMPAIGNS_TOKEN", &server.token);
        let (code, out, err) = finish(&mut command);
        assert_eq!(code, Some(0), "{words:?}: {err}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let spec = room.path().join("spec.yaml");
    std::fs::write(&spec, by_hand()).unwrap();
    run(&["apply", "-f", spec.to_str().unwrap()]);
    let first = pull(&twin, "service-001").await;
    let theirs: &[u8] = b"# service-001\n\nQuite another ending.\n";
    let base = twin.push("service-001", "main", &[("README.md", Some(theirs))]).await.unwrap();
    run(&["sync", "greeting"]);

    let asked = run(&["rebase", "greeting", "--state", "conflicted", "--yes"]);
    assert_eq!(asked["covers"], json!(1), "{asked}");
    let again = server.api().ended(asked["run_id"].as_str().unwrap().parse().unwrap()).await;
    assert!(again.rebase && again.retries == 1, "{again:?}");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    let clean = loop {
        let now = pull(&twin, "service-001").await;
        if now["mergeable_state"] == "clean" {
            break now;
        }
        assert!(std::time::Instant::now() < deadline, "the conflict stays: {now}");
        support::breathe().await;
    };
    assert_eq!((&clean["number"], &clean["mergeable"]), (&first["number"], &json!(true)));
    let head = clean["head"]["sha"].as_str().unwrap();
    let path = format!("/repos/acme/service-001/commits/{head}");
    let commit = as_person(&twin, reqwest::Method::GET, &path, None).await;
    assert_eq!(commit["parents"][0]["sha"], first["head"]["sha"], "{commit}");
    assert_eq!(commit["parents"][1]["sha"], json!(base), "a merge of the base as it is now: {commit}");
    assert_eq!(clean["changed_files"], 1, "{clean}");

    // The campaign still shows everything, although its latest run was of one.
    run(&["sync", "greeting"]);
    let status = run(&["status", "greeting"]);
    let all = status["changesets"].as_array().unwrap();
    assert_eq!(all.len(), status["targets"].as_array().unwrap().len(), "{status}");
    assert!(all.iter().all(|each| each["state"] == "open"), "{status}");
    let one = all.iter().find(|each| each["repository"] == "acme/service-001").unwrap();
    let diff =
        server.api().get(&format!("/changesets/{}/diff", one["id"].as_str().unwrap())).await.to_string();
    assert!(diff.contains("Quite another ending."), "the diff is the one on the new base: {diff}");
    assert_eq!(server.stop(), Some(0));
}
