//! What a user sees who gives bad input: what happened, to what, and what to do, with an exit code that says which
//! kind of end it was; and nothing that was recorded is lost.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::{Options, Twin};
use serde_json::Value;
use std::path::Path;
use support::{campaigns, finish};

fn spec(on: &str, step: &str) -> String {
    format!(
        "name: bad\non:\n{on}steps:\n  - run: |\n      {step}\nchangesetTemplate:\n  title: Bad\n  branch: campaigns/bad\n  \
         commit: {{message: Bad}}\n  published: true\n"
    )
}

fn validate(text: &str) -> (Option<i32>, String) {
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("spec.yaml");
    std::fs::write(&file, text).unwrap();
    let (code, _, err) = finish(campaigns().args(["validate", "-f"]).arg(&file));
    (code, err)
}

fn run(room: &Path, twin: &Twin, text: &str) -> (Option<i32>, String, String) {
    let file = room.join("spec.yaml");
    std::fs::write(&file, text).unwrap();
    let mut command = campaigns();
    command.args(["run", "--unlimited", "-o", "json", "--github-url", &twin.url(), "-f"]).arg(file);
    finish(command.arg("--data").arg(room.join("data")).env("GITHUB_TOKEN", twin.token()))
}

async fn one_repository() -> Twin {
    let twin = Twin::start(Options::default()).await.unwrap();
    twin.repository("one").file("README.md", "# One\n").create().await.unwrap();
    twin
}

#[test]
fn a_spec_that_cannot_be_read_is_refused_with_its_line() {
    for (text, place, words) in [
        ("name: [unclosed\n", "spec.yaml:", "name"),
        ("name: x\nstepz: []\n", "spec.yaml:2:1", "stepz"),
        ("name: x\nname: y\n", "spec.yaml:2:1", "name"),
        ("name: not a name!\n", "spec.yaml:1:7", "name"),
    ] {
        let (code, err) = validate(text);
        assert_eq!(code, Some(1), "{text:?}: {err}");
        assert!(err.contains(place), "{text:?}: {err}");
        assert!(err.contains(words), "{text:?}: {err}");
    }
}

#[test]
fn a_file_that_is_not_there_and_a_word_that_is_not_known() {
    let (code, _, err) = finish(campaigns().args(["validate", "-f", "/nowhere/spec.yaml"]));
    assert_eq!(code, Some(1));
    assert!(err.contains("/nowhere/spec.yaml"), "{err}");
    assert_eq!(finish(campaigns().arg("frobnicate")).0, Some(2));
    assert_eq!(finish(campaigns().args(["run", "-f"])).0, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_does_not_exist_is_named_and_the_rest_is_done() {
    let room = support::room();
    let twin = one_repository().await;
    let on = "  - repository: acme/one\n  - repository: acme/ghost\n";
    let (code, out, err) = run(room.path(), &twin, &spec(on, "echo more >> README.md"));
    assert_eq!(code, Some(3), "{err}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["pull_requests_open"], Value::from(1), "{summary}");
    let missing = summary["missing"].as_array().unwrap();
    assert_eq!(missing, &[Value::from("acme/ghost")], "{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_fails_writes_too_much_or_leaves_the_repository_fails_its_target() {
    for (step, words) in [
        ("echo broken >&2; exit 7", "7"),
        ("mkdir -p .git/hooks && echo evil > .git/hooks/pre-commit", "git"),
        ("ln -s /etc/passwd out && mkfifo pipe", "pipe"),
        ("head -c 60000000 /dev/urandom > big.bin", "50"),
    ] {
        let room = support::room();
        let twin = one_repository().await;
        let (code, out, err) = run(room.path(), &twin, &spec("  - repository: acme/one\n", step));
        assert_eq!(code, Some(3), "{step}: {err}");
        let summary: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(summary["failed"], Value::from(1), "{step}: {summary}");
        assert!(err.contains("acme/one") && err.contains(words), "{step}: {err}");
        assert!(support::opened(&twin).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_step_wrote_is_shown_without_a_server_to_ask() {
    let room = support::room();
    let twin = one_repository().await;
    let file = room.path().join("spec.yaml");
    let step = "seq 30; printf 'no \\033[2Jlicence\\n' >&2; exit 7";
    std::fs::write(&file, spec("  - repository: acme/one\n", step)).unwrap();
    let mut command = campaigns();
    command.args(["run", "--unlimited", "--github-url", &twin.url(), "-f"]).arg(file);
    let (code, out, err) =
        finish(command.arg("--data").arg(room.path().join("data")).env("GITHUB_TOKEN", twin.token()));
    assert_eq!(code, Some(3), "{err}");
    let end = out.split_once("  acme/one wrote at last:\n").unwrap_or_else(|| panic!("{out}")).1;
    assert!(end.contains("    30\n") && end.contains("    no ␛[2Jlicence\n"), "{out}");
    assert!(!end.contains("    5\n") && end.lines().count() <= 10, "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_cannot_write_outside_its_sandbox() {
    let room = support::room();
    let twin = one_repository().await;
    let outside = room.path().join("outside");
    let step = format!("echo x > {} || echo refused >> README.md", outside.display());
    let (code, out, err) = run(room.path(), &twin, &spec("  - repository: acme/one\n", &step));
    assert_eq!(code, Some(0), "{err}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["changed"], Value::from(1), "{summary}");
    assert!(!outside.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_and_a_folder_of_another_version_are_said_plainly() {
    let room = support::room();
    let twin = one_repository().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let serve = |data: &Path, listen: &str| {
        let mut command = campaigns();
        command.args(["serve", "--listen", listen, "--github-url", &twin.url(), "--data"]).arg(data);
        finish(command.env("GITHUB_TOKEN", twin.token()))
    };
    let (code, _, err) = serve(&room.path().join("data"), &address);
    assert_eq!(code, Some(1));
    assert!(err.contains(&address) && err.contains("--listen"), "{err}");

    let old = room.path().join("old");
    std::fs::create_dir(&old).unwrap();
    std::fs::write(old.join("VERSION"), "99\n").unwrap();
    let (code, _, err) = serve(&old, "127.0.0.1:0");
    assert_eq!(code, Some(1));
    assert!(err.contains("99") && err.contains("--data"), "{err}");
    assert_eq!(std::fs::read_to_string(old.join("VERSION")).unwrap(), "99\n");
}

#[test]
fn without_a_token_it_says_where_one_is_looked_for() {
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("spec.yaml");
    std::fs::write(&file, support::SPEC).unwrap();
    let (code, _, err) = finish(campaigns().args(["run", "-f"]).arg(&file).env_remove("GITHUB_TOKEN"));
    assert_eq!(code, Some(1));
    assert!(err.contains("GITHUB_TOKEN") && err.contains("--token-file"), "{err}");
}
