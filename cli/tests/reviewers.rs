//! Who is asked to review: code owners of what a pull request changes, a few each, once it is ready; whoever waits is
//! asked once somebody has room, and whom GitHub asks by itself is not asked twice.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::Twin;
use campaigns_wire::{Changeset, ChangesetState};
use std::time::{Duration, Instant};
use support::{SPEC, Server, campaigns, finish};

const NAMES: [&str; 4] = ["service-001", "service-002", "service-003", "service-004"];

/// Four services with a CODEOWNERS file each; `asks` says whether GitHub asks code owners by itself.
async fn owned(folder: &std::path::Path, asks: bool) -> Twin {
    let twin = support::twin(folder, 4).await;
    for name in NAMES {
        let file: &[u8] = b"* @maintainer\n# The words are theirs.\n*.md @reviewer words@example.com\n";
        twin.push(name, "main", &[(".github/CODEOWNERS", Some(file))]).await.unwrap();
    }
    twin.as_maintainer(move |person| {
        NAMES.iter().try_for_each(|name| person.set(name, |settings| settings.asks_code_owners = asks))
    })
    .await
    .unwrap();
    twin
}

/// Applies the spec with this under `changesetTemplate`, and runs commands that have to go well.
fn begin(server: &Server, folder: &std::path::Path, dress: &str) -> impl Fn(&[&str]) -> String + use<> {
    let command = {
        let (url, token) = (server.url.clone(), server.token.clone());
        move |words: &[&str]| {
            let mut command = campaigns();
            let command = command.args(words).args(["--server", &url]).env("CAMPAIGNS_TOKEN", &token);
            let (code, out, err) = finish(command);
            assert_eq!(code, Some(0), "{words:?}: {err}");
            out
        }
    };
    let file = folder.join("spec.yaml");
    std::fs::write(&file, format!("{}  {dress}\n", SPEC.replace("published: true", "published: draft")))
        .unwrap();
    command(&["apply", "-f", file.to_str().unwrap()]);
    command
}

/// Waits until so many pull requests are as this says.
async fn until(server: &Server, what: &str, count: usize, is: impl Fn(&Changeset) -> bool) -> Vec<Changeset> {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let all = server.api().changesets("greeting").await;
        if all.iter().filter(|each| is(each)).count() == count {
            return all;
        }
        assert!(Instant::now() < deadline, "{what}: {all:#?}");
        support::breathe().await;
    }
}

fn asked(twin: &Twin) -> Vec<&'static str> {
    let reviewer = twin.world().read(|state| state.account("reviewer").unwrap().id);
    NAMES.into_iter().filter(|name| twin.pulls(name)[0].reviewers == [reviewer]).collect()
}

fn is_asked(each: &Changeset) -> bool {
    each.code_owners.as_ref().is_some_and(|owners| owners.asked == ["reviewer"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_owners_are_asked_once_drafts_are_ready_and_no_more_of_each_than_the_spec_allows() {
    let room = support::room();
    let twin = owned(room.path(), false).await;
    let server = Server::start(&room.path().join("data"), &twin);
    let command = begin(&server, room.path(), "codeOwners: {atMost: 1, maxOpenEach: 2}");
    let drafts = server.api().changesets("greeting").await;
    assert!(drafts.iter().all(|each| each.state == ChangesetState::Draft && each.code_owners.is_none()));
    assert!(
        NAMES.iter().all(|name| twin.pulls(name)[0].reviewers.is_empty()),
        "nobody is asked to review drafts"
    );

    // Three are made ready by command, and one by a person's press of the button.
    command(&["ready", "greeting", "--only", "acme/service-00[123]", "--yes"]);
    until(&server, "three are ready", 3, |each| {
        each.state == ChangesetState::Open && each.code_owners.is_some()
    })
    .await;
    assert_eq!(asked(&twin).len(), 2, "as many as the spec allows");
    twin.as_maintainer(|person| person.mark_ready("service-004", 1)).await.unwrap();
    command(&["sync", "greeting"]);
    let all =
        until(&server, "all are", 4, |each| each.code_owners.is_some() && each.state == ChangesetState::Open)
            .await;
    assert_eq!((asked(&twin).len(), all.iter().filter(|each| is_asked(each)).count()), (2, 2));
    for each in all.iter().filter(|each| !is_asked(each)) {
        let owners = each.code_owners.as_ref().unwrap();
        assert_eq!(
            (owners.waiting.as_slice(), owners.left_out[0].who.as_str()),
            (&["reviewer".to_owned()][..], "words@example.com")
        );
    }
    let out = command(&["status", "greeting"]);
    let waits = "code owner `reviewer` is asked once fewer review requests of this campaign are open there";
    assert_eq!(out.lines().filter(|line| line.contains(waits)).count(), 2, "{out}");

    // One is merged and one is reviewed: each makes room for one more.
    let first = asked(&twin);
    let (merged, reviewed) = (first[0], first[1]);
    twin.merge(merged, 1).await.unwrap();
    command(&["sync", "greeting"]);
    until(&server, "one more is asked", 3, is_asked).await;
    assert_eq!(asked(&twin).iter().filter(|name| **name != merged).count(), 2);
    twin.as_person("reviewer", move |person| person.approve(reviewed, 1)).await.unwrap();
    command(&["sync", "greeting"]);
    until(&server, "the last is asked", 4, is_asked).await;
    let writes =
        twin.log().unwrap().iter().filter(|entry| entry.operation == "pulls/request-reviewers").count();
    assert_eq!(writes, 4, "each was asked once");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_github_asks_by_itself_is_not_asked_twice() {
    let room = support::room();
    let twin = owned(room.path(), true).await;
    let server = Server::start(&room.path().join("data"), &twin);
    let command = begin(&server, room.path(), "codeOwners: true");
    command(&["ready", "greeting", "--yes"]);
    until(&server, "they are asked", 4, is_asked).await;
    assert_eq!(asked(&twin).len(), 4);
    assert!(twin.log().unwrap().iter().all(|entry| entry.operation != "pulls/request-reviewers"));
    assert_eq!(server.stop(), Some(0));
}
