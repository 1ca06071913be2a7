//! `campaigns run`: a campaign with no server, as a user sees it: what is at the code host afterwards, continuing
//! after Ctrl-C, dry runs, and traffic that GitHub's own description allows.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::{Effect, Entry, Fault, Options, Twin};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use support::{SPEC, Server, campaigns, finish, opened};

/// `campaigns run` on a spec, against a twin, with JSON on standard output.
fn run(room: &Path, twin: &Twin, spec: &str) -> Command {
    run_as("json", room, twin, spec)
}

fn run_as(form: &str, room: &Path, twin: &Twin, spec: &str) -> Command {
    let file = room.join("spec.yaml");
    std::fs::write(&file, spec).unwrap();
    let mut command = campaigns();
    command.args(["run", "--unlimited", "-o", form, "--github-url", &twin.url(), "-f"]).arg(file);
    command.arg("--data").arg(room.join("data")).env("GITHUB_TOKEN", twin.token());
    command
}

fn git(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Clones a repository from the twin over HTTP, as anybody would.
fn clone(room: &Path, twin: &Twin, name: &str) -> PathBuf {
    let url = format!(
        "{}/acme/{name}.git",
        twin.url().replace("//", &format!("//x-access-token:{}@", twin.token()))
    );
    let folder = room.join(format!("clone-{name}"));
    git(&["clone", "--quiet", &url, folder.to_str().unwrap()], room);
    folder
}

const AWKWARD: &str = "\
name: awkward
on:
  - repository: acme/awkward
steps:
  - run: |
      echo changed >> plain.txt
      chmod +x tool.sh
      ln -sf plain.txt link
      rm old.txt
      printf 'made\\0binary' > made.bin
changesetTemplate:
  title: Change what is awkward
  body: All of it.
  branch: campaigns/awkward
  commit: {message: Change what is awkward}
  published: true
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_branch_holds_exactly_the_stored_diff_and_nothing_is_lost_or_rewritten() {
    let room = support::room();
    let twin = Twin::start(Options::default()).await.unwrap();
    twin.repository("awkward")
        .attributes("secret.txt export-ignore\nwindows.txt text eol=crlf\nstamp.txt export-subst\n")
        .file("secret.txt", "left out of archives\n")
        .file("windows.txt", "one\ntwo\n")
        .file("stamp.txt", "$Format:%H$\n")
        .file("plain.txt", "plain\n")
        .file("tool.sh", "#!/bin/sh\n")
        .file("old.txt", "old\n")
        .executable("bin/run", "#!/bin/sh\necho run\n")
        .symlink("link", "windows.txt")
        .file("data.bin", [0_u8, 159, 146, 150])
        .create()
        .await
        .unwrap();
    let (code, out, err) = finish(&mut run(room.path(), &twin, AWKWARD));
    assert_eq!(code, Some(0), "{err}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&summary["changed"], &summary["pull_requests_open"]),
        (&Value::from(1), &Value::from(1)),
        "{summary}"
    );

    let clone = clone(room.path(), &twin, "awkward");
    assert_eq!(git(&["rev-list", "--count", "origin/main..origin/campaigns/awkward"], &clone).trim(), "1");
    let changed = git(
        &["diff", "--raw", "--no-abbrev", "--no-renames", "origin/main", "origin/campaigns/awkward"],
        &clone,
    );
    let mut lines: Vec<(String, String, String)> = changed
        .lines()
        .map(|line| {
            let (modes, path) = line.split_once('\t').unwrap();
            let parts: Vec<&str> = modes.trim_start_matches(':').split(' ').collect();
            (path.to_owned(), parts[1].to_owned(), parts[4].to_owned())
        })
        .collect();
    lines.sort();
    let row = |path: &str, mode: &str, how: &str| (path.to_owned(), mode.to_owned(), how.to_owned());
    assert_eq!(
        lines,
        [
            row("link", "120000", "M"),
            row("made.bin", "100644", "A"),
            row("old.txt", "000000", "D"),
            row("plain.txt", "100644", "M"),
            row("tool.sh", "100755", "M"),
        ]
    );
    let show = |path: &str| git(&["show", &format!("origin/campaigns/awkward:{path}")], &clone);
    assert_eq!(show("windows.txt"), "one\ntwo\n");
    assert_eq!(show("stamp.txt"), "$Format:%H$\n");
    assert_eq!(show("secret.txt"), "left out of archives\n");
    assert_eq!(show("link"), "plain.txt");
    assert_eq!(show("made.bin"), "made\0binary");

    // The diff that people are shown, applied to the base by git itself, is the branch: to the last byte and mode
    // (a binary's new content is not part of a diff for people).
    let stored = stored_diff(&room.path().join("data/artifacts/executions"));
    git(&["checkout", "--quiet", "origin/main"], &clone);
    git(&["apply", "--index", "--exclude=made.bin", stored.to_str().unwrap()], &clone);
    git(&["checkout", "--quiet", "origin/campaigns/awkward", "--", "made.bin"], &clone);
    let tree = git(&["write-tree"], &clone);
    assert_eq!(tree, git(&["rev-parse", "origin/campaigns/awkward^{tree}"], &clone));
}

/// The one execution's diff.
fn stored_diff(executions: &Path) -> PathBuf {
    let mut kept: Vec<PathBuf> = executions.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1);
    kept.remove(0).join("changes.diff")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_ctrl_c_the_same_command_continues() {
    let room = support::room();
    let twin = support::twin(room.path(), 20).await;
    // Answers are held from the eighth pull request on, so that Ctrl-C certainly comes in the middle.
    twin.faults().add(Fault::on("pulls/create", Effect::HoldAnswer { ms: 600_000 }).after(7));
    let child = run(room.path(), &twin, SPEC).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while opened(&twin).len() < 8 {
        assert!(Instant::now() < deadline, "the run does not get that far");
        support::breathe().await;
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let stopped = child.wait_with_output().unwrap();
    assert_eq!(stopped.status.code(), Some(1));
    let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert!(said.contains("the same command continues"), "{said}");
    twin.faults().clear();

    let (code, out, err) = finish(&mut run(room.path(), &twin, SPEC));
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("continuing run"), "{err}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["pull_requests_open"], Value::from(16), "{summary}");
    let opened = opened(&twin);
    assert_eq!(opened.len(), 16);
    assert!(opened.values().all(|count| *count == 1), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_writes_nothing_at_the_code_host_and_keeps_the_diffs() {
    let room = support::room();
    let twin = support::twin(room.path(), 5).await;
    let (code, out, err) =
        finish(run(room.path(), &twin, SPEC).args(["--dry-run", "--only", "service-00[123]"]));
    assert_eq!(code, Some(0), "{err}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&summary["changed"], &summary["skipped"]), (&Value::from(3), &Value::from(2)), "{summary}");
    assert_eq!(summary["pull_requests_open"], Value::from(0));
    let gated = "rollout: {waves: [{name: canary, targets: 1, gate: {checksPassed: 100%}}, {name: rest}]}\n";
    let (code, out, err) =
        finish(run_as("table", room.path(), &twin, &format!("{SPEC}{gated}")).arg("--dry-run"));
    assert_eq!(code, Some(0), "{err}");
    let waits = "and longer where it has to wait for the gate of wave `canary`";
    assert!(out.contains("publishing would open") && out.contains(waits), "{out}");
    assert!(out.contains("+Hello from a campaign.") && out.contains("dry run"), "{out}");
    let writes: Vec<_> = twin.log().unwrap().into_iter().filter(|entry| entry.writes).collect();
    assert!(writes.is_empty(), "{writes:?}");
}

/// A whole campaign, from its spec to a merge that was seen, with its traffic recorded; as a person and as an App.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_said_and_answered_is_what_github_describes() {
    let room = support::room();
    let from = support::services(room.path(), 10);
    for app in [false, true] {
        let record = room.path().join(format!("exchanges-{app}.jsonl"));
        let options =
            Options { from: Some(from.clone()), record: Some(record.clone()), ..Options::default() };
        let twin = Twin::start(options).await.unwrap();
        let access = twin.app();
        let id = access.id.to_string();
        let key = access.private_key_file.display().to_string();
        let flags: &[&str] = if app { &["--app-id", &id, "--app-key-file", &key] } else { &[] };
        let server = Server::start_with(&room.path().join(format!("data-{app}")), &twin, flags);
        let api = server.api();
        api.apply("greeting", SPEC).await;
        let run = api.create_run("greeting", "once").await.id;
        let ended = api.ended(run).await;
        assert_eq!(ended.totals.changesets.get("open"), Some(&8), "{:?}", ended.totals);
        // Of each repository two things are read by REST before anything is sent there: our branch, and its pull requests;
        // and again where a write got no answer in time.
        let log = twin.log().unwrap();
        let read = |operation: &'static str| log.iter().filter(move |entry| entry.operation == operation);
        assert!(read("repos/get-branch").count() >= 8 && read("pulls/list").count() >= 8);
        let own = |entry: &Entry| entry.path.ends_with("/branches/campaigns/greeting");
        assert!(read("repos/get-branch").all(own), "the bases are read at once");
        twin.merge("service-001", 1).await.unwrap();
        let mut sync = campaigns();
        sync.args(["sync", "greeting", "--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token);
        let (code, out, err) = finish(&mut sync);
        assert_eq!(code, Some(0), "{err}");
        assert!(out.contains("merged"), "{out}");
        assert_eq!(server.stop(), Some(0));

        let oracle =
            campaigns_twin::oracle::Oracle::load(&campaigns_twin::oracle::Oracle::installed()).unwrap();
        let (exchanges, violations) = oracle.check_file(&record).unwrap();
        assert!(exchanges > 60, "only {exchanges} exchanges were recorded");
        assert!(violations.is_empty(), "{violations:#?}");
    }
}
