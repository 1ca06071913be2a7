//! What pull requests wear, from the spec to the code host and back: labels, assignees, reviewers; what is not allowed
//! is told; what people change stays as they left it; and a label selects.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_wire::{Asked, ChangesetState};
use std::time::{Duration, Instant};
use support::{SPEC, Server, campaigns, finish};

/// The spec with this under `changesetTemplate`, and this greeting.
fn spec(dress: &str, greeting: &str) -> String {
    format!("{}  {dress}\n", SPEC.replace("Hello from a campaign.", greeting))
}

fn command(server: &Server, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = campaigns();
    finish(command.args(words).args(["--server", &server.url]).env("CAMPAIGNS_TOKEN", &server.token))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_requests_wear_what_the_spec_says_and_people_leave_on() {
    let room = support::room();
    let twin = support::twin(room.path(), 3).await;
    twin.as_maintainer(|person| person.form_team("core", &["reviewer"])).await.unwrap();
    let server = Server::start(&room.path().join("data"), &twin);
    let file = room.path().join("spec.yaml");
    let apply = |text: String| {
        std::fs::write(&file, text).unwrap();
        let (code, _, err) = command(&server, &["apply", "-f", file.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{err}");
    };
    apply(spec(
        "labels: [automated, 'of ${{ campaign.name }}']\n  assignees: [reviewer]\n  reviewers: [stranger, \
         reviewer]\n  teamReviewers: [core]",
        "Hello.",
    ));
    let reviewer = twin.world().read(|state| state.account("reviewer").unwrap().id);
    for name in ["service-001", "service-002", "service-003"] {
        let pull = twin.pulls(name).remove(0);
        assert_eq!(pull.labels, ["automated", "of greeting"]);
        assert_eq!((pull.assignees, pull.reviewers, pull.teams.len()), (vec![reviewer], vec![reviewer], 1));
    }
    let changesets = server.api().changesets("greeting").await;
    assert!(changesets.iter().all(|each| each.state == ChangesetState::Open && each.notes.len() == 1));
    let (code, out, err) = command(&server, &["status", "greeting"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.lines().all(|line| line.contains("reviewer `stranger` not put on")), "{out}");

    // Somebody tidies up; the next version brings what is new in it.
    twin.as_maintainer(|person| {
        person.remove_label("service-001", 1, "automated")?;
        person.add_label("service-001", 1, "mine")
    })
    .await
    .unwrap();
    apply(spec("labels: [automated, greeted]", "Hello again."));
    let labels = |name: &str| twin.pulls(name).remove(0).labels;
    assert_eq!(labels("service-001"), ["of greeting", "mine", "greeted"]);
    assert_eq!(labels("service-002"), ["automated", "of greeting", "greeted"]);
    let changesets = server.api().changesets("greeting").await;
    assert!(changesets.iter().all(|each| each.notes.is_empty()), "{changesets:#?}");

    // What a pull request has decides, and not what the spec wants.
    let close = |label| ["close", "greeting", "--label", label, "--yes", "-o", "json"];
    let (code, out, err) = command(&server, &close("Automated"));
    assert_eq!(code, Some(0), "{err}");
    let asked: Asked = serde_json::from_str(&out).unwrap();
    let covered: Vec<&str> = asked.changesets.iter().map(|each| each.repository.as_str()).collect();
    assert_eq!(covered, ["acme/service-002", "acme/service-003"]);
    let deadline = Instant::now() + Duration::from_secs(120);
    let closed = async || {
        let all = server.api().changesets("greeting").await;
        all.iter().filter(|each| each.state == ChangesetState::Closed).count()
    };
    while closed().await < 2 {
        assert!(Instant::now() < deadline, "they are not closed");
        support::breathe().await;
    }
    assert!(twin.pulls("service-001")[0].is_open());
    let writes = |operation: &str, done: bool| {
        let log = twin.log().unwrap();
        log.iter().filter(|entry| entry.operation == operation && (entry.status < 300) == done).count()
    };
    assert_eq!(writes("issues/add-labels", true), 6, "one for each pull request and version");
    assert_eq!(writes("issues/add-assignees", true), 3);
    // All together is refused for the stranger's sake, then each is asked alone.
    assert_eq!(writes("pulls/request-reviewers", true), 3 * 2);
    assert!(writes("pulls/request-reviewers", false) >= 3 * 2);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_opts_out_is_left_alone() {
    let room = support::room();
    let twin = support::twin(room.path(), 4).await;
    for (name, text) in [("service-001", "optOut: true\n"), ("service-002", "optOut: ['bump-*']\n")] {
        let files = [(".github/campaigns.yml", Some(text.as_bytes()))];
        twin.push(name, "main", &files).await.unwrap();
    }
    twin.as_maintainer(|person| person.add_topic("service-004", "campaigns-opt-out")).await.unwrap();
    let server = Server::start(&room.path().join("data"), &twin);
    let file = room.path().join("spec.yaml");
    let apply = |text: String| {
        std::fs::write(&file, text).unwrap();
        let (code, _, err) = command(&server, &["apply", "-f", file.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{err}");
    };
    apply(spec("labels: [automated]", "Hello."));
    let (code, out, err) = command(&server, &["status", "greeting"]);
    assert_eq!(code, Some(0), "{err}");
    let line = out.lines().find(|line| line.contains("service-004")).unwrap();
    assert!(line.contains("the repository opts out by its topic `campaigns-opt-out`"), "{line}");
    let line = out.lines().find(|line| line.contains("service-001")).unwrap();
    assert!(line.contains("the repository opts out by its `.github/campaigns.yml`"), "{line}");
    let opened = support::opened(&twin);
    assert_eq!(opened.keys().collect::<Vec<_>>(), ["acme/service-002", "acme/service-003"]);
    let body = twin.pulls("service-003")[0].body.clone().unwrap();
    for words in
        ["campaign **greeting**", "spec `", "`on` takes every repository of `acme`", ".github/campaigns.yml"]
    {
        assert!(body.contains(words), "{words} is not in {body}");
    }

    // Somebody puts the label on one of them; the next version leaves it as it is.
    twin.as_maintainer(|person| person.add_label("service-003", 1, "campaigns:opt-out")).await.unwrap();
    let before = twin.pulls("service-003")[0].head_sha.clone();
    let (code, _, err) = command(&server, &["sync", "greeting"]);
    assert_eq!(code, Some(0), "{err}");
    let changesets = server.api().changesets("greeting").await;
    let theirs = changesets.iter().find(|each| each.repository == "acme/service-003").unwrap();
    assert_eq!(theirs.state, ChangesetState::HandedOver, "{theirs:?}");
    apply(spec("labels: [automated]", "Hello again."));
    assert_eq!(twin.pulls("service-003")[0].head_sha, before);
    assert_eq!(server.stop(), Some(0));
}
