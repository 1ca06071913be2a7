//! The real git client against the twin: clone, push, modes, protocol versions, refusals, and what a push means
//! for a pull request.

use crate::desk::{Desk, git};
use serde_json::json;
use std::path::Path;
use std::process::Command;

fn remote(desk: &Desk, token: &str, name: &str) -> String {
    desk.twin.url().replace("http://", &format!("http://x-access-token:{token}@"))
        + &format!("/acme/{name}.git")
}

/// Runs git where it may fail; true when it did not.
fn succeeds(folder: &Path, arguments: &[&str]) -> bool {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap();
    output.status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn clones_and_pushes() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let folder = desk.folder.path().to_owned();
    let url = remote(&desk, &desk.token, "one");
    for version in ["0", "1", "2"] {
        let into = format!("v{version}");
        git(&folder, &["-c", &format!("protocol.version={version}"), "clone", "-q", &url, &into]);
        let listing = git(&folder.join(&into), &["ls-tree", "-r", "HEAD"]);
        let modes: Vec<&str> = listing.lines().map(|line| &line[..6]).collect();
        assert_eq!(modes, ["100644", "120000", "100755", "100644"]);
    }
    git(&folder, &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let clone = folder.join("v2");
    git(&clone, &["checkout", "-q", "-b", "fix"]);
    // Larger than git sends unzipped, so that gzip request bodies are met.
    let branches: Vec<String> = (0..60).map(|number| format!("HEAD:refs/heads/many/{number}")).collect();
    std::fs::write(clone.join("big.txt"), "line\n".repeat(100_000)).unwrap();
    git(&clone, &["add", "."]);
    git(&clone, &["commit", "-q", "-m", "One"]);
    let mut arguments = vec!["push", "-q", "origin", "fix"];
    arguments.extend(branches.iter().map(String::as_str));
    git(&clone, &arguments);
    let body = json!({"title": "Fix", "head": "fix", "base": "main"});
    desk.post("/repos/acme/one/pulls", body).await.expect(201);

    std::fs::write(clone.join("more.txt"), "more\n").unwrap();
    git(&clone, &["add", "."]);
    git(&clone, &["commit", "-q", "-m", "Two"]);
    git(&clone, &["push", "-q", "origin", "fix"]);
    let pull = desk.get("/repos/acme/one/pulls/1").await.expect(200).json();
    assert_eq!(pull["head"]["sha"], git(&clone, &["rev-parse", "HEAD"]).trim());
    assert_eq!(pull["commits"], 2);
    git(&clone, &["fetch", "-q", "origin", "refs/pull/1/head"]);
    assert_eq!(git(&clone, &["rev-parse", "FETCH_HEAD"]), git(&clone, &["rev-parse", "HEAD"]));
    assert!(
        !succeeds(&clone, &["push", "-q", "origin", "HEAD:refs/pull/1/head"]),
        "pull refs are not pushed to"
    );

    git(&clone, &["push", "-q", "origin", "fix:main"]);
    let pull = desk.get("/repos/acme/one/pulls/1").await.expect(200).json();
    assert_eq!((pull["merged"].as_bool(), pull["state"].as_str()), (Some(true), Some("closed")));
    git(&clone, &["push", "-q", "origin", ":fix"]);
    let log = desk.twin.log().unwrap();
    assert!(log.iter().any(|entry| entry.operation == "git/receive-pack" && entry.content_creating));
    desk.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn lets_in_whom_it_should() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.twin.repository("open").public().file("a", "b").create().await.unwrap();
    let folder = desk.folder.path().to_owned();
    let anonymous = format!("{}/acme/one.git", desk.twin.url());
    assert!(!succeeds(&folder, &["ls-remote", &anonymous]));
    let advertisement = format!("{anonymous}/info/refs?service=git-upload-pack");
    let answer = desk.client.get(advertisement).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"GitHub\"");
    assert!(succeeds(&folder, &["ls-remote", &format!("{}/acme/open", desk.twin.url())]));
    assert!(!succeeds(&folder, &["ls-remote", &remote(&desk, "ghp_wrong", "one")]));
    assert!(!succeeds(&folder, &["ls-remote", &remote(&desk, &desk.token, "none")]));
    let reader = desk.installation_token(json!({"permissions": {"contents": "read"}})).await;
    git(&folder, &["clone", "-q", &remote(&desk, &reader, "one"), "read"]);
    assert!(!succeeds(&folder.join("read"), &["push", "-q", "origin", "HEAD:refs/heads/x"]));
    let narrowed = desk.installation_token(json!({"repositories": ["open"]})).await;
    assert!(!succeeds(&folder, &["ls-remote", &remote(&desk, &narrowed, "one")]));
    let writer = desk.installation_token(json!({})).await;
    git(&folder.join("read"), &["push", "-q", &remote(&desk, &writer, "one"), "HEAD:refs/heads/x"]);
    assert!(!desk.tip("one", "x").await.is_empty());
}
