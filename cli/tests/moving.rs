//! Base branches that move under open pull requests, answered by the server itself: what conflicts or was changed
//! there too is carried out again, through a kill in the middle; everything else is left alone.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::Twin;
use campaigns_wire::{Page, Run};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{SPEC, Server, breathe, campaigns, finish};

/// Reads the twin's API as a person with a token would.
async fn read(twin: &Twin, path: &str) -> Value {
    let request = reqwest::Client::new().get(format!("{}{path}", twin.url()));
    let answer = request.header("user-agent", "a person").bearer_auth(twin.token()).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

async fn pull(twin: &Twin, name: &str) -> Value {
    read(twin, &format!("/repos/acme/{name}/pulls/1")).await
}

async fn parents(twin: &Twin, name: &str, pull: &Value) -> Vec<Value> {
    let head = pull["head"]["sha"].as_str().unwrap();
    let commit = read(twin, &format!("/repos/acme/{name}/commits/{head}")).await;
    commit["parents"].as_array().unwrap().iter().map(|parent| parent["sha"].clone()).collect()
}

/// Runs the program against a server, and gives what it prints.
fn run(server: &Server, words: &[&str]) -> Value {
    let mut command = campaigns();
    command.args(words).args(["-o", "json", "--server", &server.url]);
    let (code, out, err) = finish(command.env("CAMPAIGNS_TOKEN", &server.token));
    assert_eq!(code, Some(0), "{words:?}: {err}");
    serde_json::from_str(&out).unwrap_or_default()
}

fn apply(server: &Server, folder: &std::path::Path, spec: &str) {
    let file = folder.join("spec.yaml");
    std::fs::write(&file, spec).unwrap();
    run(server, &["apply", "-f", file.to_str().unwrap()]);
}

async fn runs(server: &Server) -> Vec<Run> {
    let page = server.api().get("/campaigns/greeting/runs").await;
    serde_json::from_value::<Page<Run>>(page).unwrap().items
}

/// A text that is long enough for two people to change it in different places.
fn long(first: &str) -> String {
    format!("# {first}\n\n{}", "A line.\n".repeat(12))
}

async fn push(twin: &Twin, name: &str, branch: &str, path: &str, text: &str) -> String {
    twin.push(name, branch, &[(path, Some(text.as_bytes()))]).await.unwrap()
}

/// Waits until the twin shows a pull request as this says.
async fn until(twin: &Twin, name: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let now = pull(twin, name).await;
        if is(&now) {
            return now;
        }
        assert!(Instant::now() < deadline, "{name} does not come to it: {now}");
        breathe().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_that_moved_over_our_files_is_answered_by_itself() {
    let room = support::room();
    let twin = support::twin(room.path(), 4).await;
    let data = room.path().join("data");
    push(&twin, "service-002", "main", "README.md", &long("service-002")).await;
    let server = Server::start(&data, &twin);
    apply(&server, room.path(), SPEC);
    let mut before = vec![];
    for name in ["service-001", "service-002", "service-003", "service-004"] {
        before.push(pull(&twin, name).await);
    }

    // Elsewhere; the same file in another place; the same lines; and where somebody has pushed to our branch.
    push(&twin, "service-001", "main", "theirs.txt", "theirs\n").await;
    let touched = push(&twin, "service-002", "main", "README.md", &long("Another title")).await;
    let conflict =
        push(&twin, "service-003", "main", "README.md", "# service-003\n\nAnother ending.\n").await;
    let mine = push(&twin, "service-004", "campaigns/greeting", "mine.txt", "mine\n").await;
    push(&twin, "service-004", "main", "README.md", "# service-004\n\nAnother ending.\n").await;
    assert_eq!(pull(&twin, "service-002").await["mergeable"], json!(true), "git can merge it");
    assert_eq!(pull(&twin, "service-003").await["mergeable_state"], "dirty");
    run(&server, &["sync", "greeting"]);
    // Whatever it has begun by now, another process ends.
    server.kill();
    let server = Server::start(&data, &twin);

    for (nth, name, base) in [(1, "service-002", &touched), (2, "service-003", &conflict)] {
        let old = &before[nth]["head"]["sha"];
        let now = until(&twin, name, |pull| pull["head"]["sha"] != *old).await;
        assert_eq!((&now["mergeable"], &now["mergeable_state"]), (&json!(true), &json!("clean")), "{now}");
        assert_eq!(
            parents(&twin, name, &now).await,
            [old.clone(), json!(base)],
            "our head, and the new base"
        );
        assert_eq!(now["changed_files"], 1, "the base's own changes are not shown as ours: {now}");
        assert_eq!(now["number"], before[nth]["number"]);
    }
    // What the twin shows is on record once the runs have ended.
    for again in runs(&server).await.iter().filter(|run| run.rebase) {
        server.api().ended(again.id).await;
    }
    // Once its result is there, it is not done again; and nothing of the others was touched.
    run(&server, &["sync", "greeting"]);
    let status = run(&server, &["status", "greeting"]);
    let all = status["changesets"].as_array().unwrap();
    let of = |name: &str| all.iter().find(|one| one["repository"] == format!("acme/{name}")).unwrap();
    for name in ["service-001", "service-002", "service-003"] {
        assert_eq!((&of(name)["state"], &of(name)["why"]), (&json!("open"), &json!("")), "{status}");
    }
    assert_eq!(of("service-004")["state"], "handed_over", "{status}");
    assert_eq!(pull(&twin, "service-001").await["head"]["sha"], before[0]["head"]["sha"]);
    assert_eq!(pull(&twin, "service-004").await["head"]["sha"], json!(mine));
    let runs = runs(&server).await;
    let again = runs.iter().filter(|run| run.rebase);
    assert_eq!(again.map(|run| run.retries).sum::<u32>(), 2, "each of the two once: {runs:?}");
    // Beside the campaign's own run, which is still the one that is shown and followed.
    let own = runs.iter().find(|run| !run.rebase).unwrap();
    assert_eq!(status["run"]["id"], json!(own.id), "{status}");
    assert_eq!(status["campaign"]["latest_run"], json!(own.id), "{status}");
    assert!(support::opened(&twin).values().all(|count| *count == 1));
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_people_want_to_answer_it_themselves_it_is_only_told() {
    let room = support::room();
    let twin = support::twin(room.path(), 2).await;
    push(&twin, "service-001", "main", "README.md", &long("service-001")).await;
    let server = Server::start(&room.path().join("data"), &twin);
    apply(&server, room.path(), &format!("{SPEC}policy:\n  rebase: never\n"));
    let before = pull(&twin, "service-001").await;
    push(&twin, "service-001", "main", "README.md", &long("Another title")).await;
    run(&server, &["sync", "greeting"]);
    run(&server, &["sync", "greeting"]);
    let status = run(&server, &["status", "greeting"]);
    let all = status["changesets"].as_array().unwrap();
    let why = |name: &str| {
        let one = all.iter().find(|one| one["repository"] == format!("acme/{name}")).unwrap();
        one["why"].as_str().unwrap().to_owned()
    };
    assert!(why("service-001").contains("the base branch has moved since"), "{status}");
    assert_eq!(why("service-002"), "", "{status}");
    let runs = runs(&server).await;
    assert_eq!(runs.len(), 1, "nothing was begun: {runs:?}");
    assert_eq!(pull(&twin, "service-001").await["head"]["sha"], before["head"]["sha"]);
    assert!(
        twin.log().unwrap().iter().all(|entry| entry.operation != "repos/compare-commits-with-basehead"),
        "nor compared"
    );
    assert_eq!(server.stop(), Some(0));
}
