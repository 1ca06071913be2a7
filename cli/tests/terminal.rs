//! What somebody sees who works with a server from a terminal and from scripts: pipes that close, a wrong token, Ctrl-C,
//! names that are no names, and what was left out, whole and in short.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, pipe},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use support::{SPEC, Server, campaigns, finish};

/// A command against the server.
fn asking(server: &Server, words: &[&str]) -> Command {
    let mut command = campaigns();
    command.args(words).env("CAMPAIGNS_SERVER", &server.url).env("CAMPAIGNS_TOKEN", &server.token);
    command
}

/// Its exit code and what it says where nobody reads its standard output.
fn unread(mut command: Command) -> (Option<i32>, String) {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_followed_from_a_terminal_and_from_scripts() {
    let room = support::room();
    let twin = support::twin(room.path(), 10).await;
    let server = Server::start(&room.path().join("data"), &twin);
    let spec = room.path().join("spec.yaml");
    let text = SPEC.replace("  - organization: acme", "  - organization: acme\n    include: [\"*-00[1-4]\"]");
    std::fs::write(&spec, &text).unwrap();
    let apply = ["apply", "-f", spec.to_str().unwrap()];
    let (code, _, err) = finish(&mut asking(&server, &apply));
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("opened http"), "{err}");

    // Once more: what is open is not said to be opened.
    let (code, _, err) = finish(&mut asking(&server, &apply));
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("up to date http") && !err.contains("opened"), "{err}");

    // Six were left out for one reason: one line, and each where that is asked for.
    let (_, out, err) = finish(&mut asking(&server, &["status", "greeting"]));
    assert_eq!(out.lines().count(), 5, "{out}");
    assert!(out.lines().last().unwrap().starts_with("skipped  6 repositories"), "{out}");
    // Which of the two it is hangs on how long all of this takes.
    let read = out.contains("next read in") || out.contains("is read now");
    assert!(err.contains("--state skipped") && read, "{out}{err}");
    let (_, out, _) = finish(&mut asking(&server, &["status", "greeting", "--state", "skipped"]));
    assert_eq!(out.lines().count(), 6, "{out}");
    let (code, out, err) = finish(&mut asking(&server, &["status", "greeting", "--state", "failed"]));
    assert_eq!((code, out.as_str()), (Some(0), ""));
    assert!(err.contains("nothing of it is as asked for"), "{err}");
    let (code, _, err) = finish(&mut asking(&server, &["logs", "greeting", "service-009"]));
    assert_eq!(code, Some(1));
    assert!(err.contains("acme/service-009 has no log: left out"), "{err}");

    // A diff of several says whose each is, where it is read; that of one is a patch and nothing else.
    let (_, out, _) = finish(&mut asking(&server, &["diff", "greeting"]));
    assert_eq!(out.lines().filter(|line| line.starts_with("acme/service-00")).count(), 4, "{out}");
    let (_, out, err) = finish(&mut asking(&server, &["diff", "greeting", "service-001"]));
    assert!(out.starts_with("diff --git ") && err.contains("acme/service-001"), "{out}{err}");

    let (_, out, err) = finish(&mut asking(&server, &["spec", "greeting"]));
    assert_eq!(out, text, "{err}");
    assert!(err.contains("version 1 of 1, applied by"), "{err}");
    let (code, _, err) = finish(&mut asking(&server, &["spec", "greeting", "7"]));
    assert_eq!(code, Some(1));
    assert!(err.contains("versions 1 to 1, and none is 7"), "{err}");
    let (_, out, _) = finish(&mut asking(&server, &["runs", "greeting", "-o", "json"]));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap().as_array().unwrap().len(), 2, "{out}");

    // Whoever has heard enough has had no failure, and hears of none.
    for words in [
        &["status", "greeting"][..],
        &["diff", "greeting"],
        &["status", "-o", "json"],
        &["completions", "bash"],
    ] {
        let (code, err) = unread(asking(&server, words));
        assert_eq!(code, Some(0), "{words:?}: {err}");
        assert!(!err.contains("pipe") && !err.contains("panicked"), "{words:?}: {err}");
    }
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let nobody_hears = asking(&server, &["status", "ghost"]).stderr(writer).status().unwrap();
    assert_eq!(nobody_hears.code(), Some(1));

    let (code, _, err) = finish(asking(&server, &["status"]).env("CAMPAIGNS_TOKEN", "wrong"));
    assert_eq!(code, Some(1));
    let says = format!("the server at {} does not accept the API token in CAMPAIGNS_TOKEN", server.url);
    assert!(err.contains(&says), "{err}");

    looks_behind_a_retry(&server, &text, &spec);
    follows_and_leaves(&server, &text, &spec);
}

/// What was not tried again is still shown by what has a run of its own.
fn looks_behind_a_retry(server: &Server, text: &str, spec: &std::path::Path) {
    let fails = "case ${{ repository.name }} in *-002) exit 7;; esac; echo 'Hello";
    std::fs::write(spec, text.replace("greeting", "partly").replace("echo 'Hello", fails)).unwrap();
    let (code, out, err) = finish(&mut asking(server, &["apply", "-f", spec.to_str().unwrap()]));
    assert_eq!(code, Some(3), "{err}");
    assert!(out.contains("acme/service-002 wrote at last:") && out.contains("exit code 7"), "{out}");
    let (code, _, err) = finish(&mut asking(server, &["retry", "partly", "--yes"]));
    assert_eq!(code, Some(0), "{err}");
    let (_, out, _) = finish(&mut asking(server, &["diff", "partly"]));
    assert_eq!(out.lines().filter(|line| line.starts_with("acme/service-00")).count(), 3, "{out}");
    let (code, out, err) = finish(&mut asking(server, &["logs", "partly", "service-001"]));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("exit code 0"), "{out}");
    let (_, _, err) = finish(&mut asking(server, &["status", "partly"]));
    assert!(err.contains("`campaigns logs partly acme/service-002`"), "{err}");
}

/// Ctrl-C leaves a run going, and says so.
fn follows_and_leaves(server: &Server, text: &str, spec: &std::path::Path) {
    let slow = text.replace("greeting", "slow") + "rollout: {maxOpen: 1}\n";
    std::fs::write(spec, slow).unwrap();
    let apply = ["apply", "-f", spec.to_str().unwrap()];
    let mut following = asking(server, &apply).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(following.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.contains("opened http")));
    let done = Command::new("kill").args(["-s", "INT", &following.id().to_string()]).status().unwrap();
    assert!(done.success());
    let said: Vec<String> = lines.collect();
    assert_eq!(following.wait().unwrap().code(), Some(1));
    assert!(said.last().unwrap().contains("goes on: `campaigns watch "), "{said:?}");
    leaves_where_nobody_reads(server);
    let (code, _, err) = finish(&mut asking(server, &["cancel", "slow"]));
    assert_eq!(code, Some(0), "{err}");
}

/// `campaigns watch NAME 2>&1 | head` ends with `head`, though the run says nothing more for now.
fn leaves_where_nobody_reads(server: &Server) {
    let (reader, writer) = pipe().unwrap();
    let mut watch = asking(server, &["watch", "slow"]);
    let mut watching = watch.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    // The command holds the writing end too.
    drop(watch);
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("opened http")));
    drop(lines);
    let deadline = Instant::now() + Duration::from_secs(120);
    let ended = loop {
        if let Some(status) = watching.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            watching.kill().unwrap();
            panic!("it goes on though nobody reads what it says");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(1));
}

#[test]
fn what_is_no_address_and_no_name_is_said_before_anything_is_asked() {
    for address in ["127.0.0.1:7717", "ftp://127.0.0.1", "nothing"] {
        let command = ["status", "--server", address];
        let (code, _, err) = finish(campaigns().args(command).env("CAMPAIGNS_TOKEN", "x"));
        assert_eq!(code, Some(1));
        assert!(err.contains(&format!("`{address}` is no server's address: write `http://")), "{err}");
    }
    let secret = ["status", "--server", "http://ada:hush@127.0.0.1:1"];
    let (code, _, err) = finish(campaigns().args(secret).env("CAMPAIGNS_TOKEN", "x"));
    assert_eq!(code, Some(1));
    assert!(err.contains("no user and no password") && !err.contains("hush"), "{err}");
    let nobody = "http://127.0.0.1:1";
    let (code, _, err) = finish(campaigns().args(["status", "--server", nobody]).env("CAMPAIGNS_TOKEN", "x"));
    assert_eq!(code, Some(1));
    assert!(err.contains(&format!("the server at {nobody} does not answer")), "{err}");
    assert!(err.contains("Connection refused") && !err.contains("client error"), "{err}");
    for name in ["", "..", "a/b", "ünï"] {
        let (code, _, err) = finish(campaigns().args(["close", name, "--yes"]));
        assert_eq!(code, Some(2), "{name}: {err}");
    }
    let room = tempfile::tempdir().unwrap();
    let spec = room.path().join("spec.yaml");
    std::fs::write(&spec, "name: \"..\"\n").unwrap();
    let (code, _, err) = finish(campaigns().args(["validate", "-f"]).arg(spec));
    assert_eq!(code, Some(1));
    assert!(err.contains("meaning of its own"), "{err}");
}

#[test]
fn help_tells_exit_codes_and_shows_examples() {
    let (code, out, _) = finish(campaigns().arg("--help"));
    assert_eq!(code, Some(0));
    assert!(out.contains("Exit codes:") && out.contains("3  it is done, and some targets"), "{out}");
    for verb in ["apply", "run", "validate", "status", "pace", "merge", "completions"] {
        let (code, out, _) = finish(campaigns().args(["help", verb]));
        assert_eq!(code, Some(0));
        assert!(out.contains("Example") && out.contains(&format!("campaigns {verb} ")), "{verb}: {out}");
    }
}
