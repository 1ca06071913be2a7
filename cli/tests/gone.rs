//! Repositories that go, told in a user's words: one campaign whose repositories are renamed, archived, closed to the
//! App, moved away, deleted and made anew before their pull requests are opened, and while they are open. The rest goes
//! on, each says exactly why it does not, what comes back goes on by itself, and nothing lands where it was not meant to.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::Twin;
use campaigns_wire::{Changeset, ChangesetState, RepositoryAway};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use support::{Api, Server, breathe, campaigns, finish};

const SECRET: &str = "the secret of these tests";

/// The changesets by what their repositories were called first.
async fn changesets(api: &Api) -> BTreeMap<String, Changeset> {
    let all = api.changesets("greeting").await;
    all.into_iter().map(|each| (each.repository.trim_start_matches("acme/").to_owned(), each)).collect()
}

async fn until(api: &Api, what: &str, is: impl Fn(&BTreeMap<String, Changeset>) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(180);
    loop {
        let now = changesets(api).await;
        if is(&now) {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: {now:#?}");
        breathe().await;
    }
}

fn stands(all: &BTreeMap<String, Changeset>, name: &str) -> (ChangesetState, Option<RepositoryAway>) {
    let one = &all[name];
    (one.state, one.away)
}

/// Somebody makes a repository of this name, with nothing of the former one but its name.
async fn make_anew(twin: &Twin, name: &str) {
    twin.repository(name).file("README.md", "# Quite another one\n").create().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_says_why_and_what_comes_back_goes_on() {
    use {ChangesetState as S, RepositoryAway as A};
    let room = support::room();
    let twin = support::twin(room.path(), 14).await;
    twin.repository("public").public().file("README.md", "# Public\n").create().await.unwrap();
    let secret = room.path().join("webhook-secret");
    std::fs::write(&secret, SECRET).unwrap();
    let app = twin.app();
    let (id, key) = (app.id.to_string(), app.private_key_file);
    let flags = ["--webhook-secret-file", secret.to_str().unwrap(), "--app-id", &id, "--app-key-file"];
    let flags = [&flags[..], &[key.to_str().unwrap()]].concat();
    let server = Server::start_with(&room.path().join("data"), &twin, &flags);
    twin.send_webhooks(&format!("{}/webhooks/github", server.url), SECRET).unwrap();
    let api = server.api();
    let run = |words: &[&str], expected: i32| {
        let mut command = campaigns();
        command.args(words).args(["-o", "json", "--server", &server.url]);
        command.env("CAMPAIGNS_TOKEN", &server.token);
        let (code, out, err) = finish(&mut command);
        assert_eq!(code, Some(expected), "{words:?}: {out} {err}");
        out
    };

    // Everything is carried out, and nothing is published yet.
    let kept_back = support::SPEC.replace("published: true", "published: false");
    api.apply("greeting", &kept_back).await;
    let first = api.create_run("greeting", "one").await;
    api.ended(first.id).await;
    twin.as_maintainer(|person| person.rename("service-001", "renamed")).await.unwrap();
    twin.as_maintainer(|person| person.archive("service-002", true)).await.unwrap();
    twin.as_maintainer(|person| person.delete_repository("service-003")).await.unwrap();
    twin.as_maintainer(|person| person.delete_repository("service-004")).await.unwrap();
    make_anew(&twin, "service-004").await;
    twin.as_maintainer(|person| person.rename("service-006", "elsewhere")).await.unwrap();
    make_anew(&twin, "service-006").await;
    twin.as_maintainer(|person| person.transfer("public", "globex")).await.unwrap();
    let select = async |without: &[&str]| {
        let mut names = twin.repositories();
        names.retain(|name| !without.contains(&name.as_str()));
        twin.as_maintainer(move |person| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            person.select_repositories(Some(&names))
        })
        .await
        .unwrap();
    };
    select(&["service-007"]).await;
    run(&["publish", "greeting", "--yes"], 0);
    until(&api, "all of them have ended", |all| {
        all.values().all(|each| !matches!(each.state, S::Unpublished | S::Scheduled | S::Publishing))
    })
    .await;
    let now = changesets(&api).await;
    assert_eq!(stands(&now, "service-008"), (S::Open, None), "the rest goes on: {now:#?}");
    for (name, away, words) in [
        ("service-002", A::Archived, "is archived and read-only: unarchive it"),
        ("service-003", A::Gone, "the repository acme/service-003 is gone"),
        ("service-004", A::Replaced, "is another repository now"),
        ("service-007", A::Gone, "taken from the repositories that acme has selected"),
        ("public", A::Moved, "globex has not installed the GitHub App"),
    ] {
        let one = &now[name];
        assert_eq!((one.state, one.away), (S::Blocked, Some(away)), "{name}: {one:#?}");
        assert!(one.why.contains(words), "{name}: {}", one.why);
    }
    // Renamed ones are followed by their ids, also where another one has taken the name.
    let opened = support::opened(&twin);
    assert!(opened.contains_key("acme/renamed") && opened.contains_key("acme/elsewhere"), "{opened:?}");
    for other in ["service-004", "service-006"] {
        assert!(twin.pulls(other).is_empty(), "nothing is published to another {other}");
    }
    let table = {
        let mut command = campaigns();
        command.args(["status", "greeting", "--server", &server.url]);
        command.env("CAMPAIGNS_TOKEN", &server.token);
        finish(&mut command).1
    };
    assert!(table.contains("is archived and read-only: unarchive it"), "{table}");

    // What comes back goes on by itself: webhooks say so.
    twin.as_maintainer(|person| person.archive("service-002", false)).await.unwrap();
    select(&[]).await;
    until(&api, "they go on", |all| {
        ["service-002", "service-007"].iter().all(|name| stands(all, name) == (S::Open, None))
    })
    .await;
    // Of what nothing tells, `retry` has it tried, and so does a look after a while.
    twin.as_maintainer(|person| person.transfer("public", "acme")).await.unwrap();
    run(&["retry", "greeting", "--state", "blocked", "--yes"], 0);
    until(&api, "it goes on", |all| stands(all, "public") == (S::Open, None)).await;
    // Whoever is done with what is gone closes it.
    until(&api, "it was tried", |all| stands(all, "service-003").0 == S::Blocked).await;
    run(&["close", "greeting", "--only", "acme/service-003", "--yes"], 0);
    until(&api, "it is closed", |all| stands(all, "service-003").0 == S::Closed).await;

    // The same while pull requests are open.
    twin.as_maintainer(|person| person.archive("service-008", true)).await.unwrap();
    twin.as_maintainer(|person| person.delete_repository("service-009")).await.unwrap();
    select(&["service-011"]).await;
    run(&["sync", "greeting"], 0);
    let now = changesets(&api).await;
    assert!(now["service-008"].seen.as_ref().unwrap().archived, "{:#?}", now["service-008"]);
    assert_eq!(now["service-008"].state, S::Open);
    for name in ["service-009", "service-011"] {
        assert_eq!(now[name].state, S::Blocked, "{name}: {:#?}", now[name]);
        assert!(now[name].why.contains(&format!("the repository acme/{name} is gone")), "{}", now[name].why);
    }
    select(&[]).await;
    until(&api, "it is open again", |all| all["service-011"].state == S::Open).await;
    let twice: Vec<_> = support::opened(&twin).into_iter().filter(|(_, times)| *times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let refused = twin.log().unwrap().into_iter().filter(|entry| entry.status == 501);
    assert_eq!(refused.map(|entry| entry.operation).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(server.stop(), Some(0));
}
